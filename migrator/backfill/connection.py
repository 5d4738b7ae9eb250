"""The session on which a process directs its workers: replaced when it breaks, patient where a lock is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self, TypeVar

from migrator.backfill import checkpoint
from migrator.postgres.connect import Database
from migrator.postgres.session import ConnectionLost, ServerError, Session

T = TypeVar("T")

MOST_LOSSES = 5
"""So many times in a row a connection may break before a run ends."""

_TICK_S = 0.05


class Stopped(Exception):
    """The caller asked to stop."""


class Connection:
    """The director's session. All it does may be done twice, so a broken one is replaced and a refused lock retried."""

    def __init__(self, database: Database, session: Session, should_stop: Callable[[], bool]) -> None:
        self._database = database
        self._session = session
        self._should_stop = should_stop
        self._limit()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        """``function(session, *arguments)``, again on a new session if the connection breaks or a lock is refused.

        Raises:
            ConnectionLost: again and again.
            Stopped: the caller asked to stop while a lock was refused.
        """
        while True:
            try:
                return self.try_once(function, *arguments)
            except ServerError as error:
                if not error.is_lock_refusal:
                    raise
            if self._should_stop():
                raise Stopped
            time.sleep(_TICK_S)

    def try_once(self, function: Callable[..., T], *arguments: object) -> T:
        """As ``call``, but a refused lock is an error."""
        losses = 0
        while True:
            try:
                if losses:
                    self._session.close()
                    self._session = self._database.connect("backfill")
                    self._limit()
                return function(self._session, *arguments)
            except ConnectionLost:
                losses += 1
                if losses > MOST_LOSSES:
                    raise
                time.sleep(_TICK_S * losses)

    def _limit(self) -> None:
        self._session.set("lock_timeout", f"{checkpoint.LOCK_WAIT_MS}ms")
        # A synchronous standby whose replay stands still must be seen, not waited for. What is lost when the server
        # crashes is done again; the state of the migration is written by a session that waits.
        self._session.set("synchronous_commit", "off")
