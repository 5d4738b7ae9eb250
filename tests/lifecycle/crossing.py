"""Two transactions whose statements meet in an order that is chosen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg

from migrator.backfill.reading import read_step
from migrator.backfill.segments import Span
from migrator.backfill.statements import LeafName
from migrator.model.plan import Migration, Phase
from migrator.model.schema import TableName
from tests.support.sandbox import Sandbox, wait_for


def crossing(sandbox: Sandbox, first: Any, second: Any, statement: str) -> None:
    """Run a statement that has to wait for another transaction, which then commits."""
    with waiting(sandbox, second, statement) as answer:
        first.commit()
        answer.result(timeout=30)
    second.commit()


@contextlib.contextmanager
def waiting(sandbox: Sandbox, connection: Any, statement: str) -> Iterator[Future[Any]]:
    """A statement that waits for another transaction, when the block begins at least."""
    pid = connection.info.backend_pid
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(connection.execute, statement)
        wait_for(lambda: sandbox.value(f"SELECT cardinality(pg_blocking_pids({pid})) > 0"), "it waits")
        yield answer


def batch(migration: Migration, table: TableName) -> str:
    """What the first batch of the first step of the backfill runs, over the whole table."""
    step = migration.phase(Phase.BACKFILL)[0]
    return read_step(step).fill(LeafName(table.schema, table.name), Span.of_blocks(0, 100))


def write_between(sandbox: Sandbox, migration: Migration, table: TableName, locked: str, write: str) -> None:
    """A write that commits when a batch has read its rows, and waits for the first of them.

    Args:
        locked: a SELECT … FOR UPDATE of the row it waits for.
    """
    with psycopg.connect(sandbox.url) as holder, psycopg.connect(sandbox.url) as ours:
        holder.execute(locked)
        with waiting(sandbox, ours, batch(migration, table)) as answer:
            sandbox.execute(write)
            holder.rollback()
            answer.result(timeout=30)
        ours.commit()


def expanded_beside_old_code(sandbox: Sandbox, setup: str, sql: str) -> Migration:
    """A migration in a database with a service of old code, after expand."""
    sandbox.execute(setup)
    sandbox.configure({"name": "web", "ttl": "1h"}, gate={"soak": "1ms"})
    sandbox.install()
    migration = sandbox.new("crossing", sql)
    sandbox.expand(migration)
    return migration


def as_expanded(sandbox: Sandbox, setup: str, sql: str) -> Sandbox:
    """Tables as expand leaves them, without a ledger."""
    sandbox.execute(setup)
    for step in sandbox.new("crossing", sql).phase(Phase.EXPAND):
        sandbox.session.execute(step.sql)
    return sandbox


def raised_behind_writes(sandbox: Sandbox, **keys: str) -> None:
    """Triggers that put ``c`` of each table into capitals behind a write, by its key."""
    for table, key in keys.items():
        sandbox.execute(
            f"CREATE FUNCTION upper_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" UPDATE public.{table} SET c = upper(NEW.c) WHERE {key} = NEW.{key} AND c <> upper(NEW.c);"
            " RETURN NULL; END $$;"
            f"CREATE TRIGGER upper_{table} AFTER INSERT OR UPDATE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION upper_{table}()"
        )
