"""Pause points: something may happen before every statement the tool sends, on whichever connection.

A pause point is a moment at which the outside world acts: an old client starts, a service appears, the tool is killed.
``PausingDatabase`` opens sessions that report each statement to one ``Script`` before they send it; what happens there
happens between two statements of the tool, while it holds whatever locks it holds.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from migrator.errors import DatabaseUnavailable
from migrator.postgres.connect import Database
from migrator.postgres.session import Session

_BLOCKED = "SELECT wait_event_type = 'Lock' AS blocked FROM pg_stat_activity WHERE pid = %s"
_POLL_S = 0.002
_LONGEST_S = 10.0


class Killed(BaseException):
    """The tool died here: no statement of it reaches the server any more, none of its handlers has an effect."""


Act = Callable[[int, str], None]
"""Takes the number of the statement that is about to be sent, from 0, and its text."""


@dataclass
class Script:
    """What happens at the pause points, and what has passed.

    Attributes:
        act: called before each statement of the thread that made the script; not for what other threads do.
        server: changes what is seen of a server's row: a failover.
        statements: texts sent so far.
        dead: from now on every statement raises ``Killed``.
        connections: of the tool; a process that is killed closes none, its operating system does: see ``bury``.
    """

    act: Act
    server: Callable[[Any], Any] | None = None
    statements: list[str] = field(default_factory=list)
    dead: bool = False
    thread: int = field(default_factory=threading.get_ident)
    busy: bool = False
    connections: list[psycopg.Connection[Any]] = field(default_factory=list)

    def reach(self, statement: str) -> None:
        """Stop before a statement."""
        self.live()
        if self.busy or threading.get_ident() != self.thread:
            return
        number = len(self.statements)
        self.statements.append(" ".join(statement.split()))
        self.busy = True
        try:
            self.act(number, self.statements[-1])
        finally:
            self.busy = False
        self.live()

    def live(self) -> None:
        """Go no further once dead; other threads of the tool end quietly."""
        if self.dead and threading.get_ident() == self.thread:
            raise Killed
        if self.dead:
            raise DatabaseUnavailable("the tool was killed")

    def kill(self) -> None:
        """Let the tool die at this very point."""
        self.dead = True

    def bury(self) -> None:
        """Close what the dead tool left open."""
        for connection in self.connections:
            connection.close()


class PausingSession(Session):
    """A session that reaches a pause point before each of its statements."""

    def __init__(self, connection: psycopg.Connection[Any], script: Script) -> None:
        super().__init__(connection)
        self._script = script

    def query(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Any]:
        rows = super().query(statement, parameters)
        if self._script.server is not None and "timeline_id" in statement and "pg_control_system" in statement:
            return [self._script.server(row) for row in rows]
        return rows

    @contextlib.contextmanager
    def _cursor(self, statement: str, parameters: Mapping[str, Any] | None) -> Iterator[psycopg.Cursor[Any]]:
        self._script.reach(statement)
        with super()._cursor(statement, parameters) as cursor:
            yield cursor


@dataclass(frozen=True, slots=True)
class PausingDatabase(Database):
    """A database whose sessions are ``PausingSession``s of one script."""

    script: Script = field(kw_only=True)

    def connect(self, purpose: str = "work", *, may_be_standby: bool = False) -> Session:
        self.script.live()
        # The bare class: with slots, a dataclass is made twice and super() would name the first.
        session = Database(self.url, self.wait_s, self.command).connect(purpose, may_be_standby=may_be_standby)
        self.script.connections.append(session._connection)
        return PausingSession(session._connection, self.script)


def other_timeline(row: Any) -> Any:
    """A server's row as it reads after a failover."""
    return row._replace(timeline_id=row.timeline_id + 1)


class Actor:
    """One connection and one thread of the outside world: what it does may have to wait for the tool's locks."""

    def __init__(self, url: str, **options: Any) -> None:
        self.connection = psycopg.connect(url, autocommit=True, row_factory=namedtuple_row, **options)
        self._thread = ThreadPoolExecutor(1)

    def later(self, work: Callable[[psycopg.Connection[Any]], Any]) -> Future[Any]:
        """Do something after what was asked for before."""
        return self._thread.submit(work, self.connection)

    def settle(self, future: Future[Any], observer: psycopg.Connection[Any]) -> None:
        """Wait until it is done, or until it waits for a lock, which it will get once the tool goes on."""
        for _ in range(int(_LONGEST_S / _POLL_S)):
            with contextlib.suppress(TimeoutError):
                future.exception(timeout=_POLL_S)
                return
            row = observer.execute(_BLOCKED, (self.connection.info.backend_pid,)).fetchone()
            if row is not None and row.blocked:
                return
        raise AssertionError("neither done nor waiting for a lock")

    def close(self) -> None:
        """Wait for what it does and disconnect."""
        self._thread.shutdown(wait=True)
        self.connection.close()


__all__ = ["Act", "Actor", "Killed", "PausingDatabase", "PausingSession", "Script", "other_timeline"]
