"""What is said of others who would stall a migration, and of the room it needs, before its first statement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from migrator import embedded
from migrator.execution import surroundings
from migrator.model.stats import size_title
from tests.support.sandbox import Sandbox, open_sandbox

TABLE = (
    "CREATE TABLE users (id int PRIMARY KEY, name text);"
    "INSERT INTO users SELECT g, 'x' FROM generate_series(1, 100) AS g;"
)
RENAME = "ALTER TABLE users RENAME COLUMN name TO full_name"
INDEX = "CREATE INDEX users_name ON users (name)"


@pytest.fixture
def other(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """A session of an application, with every transaction a long one."""
    monkeypatch.setattr(surroundings, "_LONG_S", 0.0)
    sandbox.execute(TABLE)
    with psycopg.connect(sandbox.url, application_name="report") as connection:
        yield connection


def notes(sandbox: Sandbox, sql: str) -> list[str]:
    """What a dry run of expand says of a new migration."""
    sandbox.new("change", sql)
    return [line for line in sandbox.command("expand", "--dry-run").err.splitlines() if line.startswith("note: ")]


def test_a_transaction_that_has_locked_the_table_is_named(sandbox: Sandbox, other: psycopg.Connection):
    other.execute("SELECT count(*) FROM users")
    (line,) = [each for each in notes(sandbox, RENAME) if "report" in each]
    assert "(report, idle in transaction) is " in line
    assert line.endswith(": it holds locks on public.users, which steps may have to wait for")


def test_one_that_only_has_a_snapshot_is_named_where_that_matters(sandbox: Sandbox, other: psycopg.Connection):
    other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    other.execute("SELECT 1")
    assert any("the table grows by more" in each for each in notes(sandbox, RENAME))


def test_an_index_waits_for_every_snapshot(sandbox: Sandbox, other: psycopg.Connection):
    other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    other.execute("SELECT 1")
    assert any("an index that is built concurrently has to wait" in each for each in notes(sandbox, INDEX))


def test_nobody_is_named_who_is_in_no_way(sandbox: Sandbox, other: psycopg.Connection):
    other.execute("SELECT 1")
    assert not any("report" in each for each in notes(sandbox, "CREATE TABLE more (id int)"))


def test_prepared_transactions_and_slots_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_server):
    monkeypatch.setattr(surroundings, "_SLOT_BYTES", 1)
    settings = {**embedded.FAST, "max_prepared_transactions": "2"}
    with (
        embedded.start(major=postgres_server.major, settings=settings) as server,
        open_sandbox(tmp_path, server.url()) as sandbox,
    ):
        sandbox.execute(TABLE)
        sandbox.session.query("SELECT pg_create_physical_replication_slot('cdc', true)")
        sandbox.execute("BEGIN; UPDATE users SET name = 'y' WHERE id = 1; PREPARE TRANSACTION 'left''s'")
        found = notes(sandbox, RENAME)
        assert any(
            "the prepared transaction 'left''s' is " in each and "it holds locks on public.users" in each
            for each in found
        ), found
        assert any("nobody reads from replication slot cdc, which keeps " in each for each in found), found


def test_the_room_it_needs_is_estimated_by_table(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(surroundings, "_ROOM_BYTES", 1)
    sandbox.execute(TABLE.replace("100", "20000") + "CREATE INDEX by_name ON users (name)")
    total = sandbox.value("SELECT pg_table_size('users') + pg_indexes_size('users')")
    (line,) = [each for each in notes(sandbox, RENAME) if "more on the disk" in each]
    index = sandbox.value("SELECT pg_indexes_size('users') / 2")
    assert f"needs about {size_title(int(0.4 * total + index))} more on the disk (public.users " in line
    assert f"about {size_title(int(2.5 * total + index))} of WAL" in line


def test_what_is_small_is_not_worth_a_line(sandbox: Sandbox):
    sandbox.execute(TABLE)
    assert not any("disk" in each for each in notes(sandbox, RENAME))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "ALTER TABLE users ALTER COLUMN name TYPE integer USING name::integer",
            'name::int fails for an empty text in name (invalid input syntax for type integer: "")',
        ),
        ("ALTER TABLE users ALTER COLUMN id TYPE bigint", ""),
    ],
)
def test_values_at_the_edges_of_their_types_are_tried(sandbox: Sandbox, sql: str, said: str):
    sandbox.execute(TABLE.replace("'x'", "g"))
    found = [each for each in notes(sandbox, sql) if " fails for " in each]
    assert [said in each for each in found] == ([True] if said else []), found
