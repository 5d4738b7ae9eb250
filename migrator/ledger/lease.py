"""One runner at a time: a session-level advisory lock on a connection of its own, and a lease row that says whose.

The advisory lock is the authority: the server frees it the moment the process that held it is gone. What that process
had sent may run on, a concurrent index build above all, so whoever takes the lock over first ends the backends listed
in the lease.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any, Self

from migrator.errors import BudgetSpent, MigratorError
from migrator.postgres.connect import Database
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.ledger.queries", "lease.sql")
_TERMINATION_S = 20.0


class RunnerLock:
    """The right to run phases of a project, from ``__enter__`` to ``__exit__``.

    Args:
        database: where.
        project: ledger key.
        shared: True for backfill workers, any number of which may run at once; False for everything that runs DDL.
        command: for people who wonder who holds it.
        actor: likewise, ``user@host``.

    Raises:
        BudgetSpent: another runner holds it; nothing changed.
    """

    def __init__(self, database: Database, project: str, *, shared: bool, command: str, actor: str) -> None:
        self._database, self._project, self._shared = database, project, shared
        self._command, self._actor = command, actor
        self._session: Session | None = None
        self._registered: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        session = self._database.connect("runner-lock")
        try:
            take = _SQL["try_lock_shared" if self._shared else "try_lock"]
            if not session.one(take, {"project": self._project}).taken:
                raise self._busy(session)
            self._session = session
            self._end_orphans(session)
            self.register(session)
        except BaseException:
            session.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._session is None:
            return
        session, self._session = self._session, None
        # Whatever is wrong with this connection, the lock ends with it; an error here must not hide the one before.
        with contextlib.suppress(Exception):
            for key in self._registered:
                session.execute(_SQL["release"], key)
            session.one(_SQL["unlock_shared" if self._shared else "unlock"], {"project": self._project})
        session.close()

    def register(self, session: Session) -> None:
        """List a connection of this process in the lease, so that a successor can end it."""
        key = {"pid": session.pid, "backend_start": session.backend_start}
        self._require_held().execute(
            _SQL["register"],
            {
                **key,
                "project": self._project,
                "scope": "backfill" if self._shared else "runner",
                "command": self._command,
                "actor": self._actor,
            },
        )
        self._registered.append(key)

    def check(self) -> None:
        """Make sure the lock is still held.

        Raises:
            ConnectionLost: its connection is gone, and with it the lock: another runner may have started.
        """
        self._require_held().one("SELECT 1 AS alive")

    def _require_held(self) -> Session:
        if self._session is None:
            raise MigratorError("the runner lock is used outside its block")
        return self._session

    def _busy(self, session: Session) -> BudgetSpent:
        holders = session.query(_SQL["holders"], {"project": self._project})
        detail = "\n".join(
            f'"migrator {row.command}" by {row.actor}, pid {row.pid}, for {row.age_s} s' for row in holders
        )
        return BudgetSpent(
            "another migrator is running in this database",
            detail=detail or "the holder has not written its lease yet.",
            hint="nothing changed; wait for it, then run the same command again",
        )

    def _end_orphans(self, session: Session) -> None:
        """End backends whose process is gone; the lock proves that no listed holder it excludes is alive."""
        scopes = ["runner"] if self._shared else ["runner", "backfill"]
        key = {"project": self._project, "scopes": scopes}
        deadline = time.monotonic() + _TERMINATION_S
        while session.query(_SQL["end_orphans"], key):
            if time.monotonic() > deadline:
                raise BudgetSpent(
                    "a statement of an earlier run that was killed does not end",
                    detail="\n".join(f"pid {row.pid}: {row.query}" for row in session.query(_SQL["orphans"], key)),
                    hint="nothing changed; end it with pg_terminate_backend, then run the same command again",
                )
            time.sleep(0.05)
        session.execute(_SQL["forget_orphans"], key)
