"""A constraint in whose place another one of its name comes: at contract, in one transaction."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected in this test"
TABLES = """
    CREATE TABLE users (id bigint PRIMARY KEY, name text, age int, boss bigint);
    INSERT INTO users SELECT g, 'n' || g, g, g FROM generate_series(1, 20) AS g;
    ALTER TABLE users ADD CONSTRAINT named CHECK (name IN ('n1', 'n2') OR age > 2);
    ALTER TABLE users ADD CONSTRAINT once UNIQUE (name);
    ALTER TABLE users ADD CONSTRAINT led FOREIGN KEY (boss) REFERENCES users;
    ALTER TABLE users ADD CONSTRAINT apart EXCLUDE USING btree (age WITH =);
    CREATE TABLE parts (id int, n int CONSTRAINT small CHECK (n < 10)) PARTITION BY LIST (id);
    CREATE TABLE parts_1 PARTITION OF parts DEFAULT; INSERT INTO parts VALUES (1, 1);
    ALTER TABLE parts ADD CONSTRAINT part_once UNIQUE (id);
"""
SHAPES = {
    "check, wider": "ALTER TABLE users DROP CONSTRAINT named, ADD CONSTRAINT named CHECK (name <> 'nobody')",
    "check, in two statements": "ALTER TABLE users DROP CONSTRAINT named;"
    "ALTER TABLE users ADD CONSTRAINT named CHECK (age > 0)",
    "check, if it exists": "ALTER TABLE users DROP CONSTRAINT IF EXISTS named, ADD CONSTRAINT named CHECK (age > 0)",
    "check, not valid": "ALTER TABLE users DROP CONSTRAINT named, ADD CONSTRAINT named CHECK (age > 7) NOT VALID",
    "check of a partitioned table": "ALTER TABLE parts DROP CONSTRAINT small, ADD CONSTRAINT small CHECK (n < 20)",
    "unique": "ALTER TABLE users DROP CONSTRAINT once, ADD CONSTRAINT once UNIQUE (name, age) INCLUDE (boss)",
    "unique, deferrable": "ALTER TABLE users DROP CONSTRAINT once, ADD CONSTRAINT once UNIQUE (name) DEFERRABLE",
    "unique, with another table between": "ALTER TABLE users DROP CONSTRAINT once; CREATE TABLE x (a int);"
    "ALTER TABLE x ADD CONSTRAINT x_a CHECK (a > 0); ALTER TABLE users ADD CONSTRAINT once UNIQUE (age)",
    "unique over a new column": "ALTER TABLE users DROP CONSTRAINT once; ALTER TABLE users ADD COLUMN extra int;"
    "ALTER TABLE users ADD CONSTRAINT once UNIQUE (name, extra)",
    "foreign key": "ALTER TABLE users DROP CONSTRAINT led,"
    " ADD CONSTRAINT led FOREIGN KEY (boss) REFERENCES users ON DELETE CASCADE",
    "exclusion": "ALTER TABLE users DROP CONSTRAINT apart, ADD CONSTRAINT apart EXCLUDE USING btree (id WITH =)",
    "another sort": "ALTER TABLE users DROP CONSTRAINT named, ADD CONSTRAINT named UNIQUE (age)",
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_shape_is_what_the_plain_sql_makes(sandbox: Sandbox, name: str) -> None:
    sandbox.execute(TABLES)
    sandbox.install()
    before, after = sandbox.snapshot(), sandbox.shape_after(SHAPES[name])
    migration = sandbox.new("replaced", SHAPES[name])
    sandbox.expand(migration)
    sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert sandbox.snapshot() == before
    sandbox.expand(migration)
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.snapshot() == after


def test_rows_that_break_the_new_one_are_found_while_the_old_one_is_there(sandbox: Sandbox) -> None:
    sandbox.execute(TABLES)
    sandbox.install()
    migration = sandbox.new("narrower", "ALTER TABLE users DROP CONSTRAINT named, ADD CONSTRAINT named CHECK (age > 5)")
    sandbox.expand(migration)
    before = sandbox.snapshot()
    with pytest.raises(Refused, match="5 rows of public"):
        sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before
    sandbox.execute("DELETE FROM users WHERE age <= 5")
    sandbox.contract(migration, offline=OFFLINE)
    assert "age > 5" in sandbox.value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'named'")


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("ALTER TABLE parts DROP CONSTRAINT part_once, ADD CONSTRAINT part_once UNIQUE (id, n)", "one by one"),
        ("ALTER TABLE users DROP CONSTRAINT led, DROP boss, ADD CONSTRAINT led UNIQUE (age)", 'goes with column "b'),
        ("ALTER TABLE users ADD CONSTRAINT once UNIQUE (boss)", "exists already"),
        ("ALTER TABLE users DROP CONSTRAINT named, ADD CONSTRAINT once UNIQUE (boss)", "exists already"),
        (("ALTER TABLE users DROP CONSTRAINT once, ADD CONSTRAINT once UNIQUE (boss);"
         "COMMENT ON CONSTRAINT once ON users IS 'x'"), "would go with the one that is dropped"),
    ],
)  # fmt: skip
def test_what_cannot_change_places_is_refused(sandbox: Sandbox, sql: str, reason: str) -> None:
    sandbox.execute(TABLES)
    with pytest.raises(Refused) as caught:
        sandbox.new("refused", sql)
    assert reason in refusal(caught.value)
