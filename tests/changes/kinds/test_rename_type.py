"""``rename_type``: a type keeps its name until no old code is left, and for whatever another migration has to run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.errors import MigratorError
from migrator.model.schema import TableName, UserType
from tests.changes.plans import NOTHING, Phase, plan, refusal, schema, statements
from tests.support.sandbox import Sandbox, open_sandbox

TYPES = {
    "mood": "enum", "word": "domain", "pair": "composite type", "users": "row type", "spans": "multirange type"
}  # fmt: skip
KNOWN = schema(types={TableName("public", name): UserType(kind) for name, kind in TYPES.items()})
OFFLINE = "nobody is connected in this test"


@pytest.fixture
def sandbox(tmp_path: Path, database_url: str) -> Iterator[Sandbox]:
    with open_sandbox(tmp_path, database_url) as sandbox:
        sandbox.execute("CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE TABLE t (id integer PRIMARY KEY, m mood)")
        yield sandbox


@pytest.mark.parametrize("what", ["TYPE mood", "DOMAIN word", "TYPE pair"])
def test_contract_renames_it_and_expand_does_nothing(what: str):
    sql = f"ALTER {what} RENAME TO felt"

    assert statements(sql, Phase.EXPAND, KNOWN) == statements(sql, Phase.ROLLBACK, KNOWN) == []
    assert statements(sql, Phase.CONTRACT, KNOWN) == [f"ALTER TYPE public.{what.split()[1]} RENAME TO felt"]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("ALTER TYPE missing RENAME TO felt", "does not exist"),
        ("ALTER TYPE mood RENAME TO word", 'the name "public.word" is taken by a domain'),
        ("ALTER TYPE mood RENAME TO users", 'the name "public.users" is taken by a row type'),
        ("ALTER TYPE spans RENAME TO felt", "is the multirange type that belongs to another object"),
        ("CREATE TYPE felt AS ENUM ('a'); ALTER TYPE felt RENAME TO sensed", "is created by this migration"),
        ("CREATE TYPE felt AS ENUM ('a'); ALTER TYPE mood RENAME TO felt", "is created by this migration"),
        ("CREATE TABLE felt (id integer); ALTER TYPE mood RENAME TO felt", "is created by this migration"),
        ("CREATE TABLE felt (m mood); ALTER TYPE mood RENAME TO sensed", "it is about type public.mood"),
        ("ALTER TYPE mood RENAME TO felt; DROP TYPE mood", "two changes of type public.mood"),
        ("ALTER TYPE mood RENAME TO felt; ALTER TYPE mood ADD VALUE 'calm'", "two changes of type public.mood"),
    ],
)
def test_refused(sql: str, reason: str):
    refused = refusal(sql, KNOWN)

    assert reason in f"{refused.message} {refused.detail}"


def test_without_a_database_a_note_says_what_was_not_checked():
    assert "could not be checked without a database" in plan("ALTER TYPE mood RENAME TO felt", NOTHING).notes[0]


def test_a_name_that_was_taken_meanwhile_stops_contract_before_anything(sandbox: Sandbox):
    migration = sandbox.new("felt", "ALTER TYPE mood RENAME TO felt")
    sandbox.expand(migration)
    sandbox.execute("CREATE TABLE felt (id integer)")

    with pytest.raises(MigratorError, match="is taken by a row type"):
        sandbox.contract(migration, offline=OFFLINE)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_migration_that_knows_the_old_name_and_one_that_renames_it_do_not_wait_together(
    sandbox: Sandbox, is_first: bool
):
    renaming, using = "ALTER TYPE mood RENAME TO felt", "ALTER TABLE t RENAME COLUMN m TO n"
    first, second = (renaming, using) if is_first else (using, renaming)
    one = sandbox.new("one", first)
    sandbox.expand(one)
    other = sandbox.new("other", second)

    with pytest.raises(MigratorError, match=r"about type public\.mood"):
        sandbox.expand(other)
    sandbox.backfill(one)
    sandbox.contract(one, offline=OFFLINE)


def test_two_migrations_do_not_rename_one_type(sandbox: Sandbox):
    sandbox.expand(sandbox.new("one", "ALTER TYPE mood RENAME TO felt"))
    other = sandbox.new("other", "ALTER TYPE mood RENAME TO sensed")

    with pytest.raises(MigratorError, match=r"changes type public\.mood"):
        sandbox.expand(other)


def test_two_migrations_do_not_alter_one_constraint(sandbox: Sandbox):
    sandbox.execute("ALTER TABLE t ADD parent integer CONSTRAINT known REFERENCES t")
    sandbox.expand(sandbox.new("one", "ALTER TABLE t ALTER CONSTRAINT known DEFERRABLE INITIALLY DEFERRED"))
    other = sandbox.new("other", "ALTER TABLE t RENAME CONSTRAINT known TO seen")

    with pytest.raises(MigratorError, match=r'constraint "known" of public\.t'):
        sandbox.expand(other)
