"""A name that is taken twice in one migration is refused when it is planned, whatever kinds it is taken by."""

from __future__ import annotations

import pytest

from migrator.planning.names import of_steps
from tests.changes import plans

T = "CREATE TABLE n (x int)"
VIEW = "CREATE VIEW n AS SELECT 1 AS x"
ENUM = "CREATE TYPE n AS ENUM ('a')"


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        (f"{VIEW}; {VIEW}", 'view "public.n" cannot be made: before it, this migration gives the name to a view'),
        (f"{T}; CREATE SEQUENCE n", 'sequence "public.n" cannot be made: .* a table'),
        (f"{T}; CREATE INDEX n ON users (name)", 'index "public.n" cannot be made: .* a table'),
        (f"{ENUM}; {T}", 'table "public.n" cannot be made: .* a type'),
        (f"CREATE DOMAIN n AS int; {T}", 'table "public.n" cannot be made: .* a domain'),
        (f"CREATE DOMAIN n AS int; {ENUM}", 'type "public.n" cannot be made: .* a domain'),
        ("CREATE MATERIALIZED VIEW n AS SELECT 1 AS x; CREATE INDEX n ON users (name)", 'index "public.n" cannot be'),
        ("CREATE INDEX n ON users (id); CREATE INDEX n ON users (name)", 'index "public.n" cannot be made: .* index'),
        (
            "CREATE TABLE o (x int CONSTRAINT n UNIQUE); ALTER TABLE users ADD CONSTRAINT n UNIQUE (name)",
            'index "public.n" cannot be made: .* an index',
        ),
        (
            "ALTER TABLE users ADD CONSTRAINT n CHECK (id > 0); ALTER TABLE users ADD CONSTRAINT n CHECK (name <> '')",
            'constraint "n" of "public.users" cannot be made: .* a constraint',
        ),
        ("CREATE POLICY n ON users USING (true); CREATE POLICY n ON users USING (true)",
         'policy "n" of "public.users"'),
    ],
)  # fmt: skip
def test_a_name_that_is_taken_twice(sql: str, what: str):
    assert plans.refusal(sql).hint == "give one of them another name"
    with pytest.raises(Exception, match=what):
        plans.plan(sql)


@pytest.mark.parametrize(
    "steps",
    [
        ["DROP TABLE s.a", "CREATE TABLE s.a (x int)"],
        ["CREATE TABLE s.a (x int)", "DROP TABLE s.a", "CREATE TABLE s.a (x int)"],
        ["CREATE TABLE s.a (x int)", "ALTER TABLE s.a RENAME TO b", "CREATE TABLE s.a (x int)"],
        ["CREATE TABLE s.a (x int CONSTRAINT c UNIQUE)", "ALTER TABLE s.a DROP CONSTRAINT c", "CREATE TABLE s.c ()"],
        ["CREATE TABLE s.a (x int CONSTRAINT c UNIQUE)", "DROP TABLE s.a", "CREATE TABLE s.c ()"],
        [
            "CREATE TABLE s.a (x int CONSTRAINT c UNIQUE)", "ALTER TABLE s.a RENAME TO b", "DROP TABLE s.b",
            "CREATE TABLE s.c ()",
        ],
        ["CREATE INDEX i ON s.a (x)", "DROP INDEX s.i", "CREATE INDEX i ON s.a (x)"],
        ["CREATE UNIQUE INDEX i ON s.a (x)", "ALTER TABLE s.a ADD CONSTRAINT i UNIQUE USING INDEX i"],
        ["CREATE UNIQUE INDEX i ON s.a (x)", "ALTER TABLE s.a ADD CONSTRAINT j UNIQUE USING INDEX i",
            "CREATE TABLE s.i ()"],
        ["CREATE TYPE s.a AS ENUM ('x')", "DROP TYPE s.a", "CREATE DOMAIN s.a AS int"],
        ["CREATE TABLE s.a (x int)", "ALTER TABLE s.a SET SCHEMA t", "CREATE TABLE s.a (x int)"],
        ["CREATE TRIGGER a BEFORE INSERT ON s.t EXECUTE FUNCTION f()", "DROP TRIGGER a ON s.t",
         "CREATE TRIGGER a BEFORE UPDATE ON s.t EXECUTE FUNCTION f()"],
        ["CREATE TRIGGER a BEFORE INSERT ON s.t EXECUTE FUNCTION f()",
         "CREATE TRIGGER a BEFORE INSERT ON s.u EXECUTE FUNCTION f()"],
        ["CREATE VIEW s.a AS SELECT 1", "CREATE OR REPLACE VIEW s.a AS SELECT 2"],
        ["CREATE TABLE s.a (x int)", "CREATE TABLE IF NOT EXISTS s.a (x int)"],
        ["CREATE TABLE s.a (x int)", "CREATE TEMPORARY TABLE a (x int)", "CREATE TABLE t.a (x int)"],
        [
            "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0)",
            "ALTER TABLE t DROP COLUMN a",
            "ALTER TABLE t RENAME CONSTRAINT b TO k",
        ],
    ],
)  # fmt: skip
def test_a_name_that_is_free_again_may_be_taken(steps: list[str]):
    assert of_steps((step, "") for step in steps).twice == []


@pytest.mark.parametrize(
    "steps",
    [
        ["CREATE TABLE s.a (x int CONSTRAINT c UNIQUE)", "ALTER TABLE s.a RENAME TO b", "CREATE TABLE s.c ()"],
        ["CREATE INDEX a ON s.b (x)", "ALTER TABLE t.a SET SCHEMA s"],
        ["CREATE TABLE s.a (x int CONSTRAINT c CHECK (x > 0))", "ALTER TABLE s.a RENAME TO b",
         "ALTER TABLE s.b ADD CONSTRAINT c CHECK (x > 1)"],
        ["CREATE TYPE s.a AS (x int)", "CREATE INDEX a ON s.b (x)"],
        ["ALTER INDEX s.i RENAME TO n", "CREATE INDEX n ON s.b (x)"],
        ["CREATE TYPE s.a AS RANGE (subtype = int)", "CREATE DOMAIN s.a AS int"],
        ["CREATE TRIGGER a BEFORE INSERT ON s.t EXECUTE FUNCTION f()",
         "CREATE TRIGGER a BEFORE INSERT ON s.t EXECUTE FUNCTION f()"],
        ["CREATE RULE a AS ON DELETE TO s.t DO INSTEAD NOTHING",
         "CREATE RULE a AS ON UPDATE TO s.t DO INSTEAD NOTHING"],
        ["ALTER TABLE s.a ADD COLUMN x int CONSTRAINT c UNIQUE", "CREATE INDEX c ON s.b (x)"],
    ],
)  # fmt: skip
def test_a_name_that_is_not(steps: list[str]):
    assert len(of_steps((step, "") for step in steps).twice) == 1
