"""Constraints as migrations written for downtime have them: on tables just made, NOT VALID, dropped IF EXISTS."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox

OFFLINE = "nobody is connected in this test"
TABLES = """
    CREATE TABLE users (id bigint PRIMARY KEY, name text, age int);
    INSERT INTO users SELECT g, 'n' || g, g - 5 FROM generate_series(1, 20) AS g;
"""
NEW_TABLES = """
    CREATE TABLE teams (id bigint, leader bigint, name text);
    CREATE TABLE members (id bigint NOT NULL, team bigint, owner bigint);
"""


@pytest.mark.parametrize(
    "sql",
    [
        f"""{NEW_TABLES}
        ALTER TABLE teams ADD PRIMARY KEY (id); ALTER TABLE members ADD CONSTRAINT members_pkey PRIMARY KEY (id);
        ALTER TABLE teams ADD CONSTRAINT led_by FOREIGN KEY (leader) REFERENCES members (id) DEFERRABLE;
        ALTER TABLE members ADD FOREIGN KEY (team) REFERENCES teams (id) ON DELETE CASCADE;
        ALTER TABLE members ADD FOREIGN KEY (owner) REFERENCES users (id)""",
        f"""{NEW_TABLES}
        ALTER TABLE teams ADD CHECK (name <> ''), ADD UNIQUE (name), ADD CONSTRAINT later CHECK (id > 0) NOT VALID;
        ALTER TABLE members ADD CONSTRAINT apart EXCLUDE USING btree (owner WITH =)""",
        f"{NEW_TABLES} ALTER TABLE teams ADD CONSTRAINT a CHECK (id > 0); ALTER TABLE teams DROP CONSTRAINT a",
        f"""{NEW_TABLES} ALTER TABLE teams ADD PRIMARY KEY (id);
        ALTER TABLE members DROP CONSTRAINT IF EXISTS in_team;
        ALTER TABLE members ADD CONSTRAINT in_team FOREIGN KEY (team) REFERENCES teams (id)""",
        f"{NEW_TABLES} ALTER TABLE teams ADD PRIMARY KEY (id); ALTER TABLE users ADD FOREIGN KEY (id) REFERENCES users",
        "ALTER TABLE users ADD CONSTRAINT filled CHECK (name <> '') NOT VALID",
        "ALTER TABLE users ADD CONSTRAINT grown CHECK (age > 0) NOT VALID",
        "ALTER TABLE users ADD CONSTRAINT of_user FOREIGN KEY (age) REFERENCES users NOT VALID",
        "ALTER TABLE users ADD CONSTRAINT filled CHECK (name <> '') NOT VALID, VALIDATE CONSTRAINT filled",
        "ALTER TABLE users DROP CONSTRAINT IF EXISTS users_age_check",
        "ALTER TABLE users DROP CONSTRAINT IF EXISTS filled, ADD CONSTRAINT filled CHECK (name <> '')",
    ],
)  # fmt: skip
def test_the_shape_is_what_the_plain_sql_makes(sandbox: Sandbox, sql: str) -> None:
    sandbox.execute(TABLES)
    sandbox.install()
    before, after = sandbox.snapshot(), sandbox.shape_after(sql)
    migration = sandbox.new("constraints", sql)
    sandbox.expand(migration)
    sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert sandbox.snapshot() == before
    sandbox.finish(sandbox.new("again", sql))
    assert sandbox.snapshot() == after
    # One that is NOT VALID would count as left over.
    assert [each for each in sandbox.leftovers() if not each.startswith("constraint ")] == []


def test_rows_that_stay_unchecked_are_bound_when_they_are_written_and_validated_by_a_later_migration(
    sandbox: Sandbox,
) -> None:
    sandbox.execute(TABLES)
    sandbox.install()
    sandbox.finish(sandbox.new("unchecked", "ALTER TABLE users ADD CONSTRAINT grown CHECK (age > 0) NOT VALID"))
    assert sandbox.value("SELECT convalidated FROM pg_constraint WHERE conname = 'grown'") is False
    migration = sandbox.new("checked", "ALTER TABLE users VALIDATE CONSTRAINT grown")
    with pytest.raises(Refused, match="violate grown"):
        sandbox.expand(migration)
    sandbox.execute("UPDATE users SET age = 1 WHERE age < 1")
    sandbox.finish(migration)
    assert sandbox.value("SELECT convalidated FROM pg_constraint WHERE conname = 'grown'") is True


def test_rows_that_are_to_be_checked_in_the_same_migration_are_counted_before_contract(sandbox: Sandbox) -> None:
    sandbox.execute(TABLES)
    sandbox.install()
    migration = sandbox.new(
        "checked",
        "ALTER TABLE users ADD CONSTRAINT grown CHECK (age > 0) NOT VALID; ALTER TABLE users VALIDATE CONSTRAINT grown",
    )
    sandbox.expand(migration)
    with pytest.raises(Refused, match=r"5 rows of public\.users violate"):
        sandbox.contract(migration, offline=OFFLINE)


def test_a_constraint_that_may_be_there_by_contract_is_not_added_by_another_migration_meanwhile(
    sandbox: Sandbox,
) -> None:
    sandbox.execute(TABLES)
    sandbox.install()
    sandbox.expand(sandbox.new("first", "ALTER TABLE users DROP CONSTRAINT IF EXISTS filled"))
    second = sandbox.new("second", "ALTER TABLE users ADD CONSTRAINT filled CHECK (name <> '')")
    with pytest.raises(Refused, match='_first changes constraint "filled"'):
        sandbox.expand(second)
