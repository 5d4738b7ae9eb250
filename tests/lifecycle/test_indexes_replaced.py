"""An index in whose place another one of its name comes: built beside the old one, which goes at contract."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected in this test"
TABLES = """
    CREATE TABLE users (id bigint PRIMARY KEY, name text, age int);
    INSERT INTO users SELECT g, 'n' || g, g FROM generate_series(1, 20) AS g;
    CREATE INDEX by_name ON users (name); CREATE UNIQUE INDEX once ON users (age);
    CREATE TABLE parts (id int) PARTITION BY LIST (id); CREATE INDEX part_id ON parts (id);
"""
SHAPES = {
    "plain": "DROP INDEX by_name; CREATE INDEX by_name ON users (name, age) WHERE age > 3",
    "if it exists": "DROP INDEX IF EXISTS by_name; CREATE INDEX by_name ON users (age)",
    "concurrently": "CREATE INDEX CONCURRENTLY by_name_temp ON users (name DESC); DROP INDEX CONCURRENTLY by_name;"
    "ALTER INDEX by_name_temp RENAME TO by_name",
    "unique": "DROP INDEX once; CREATE UNIQUE INDEX once ON users (age, name)",
    "unique, renamed": "CREATE UNIQUE INDEX fresh ON users (age, id); DROP INDEX once;ALTER INDEX fresh RENAME TO once",
    "not unique any more": "DROP INDEX once; CREATE INDEX once ON users (age)",
    "two in turn": "CREATE INDEX a ON users (age); ALTER INDEX by_name RENAME TO b; ALTER INDEX a RENAME TO c",
    "of a new table": "CREATE TABLE x (a int); CREATE INDEX x_1 ON x (a); ALTER INDEX x_1 RENAME TO x_2",
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_shape_is_what_the_plain_sql_makes(sandbox: Sandbox, name: str) -> None:
    sandbox.execute(TABLES)
    sandbox.install()
    before = sandbox.snapshot()
    after = sandbox.shape_after(SHAPES[name].replace(" CONCURRENTLY", ""))
    migration = sandbox.new("replaced", SHAPES[name])
    sandbox.expand(migration)
    sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert sandbox.snapshot() == before
    sandbox.expand(migration)
    assert sandbox.value("SELECT count(*) FROM pg_class WHERE relname = 'once'") == 1
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.snapshot() == after
    assert sandbox.leftovers() == []


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DROP INDEX part_id; CREATE INDEX part_id ON parts (id DESC)", "of partitioned table"),
        ("DROP INDEX by_name; CREATE INDEX by_name ON users (age); COMMENT ON INDEX by_name IS 'x'", "would go with"),
        ("CREATE INDEX by_name ON users (age)", "exists already"),
        ("CREATE INDEX a ON users (age); ALTER INDEX a RENAME TO by_name", "exists already"),
        ("ALTER INDEX nothing RENAME TO by_name", 'index "nothing" does not exist'),
    ],
)
def test_what_cannot_take_the_name_is_refused(sandbox: Sandbox, sql: str, reason: str) -> None:
    sandbox.execute(TABLES)
    with pytest.raises(Refused) as caught:
        sandbox.new("refused", sql)
    assert reason in refusal(caught.value)
