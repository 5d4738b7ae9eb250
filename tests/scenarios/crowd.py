"""Application code around a scenario: two writers and two readers of each version, on every table, all the time.

They read rows, and write values that rows have already, so that a scenario may say what rows hold. Old code knows the
tables and columns as they were before a migration, new code those that the plain SQL of it makes.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

import psycopg
from psycopg import sql

from migrator.client import application_name
from migrator.errors import MigratorError
from tests.support.sandbox import Sandbox

SERVICE = "web"
_COLLISIONS = ("40001", "40P01", "55P03")
"""What an application tries again: a serialization failure, a deadlock, and a row that somebody has locked."""

_TABLES = """
SELECT n.nspname AS schema, c.relname AS name,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid
        AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT LIKE 'migrator\\_%%') AS columns,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid
        AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT LIKE 'migrator\\_%%'
        AND a.attgenerated = '' AND a.attidentity <> 'a') AS written,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_index AS i JOIN pg_attribute AS a
        ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary) AS key
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
    AND n.nspname NOT LIKE 'pg\\_%%' AND c.relname NOT LIKE 'migrator\\_%%'
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Statements:
    """What one version sends."""

    reads: tuple[sql.Composed, ...]
    writes: tuple[sql.Composed, ...]


def statements(sandbox: Sandbox, change: str = "") -> Statements | None:
    """What code sends that knows the tables as they are, or as plain SQL makes them; None: it cannot be run so."""
    session = sandbox.session
    session.execute("BEGIN")
    try:
        if change:
            session.execute(change)
        rows = session.query(_TABLES)
    except MigratorError:
        return None
    finally:
        session.execute("ROLLBACK")
    reads, writes = [], []
    for row in rows:
        table, columns = sql.Identifier(row.schema, row.name), [sql.Identifier(each) for each in row.columns or ()]
        reads.append(sql.SQL("SELECT {} FROM {} LIMIT 20").format(sql.SQL(", ").join(columns), table))
        if row.key and row.written:
            key = sql.SQL(", ").join(map(sql.Identifier, row.key))
            values = [sql.SQL("{0} = {0}").format(sql.Identifier(each)) for each in row.written]
            writes.append(
                sql.SQL("UPDATE {0} SET {1} WHERE ({2}) = (SELECT {2} FROM {0} ORDER BY random() LIMIT 1)").format(
                    table, sql.SQL(", ").join(values), key
                )
            )
    return Statements(tuple(reads), tuple(writes))


class Crowd:
    """One version, running from its making until ``leave``.

    Attributes:
        failures: queries that failed.
        done: queries that did not.
    """

    def __init__(self, sandbox: Sandbox, level: int, what: Statements) -> None:
        self._sandbox, self._level = sandbox, level
        self._stop = threading.Event()
        self._name = application_name(SERVICE, level=level, version=f"v{level}")
        self.failures: list[str] = []
        self.done = 0
        assert sandbox.beat(level=level, instance=self._instance)
        self._threads = [
            threading.Thread(target=self._run, args=(each, number))
            for number, each in enumerate((what.writes, what.writes, what.reads, what.reads))
            if each
        ]
        for thread in self._threads:
            thread.start()

    @property
    def _instance(self) -> str:
        return f"crowd-{self._level}"

    def work(self, queries: int = 20) -> None:
        """Wait until so many more have gone through."""
        wanted, deadline = self.done + queries * bool(self._threads), time.monotonic() + 30
        while self.done < wanted and not self.failures:
            assert time.monotonic() < deadline, f"level {self._level} does not get on"
            time.sleep(0.005)

    def leave(self) -> None:
        """End the last queries, and say bye. May be called again."""
        if not self._stop.is_set():
            self._stop.set()
            for thread in self._threads:
                thread.join()
            self._sandbox.bye(instance=self._instance)

    def _run(self, mine: tuple[sql.Composed, ...], seed: int) -> None:
        chance = random.Random(seed)
        with psycopg.connect(self._sandbox.url, autocommit=True, application_name=self._name) as connection:
            connection.prepare_threshold = None
            while not self._stop.is_set():
                statement = chance.choice(mine)
                try:
                    connection.execute(statement)
                    self.done += 1
                except psycopg.Error as error:
                    if error.sqlstate not in _COLLISIONS:
                        self.failures.append(f"level {self._level}: {statement.as_string()}: {error.sqlstate} {error}")
                time.sleep(chance.uniform(0, 0.01))


class Crowds:
    """The versions that run."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._running: dict[int, Crowd] = {}
        self._gone: list[Crowd] = []

    def enter(self, level: int, what: Statements | None) -> None:
        """Deploy a version; one that cannot be known, or runs already, is not."""
        if what is not None and level not in self._running:
            self._running[level] = Crowd(self._sandbox, level, what)

    def leave(self, *, below: float = float("inf")) -> None:
        """End the versions below a level."""
        for level in [each for each in self._running if each < below]:
            crowd = self._running.pop(level)
            crowd.leave()
            self._gone.append(crowd)

    def runs(self, level: int) -> bool:
        """Whether a version of at least this level does."""
        return any(each >= level for each in self._running)

    def work(self) -> None:
        for crowd in self._running.values():
            crowd.work()

    def failures(self) -> list[str]:
        return [failure for crowd in (*self._gone, *self._running.values()) for failure in crowd.failures]
