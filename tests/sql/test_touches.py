from __future__ import annotations

from pathlib import Path

import pytest

from migrator.sql.touches import touched_by


@pytest.mark.parametrize(
    ("sql", "tables", "columns"),
    [
        ("ALTER TABLE s.users DROP COLUMN legacy", set(), {("users", "legacy")}),
        ("ALTER TABLE users RENAME COLUMN name TO title", set(), {("users", "name"), ("users", "title")}),
        ("ALTER TABLE users ALTER COLUMN id TYPE bigint", set(), {("users", "id")}),
        ("ALTER TABLE users ALTER COLUMN id DROP NOT NULL", set(), {("users", "id")}),
        ("ALTER TABLE users ALTER COLUMN id SET NOT NULL", {"users"}, set()),
        ("ALTER TABLE users ALTER COLUMN id DROP DEFAULT", {"users"}, set()),
        ("ALTER TABLE users ADD CHECK (id > 0)", {"users"}, set()),
        ("ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c NOT VALID", {"a", "c"}, set()),
        ("ALTER TABLE a ADD CONSTRAINT n CHECK (b > 0); ALTER TABLE a DROP CONSTRAINT n", {"a"}, set()),
        ("ALTER TABLE a ENABLE ROW LEVEL SECURITY", {"a"}, set()),
        ("ALTER TABLE a DETACH PARTITION a_1 CONCURRENTLY", {"a", "a_1"}, set()),
        ("ALTER TABLE a RENAME TO b", {"a", "b"}, set()),
        ("ALTER TABLE a SET SCHEMA b", {"a"}, set()),
        ("DROP TABLE s.a, b", {"a", "b"}, set()),
        ("DROP VIEW a", {"a"}, set()),
        ("DROP TRIGGER sync ON s.a; DROP FUNCTION s.migrator_a_sync()", {"a"}, set()),
        ("DROP POLICY p ON a", {"a"}, set()),
        ("CREATE UNIQUE INDEX ON a (b)", {"a"}, set()),
        ("CREATE INDEX ON a (b)", {"a"}, set()),
        ("ALTER TABLE a VALIDATE CONSTRAINT c; ANALYZE a; LOCK TABLE a", set(), set()),
    ],
)
def test_what_is_understood_names_whom_it_concerns(sql: str, tables: set[str], columns: set[tuple[str, str]]) -> None:
    found = touched_by(sql)
    assert (found.tables, found.columns, found.unclear) == (tables, columns, [])


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE a CASCADE",
        "ALTER TABLE a DROP COLUMN b CASCADE",
        "ALTER TABLE a DROP CONSTRAINT b",
        "ALTER TABLE a ADD COLUMN b int",
        "ALTER TABLE a INHERIT b",
        "DROP INDEX a",
        "ALTER INDEX a RENAME TO b",
        "ALTER TABLE a SET (security_invoker = true)",
        "DROP FUNCTION net(numeric)",
        "DROP SCHEMA a",
        "DROP SEQUENCE a",
        "DROP TYPE a",
        "ALTER TYPE a RENAME VALUE 'b' TO 'c'",
        "ALTER DOMAIN a ADD CHECK (value > 0)",
        "ALTER SEQUENCE a RENAME TO b",
        "REVOKE SELECT ON a FROM b",
        "CREATE OR REPLACE VIEW a AS SELECT 1",
        "CREATE OR REPLACE FUNCTION a() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE a (b int)",
        "UPDATE a SET b = 1",
        "SELECT setval('a', 1)",
        "DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$",
    ],
)
def test_what_may_concern_anybody_is_unclear(sql: str) -> None:
    assert touched_by(sql).unclear != []


def test_a_name_that_is_dropped_and_comes_back_is_not_the_same_thing() -> None:
    found = touched_by("ALTER TABLE a DROP COLUMN b; ALTER TABLE a RENAME COLUMN migrator_b_1 TO b")
    assert ("a", "b") in found.columns


def test_no_contract_that_the_tool_writes_passes_for_one_that_does_nothing() -> None:
    contracts = sorted(Path("examples").glob("*/contract.sql"))
    assert len(contracts) > 30
    for path in contracts:
        found = touched_by(path.read_text("utf-8"))
        assert found.relations or found.unclear, path
