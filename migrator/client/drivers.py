"""The drivers an application may have: psycopg, psycopg2 and, for asyncio, psycopg and asyncpg.

Nothing is imported that the connection did not bring along; a driver is told by what its connections can do.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

BEAT = "SELECT ok, min_level, ttl_s, epoch, why FROM migrator.beat(%s, %s, %s, %s, %s)"
BYE = "SELECT migrator.bye(%s, %s, %s)"
WINDOW = "SELECT listed, min_level, max_level FROM migrator.level_window(%s)"

# Beats must not hang, nor fail for what a role or database sets for queries. Behind a pooler the process id that was
# announced is not the server's: there the settings would stay on a connection that belongs to others.
_SETTINGS = (
    "SELECT set_config('statement_timeout', '2s', false), set_config('idle_session_timeout', '0', false),"
    " set_config('default_transaction_isolation', 'read committed', false),"
    " set_config('default_transaction_read_only', 'off', false),"
    " set_config('application_name', coalesce(nullif(%s, ''), current_setting('application_name')), false)"
    " WHERE pg_backend_pid() = %s::bigint"
)
_NOTES = {
    "3F000": 'this database has no ledger: nothing was ever expanded in it; run "migrator expand" first',
    "42883": 'this database has no ledger, or one of another version; run "migrator expand" first',
    "25006": "this server is a standby; beats go to the primary: target_session_attrs=read-write",
}


def prepare(connection: Any, name: str) -> None:
    """Make a new connection of psycopg or psycopg2 fit for beats, called ``name``."""
    connection.autocommit = True
    if hasattr(connection, "row_factory"):
        from psycopg.rows import tuple_row

        connection.row_factory = tuple_row
        connection.prepare_threshold = None  # a pooler hands out another server connection each time
    else:
        connection.cursor_factory = None
    ask(connection, _SETTINGS, (name, connection.info.backend_pid), rows=False)


def ask(connection: Any, statement: str, arguments: tuple[object, ...], *, rows: bool = True) -> tuple[Any, ...] | None:
    """Run one statement, and cut it off when it hangs; its first row."""
    from migrator.client.lease import LONGEST_BEAT_S

    with _cut_off(connection, LONGEST_BEAT_S), contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(statement, arguments)
        return cursor.fetchone() if rows else None


async def prepare_async(connection: Any, name: str) -> None:
    """Make a new connection of psycopg or asyncpg fit for beats, called ``name``."""
    if is_asyncpg(connection):
        announced = connection.get_server_pid()
    else:
        from psycopg.rows import tuple_row

        await connection.set_autocommit(True)
        connection.row_factory = tuple_row
        connection.prepare_threshold = None
        announced = connection.info.backend_pid
    await ask_async(connection, _SETTINGS, (name, announced), rows=False)


async def ask_async(
    connection: Any, statement: str, arguments: tuple[object, ...], *, rows: bool = True
) -> tuple[Any, ...] | None:
    """As ``ask``."""
    import asyncio

    from migrator.client.lease import LONGEST_BEAT_S

    # Not asyncio.timeout: psycopg answers a cancellation by waiting for the server once more.
    timer = asyncio.get_running_loop().call_later(LONGEST_BEAT_S, cut, connection)
    try:
        if is_asyncpg(connection):
            row = await connection.fetchrow(_numbered(statement), *arguments)
            return None if row is None else tuple(row)
        async with connection.cursor() as cursor:
            await cursor.execute(statement, arguments)
            found: tuple[Any, ...] | None = await cursor.fetchone() if rows else None
            return found
    finally:
        timer.cancel()


def is_asyncpg(connection: Any) -> bool:
    """Whether a connection is one of asyncpg."""
    return hasattr(connection, "fetchrow")


def is_closed(connection: Any) -> bool:
    """Whether the driver knows that a connection is of no use any more."""
    return bool(connection.is_closed() if is_asyncpg(connection) else connection.closed)


def cut(connection: Any) -> None:
    """Break a connection from outside, so that whoever waits for its server gets an error."""
    with contextlib.suppress(Exception):
        if is_asyncpg(connection):
            connection.terminate()
            return
        with socket.socket(fileno=os.dup(connection.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)


def explain(error: BaseException) -> None:
    """Add to a driver's error what to do about it."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if state in _NOTES:
        error.add_note(f"HINT: {_NOTES[state]}")


@contextlib.contextmanager
def _cut_off(connection: Any, after_s: float) -> Iterator[None]:
    timer = threading.Timer(after_s, cut, (connection,))
    timer.daemon = True
    with contextlib.suppress(RuntimeError):  # the interpreter is ending; whoever ends it does not wait for ever
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _numbered(statement: str) -> str:
    first, *rest = statement.split("%s")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, start=1))
