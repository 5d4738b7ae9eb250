"""Application code around a scenario: two writers and two readers of each version, on every table, all the time.

They read rows, and write values that rows have already, so that a scenario may say what rows hold; what was committed
is looked for by the scenario, and by ``Stage.kept``. Old code knows the tables and columns as they were before a
migration, new code those that the plain SQL of it makes. A version "works" when each of its statements went through and
each write found a row: a table that holds rows is written by every version that runs.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg
from psycopg import sql

from migrator.client import application_name
from migrator.errors import MigratorError
from tests.support.sandbox import Sandbox

SERVICE = "web"
_COLLISIONS = ("40001", "40P01", "55P03")
"""What an application tries again: a serialization failure, a deadlock, and a row that somebody has locked."""

_Connection: TypeAlias = psycopg.Connection[Any]

_TABLES = """
SELECT n.nspname AS schema, c.relname AS name,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid
        AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT LIKE 'migrator\\_%%') AS columns,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid
        AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT LIKE 'migrator\\_%%'
        AND a.attgenerated = '' AND a.attidentity <> 'a') AS written,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_index AS i JOIN pg_attribute AS a
        ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary) AS key,
    EXISTS (SELECT FROM pg_publication_tables AS p
        WHERE p.schemaname = n.nspname AND p.tablename = c.relname) AS published
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
    AND n.nspname NOT LIKE 'pg\\_%%' AND c.relname NOT LIKE 'migrator\\_%%'
ORDER BY 1, 2
"""

_UPDATE = "UPDATE {0} SET {1} WHERE ROW({2})::text = (SELECT ROW({2})::text FROM {0} ORDER BY random() LIMIT 1)"
"""Of a row: as text, for a key that is new may be NULL until the backfill comes by."""


@dataclass(frozen=True)
class Statement:
    """One that a version sends; ``table``: the one it is about, of which a write changes a row if there is any."""

    text: str
    table: str


@dataclass(frozen=True)
class Statements:
    """What one version sends."""

    reads: tuple[Statement, ...]
    writes: tuple[Statement, ...]


def statements(sandbox: Sandbox, change: str = "") -> Statements | None:
    """What code sends that knows the tables as they are, or as plain SQL makes them; None: it cannot be run so."""
    rows = _tables_after(sandbox, change)
    if rows is None:
        return None
    reads, writes = [], []
    for row in rows:
        table, columns = sql.Identifier(row.schema, row.name), map(sql.Identifier, row.columns or ())
        name, select = table.as_string(), sql.SQL("SELECT {} FROM {}")
        reads.append(Statement(select.format(sql.SQL(", ").join(columns), table).as_string(), name))
        # PostgreSQL refuses to update published rows without a key.
        if row.written and (row.key or not row.published):
            which = sql.SQL(", ").join(map(sql.Identifier, row.key or row.written))
            values = sql.SQL(", ").join(sql.SQL("{0} = {0}").format(sql.Identifier(each)) for each in row.written)
            writes.append(Statement(sql.SQL(_UPDATE).format(table, values, which).as_string(), name))
    return Statements(tuple(reads), tuple(writes))


def _tables_after(sandbox: Sandbox, change: str) -> list[Any] | None:
    """The tables after a change; rows that a migration would fill or repair are not in its way."""
    session = sandbox.session
    for empty in (False, True):
        session.execute("BEGIN")
        try:
            if empty:
                tables = [sql.Identifier(row.schema, row.name).as_string() for row in session.query(_TABLES)]
                session.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
            if change:
                session.execute(change)
            return list(session.query(_TABLES))
        except MigratorError:
            continue
        finally:
            session.execute("ROLLBACK")
    return None


class Crowd:
    """One version, running from its making until ``leave``.

    Attributes:
        failures: queries that failed.
        done: how often each statement went through; that of a write, with a row, unless its table has none.
    """

    def __init__(self, sandbox: Sandbox, level: int, what: Statements) -> None:
        self._sandbox, self._level = sandbox, level
        # A process that said bye does not come back.
        self._instance = f"crowd-{level}-{secrets.token_hex(4)}"
        self._stop = threading.Event()
        self._name = application_name(SERVICE, level=level, version=f"v{level}")
        self.failures: list[str] = []
        self.done = dict.fromkeys((*what.reads, *what.writes), 0)
        assert sandbox.beat(level=level, instance=self._instance)
        self._threads = [
            threading.Thread(target=self._run, args=(send, mine, seed))
            for seed, (send, mine) in enumerate([(_write, what.writes), (_read, what.reads)] * 2)
            if mine
        ]
        for thread in self._threads:
            thread.start()

    def work(self, times: int = 2) -> None:
        """Wait until each statement has gone through so many times more."""
        before, deadline = dict(self.done), time.monotonic() + 60
        while not self.failures and (open_ := [each for each in self.done if self.done[each] < before[each] + times]):
            assert time.monotonic() < deadline, f"level {self._level} does not get on: {open_[0].text}"
            time.sleep(0.005)

    def leave(self) -> None:
        """End the last queries, and say bye. May be called again."""
        if not self._stop.is_set():
            self._stop.set()
            for thread in self._threads:
                thread.join()
            self._sandbox.bye(instance=self._instance)

    def _run(self, send: Callable[[_Connection, Statement], bool], mine: tuple[Statement, ...], seed: int) -> None:
        chance = random.Random(seed)
        with psycopg.connect(self._sandbox.url, autocommit=True, application_name=self._name) as connection:
            connection.prepare_threshold = None
            while not self._stop.is_set():
                statement = chance.choice(mine)
                try:
                    self.done[statement] += send(connection, statement)
                except psycopg.Error as error:
                    if error.sqlstate not in _COLLISIONS:
                        self.failures.append(f"level {self._level}: {statement.text}: {error.sqlstate} {error}")
                time.sleep(chance.uniform(0, 0.03))


def _read(connection: _Connection, statement: Statement) -> bool:
    connection.execute(f"{statement.text} LIMIT 20")
    return True


def _write(connection: _Connection, statement: Statement) -> bool:
    """Whether there was no row to write, or one was written."""
    written = connection.execute(statement.text).rowcount
    return bool(written) or connection.execute(f"SELECT FROM {statement.table} LIMIT 1").rowcount == 0


class Crowds:
    """The versions that run."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._known: dict[int, Statements] = {}
        self._running: dict[int, Crowd] = {}
        self._gone: list[Crowd] = []

    def learn(self, level: int, what: Statements) -> None:
        """What code of a level sends, which does not change while it runs."""
        if level not in self._running:
            self._known[level] = what

    def enter(self, level: int) -> None:
        """Deploy a version; one that runs already is not."""
        if level not in self._running:
            self._running[level] = Crowd(self._sandbox, level, self._known[level])

    def leave(self, *, least: float = 0, below: float = float("inf")) -> None:
        """End the versions from a level on, and below another one."""
        for level in [each for each in self._running if least <= each < below]:
            crowd = self._running.pop(level)
            crowd.leave()
            self._gone.append(crowd)

    def seen(self, level: int) -> Counter[tuple[str, ...]]:
        """All that a version reads, each row behind the name of its table; without rows that hold NULL somewhere.

        As text, so that a value is the same in another type, and without the blanks that ``char(n)`` adds.
        """
        known = self._known.get(level, Statements((), ()))
        with psycopg.connect(self._sandbox.url, autocommit=True) as connection:
            return Counter(
                (read.table, *(str(value).rstrip(" ") for value in row))
                for read in known.reads
                for row in connection.execute(read.text)
                if None not in row
            )

    def run(self, *, least: float = 0) -> bool:
        """Whether any version from a level on does."""
        return any(level >= least for level in self._running)

    def work(self) -> None:
        for crowd in self._running.values():
            crowd.work()

    def failures(self) -> list[str]:
        return [failure for crowd in (*self._gone, *self._running.values()) for failure in crowd.failures]
