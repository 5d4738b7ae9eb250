"""Commands without a TARGET: all in order, what is blocked passed over, and the worst exit code."""

from __future__ import annotations

import contextlib

import psycopg
import pytest

from migrator.model.plan import Migration
from tests.support.sandbox import SERVICE, Sandbox

FRESH = "this database is fresh"


@pytest.fixture
def three(sandbox: Sandbox) -> list[Migration]:
    """A renaming, a dropped column, a new table; rows, so that the database is not fresh."""
    sandbox.configure(SERVICE)
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a text, n int); INSERT INTO t VALUES (1, 'x', 1)")
    return [
        sandbox.new("rename", "ALTER TABLE t RENAME COLUMN a TO b"),
        sandbox.new("drop", "ALTER TABLE t DROP COLUMN n"),
        sandbox.new("table", "CREATE TABLE u (k int)"),
    ]


def states(sandbox: Sandbox, migrations: list[Migration]) -> list[str]:
    return [sandbox.state(migration) for migration in migrations]


def test_expand_runs_all_in_the_order_of_their_levels(sandbox: Sandbox, three: list[Migration]) -> None:
    assert sandbox.command("expand").code == 0
    assert states(sandbox, three) == ["expanded", "expanded", "complete"]
    rows = sandbox.rows("SELECT id FROM migrator.migration ORDER BY expanded_at")
    assert [row[0] for row in rows] == [migration.id for migration in three]
    outcome = sandbox.command("expand")
    assert outcome.code == 0
    assert "everything is expanded already" in outcome.err


def test_expand_stops_at_the_first_that_fails(sandbox: Sandbox, three: list[Migration]) -> None:
    sandbox.execute("ALTER TABLE t DROP COLUMN n")
    assert sandbox.command("expand").code == 1
    assert sandbox.rows("SELECT id, state FROM migrator.migration") == [(three[0].id, "expanded")]


def test_advance_goes_as_far_as_it_may(sandbox: Sandbox, three: list[Migration]) -> None:
    outcome = sandbox.command("advance")
    assert outcome.code == 11, "nobody beats: there is no proof"
    assert states(sandbox, three) == ["backfilled", "expanded", "complete"]
    assert sandbox.beat(level=1)
    outcome = sandbox.command("advance")
    assert outcome.code == 10, "code at level 1 still reads what level 2 drops"
    assert states(sandbox, three) == ["contracted", "expanded", "complete"]
    sandbox.bye()
    assert sandbox.beat(level=3, instance="web-2")
    outcome = sandbox.command("advance")
    assert outcome.code == 0, outcome.err
    assert states(sandbox, three) == ["contracted", "contracted", "complete"]
    assert sandbox.command("advance").code == 0


def test_one_that_fails_does_not_keep_the_next_from_its_contract(sandbox: Sandbox) -> None:
    sandbox.configure(SERVICE)
    sandbox.execute("CREATE TABLE t (k int, a int); INSERT INTO t VALUES (1, 1), (2, 1); CREATE TABLE u (k int, a int)")
    first = sandbox.new("unique", "CREATE UNIQUE INDEX t_a ON t (a)")
    second = sandbox.new("drop", "ALTER TABLE u DROP COLUMN a")
    assert sandbox.command("expand").code == 0
    assert sandbox.beat(level=2)
    outcome = sandbox.command("contract", "--yes")
    assert outcome.code == 4
    assert "(a)=(1)" in outcome.err
    assert states(sandbox, [second]) == ["contracted"]
    assert sandbox.record(first).shown_state == "failed"
    sandbox.execute("DELETE FROM t WHERE k = 2")
    assert sandbox.command("contract", "--yes").code == 0
    assert states(sandbox, [first]) == ["contracted"]


def test_a_fresh_database_runs_all_phases_at_once(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a text, n int)")
    wanted = sandbox.shape_after("ALTER TABLE t RENAME a TO b; ALTER TABLE t DROP n; CREATE TABLE u (k int)")
    migrations = [
        sandbox.new("rename", "ALTER TABLE t RENAME COLUMN a TO b"),
        sandbox.new("drop", "ALTER TABLE t DROP COLUMN n"),
        sandbox.new("table", "CREATE TABLE u (k int)"),
    ]
    outcome = sandbox.command("expand")
    assert outcome.code == 0
    assert FRESH in outcome.err
    assert states(sandbox, migrations) == ["contracted", "contracted", "complete"]
    assert sandbox.snapshot() == wanted
    assert sandbox.leftovers() == []


@pytest.mark.parametrize("what", ["TYPE mood", "SEQUENCE numbers", "EXTENSION unaccent", "SCHEMA app"])
def test_what_touches_no_table_is_removed_at_once_only_where_no_table_holds_a_row(sandbox: Sandbox, what: str) -> None:
    sandbox.execute(
        "CREATE TABLE t (k int); INSERT INTO t VALUES (1); CREATE TYPE mood AS ENUM ('glad'); CREATE SEQUENCE numbers;"
        "CREATE EXTENSION unaccent; CREATE SCHEMA app"
    )
    migration = sandbox.new("gone", f"DROP {what}")
    outcome = sandbox.command("expand")
    assert outcome.code == 0, outcome.err
    assert FRESH not in outcome.err
    assert sandbox.state(migration) == "expanded"


def test_an_empty_database_loses_what_touches_no_table_at_once(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE t (k int); CREATE TYPE mood AS ENUM ('glad')")
    migration = sandbox.new("gone", "DROP TYPE mood")
    assert FRESH in sandbox.command("expand").err
    assert sandbox.state(migration) == "contracted"


@pytest.mark.parametrize("reason", ["a row", "a session", "a ledger"])
def test_a_database_in_use_is_not_fresh(sandbox: Sandbox, reason: str) -> None:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a text)")
    migration = sandbox.new("rename", "ALTER TABLE t RENAME COLUMN a TO b")
    if reason == "a row":
        sandbox.execute("INSERT INTO t VALUES (1, 'x')")
    elif reason == "a ledger":
        sandbox.install()
    with psycopg.connect(sandbox.url) if reason == "a session" else contextlib.nullcontext():
        outcome = sandbox.command("expand")
    assert outcome.code == 0
    assert FRESH not in outcome.err
    assert sandbox.state(migration) in ("expanded", "backfilled")
    assert {line for line in sandbox.snapshot() if " t.a: " in line}
