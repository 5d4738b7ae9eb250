"""``migrator``, killed at a statement: what a run that ``forked.py`` starts may be asked to do.

``MIGRATOR_KILL_AT=N`` in its environment kills it with SIGKILL before it sends the Nth statement, counted over all its
connections; with ``MIGRATOR_KILL_MATCH=REGEX`` only statements that match are counted. ``commits_only`` counts of a
transaction its COMMIT alone, for a kill before that leaves the same wherever it comes. ``MIGRATOR_PAUSE_MATCH=REGEX``
with ``MIGRATOR_PAUSE_FILE=PATH`` writes that file before the first matching statement, and waits until it is gone.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from migrator.postgres.session import Session


class Counter:
    """Counts statements, and does what it was told at one of them."""

    def __init__(
        self,
        *,
        kill_at: int = 0,
        match: str = "",
        pause_match: str = "",
        pause_file: str = "",
        commits_only: bool = False,
    ) -> None:
        self.count = 0
        self._commits_only = commits_only
        self._kill_at, self._match = kill_at, re.compile(match)
        self._pause_match = re.compile(pause_match) if pause_match else None
        self._pause_file = Path(pause_file)
        self._lock = threading.Lock()

    @classmethod
    def wanted(cls) -> Self:
        """What the environment asks for."""
        asked = os.environ.get
        return cls(
            kill_at=int(asked("MIGRATOR_KILL_AT", "0")),
            match=asked("MIGRATOR_KILL_MATCH", ""),
            pause_match=asked("MIGRATOR_PAUSE_MATCH", ""),
            pause_file=asked("MIGRATOR_PAUSE_FILE", ""),
        )

    def before(self, statement: str, *, in_transaction: bool) -> None:
        if self._pause_match and self._pause_match.search(statement):
            self._pause_match = None
            self._pause_file.touch()
            while self._pause_file.exists():
                time.sleep(0.005)
        if not self._match.search(statement):
            return
        if self._commits_only and in_transaction and not statement.startswith("COMMIT"):
            return
        with self._lock:
            self.count += 1
            if self.count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


def install(counter: Counter) -> None:
    """Every statement of every session, and of Alembic's connections, goes past the counter from now on."""
    original = Session._cursor

    @contextlib.contextmanager
    def counted(self: Session, statement: str, parameters: Mapping[str, Any] | None) -> Iterator[Any]:
        counter.before(statement, in_transaction=self.in_transaction)
        with original(self, statement, parameters) as cursor:
            yield cursor

    Session._cursor = counted  # type: ignore[method-assign]
    if "sqlalchemy" in sys.modules:
        _install_in_sqlalchemy(counter)


def _install_in_sqlalchemy(counter: Counter) -> None:
    from sqlalchemy import Engine, event

    def before(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        counter.before(statement, in_transaction=not connection.connection.dbapi_connection.autocommit)

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "commit", lambda connection: counter.before("COMMIT", in_transaction=True))
