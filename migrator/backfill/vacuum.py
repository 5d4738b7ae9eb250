"""Room that dead row versions leave is made known while the backfill goes on, so that later rows take it.

A version whose successor lies on another page can only be removed when index entries no longer point to it; but its
bytes can be used at once, and ``VACUUM (INDEX_CLEANUP OFF)`` says where they are without going through any index. It is
done once the dead versions are a tenth of the table, by one process at a time, at the pace of autovacuum, and given up
as soon as somebody waits for the table. Index entries are left to autovacuum, which is not kept from its work.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from migrator.backfill.checkpoint import JobKey
from migrator.errors import DatabaseUnavailable, StatementFailed
from migrator.postgres.connect import Database
from migrator.postgres.queries import load
from migrator.postgres.session import Session
from migrator.sql.compose import Sql

_SQL = load("migrator.backfill.queries", "vacuum.sql")

SHARE = 10
"""One in so many bytes of a table is dead when it is due: half of what autovacuum waits for by default."""

SMALLEST_BYTES = 8 * 2**20
"""Less is not worth it."""


class Vacuuming:
    """The vacuums of one process on the tables of one step.

    Args:
        database: for a connection of its own.
        key: the job.
        pool: where it runs.
    """

    def __init__(self, database: Database, key: JobKey, pool: ThreadPoolExecutor) -> None:
        self._database, self._key, self._pool = database, key, pool
        self._running: Future[None] | None = None
        self._session: Session | None = None
        self._lock = threading.Lock()
        self._closed = False
        # By leaf: when it was vacuumed last, and the bytes that were dead then.
        self._seen: dict[str, tuple[datetime | None, float]] = {}
        self._may: dict[str, bool] = {}

    def look(self, session: Session, useful: bool) -> None:
        """Begin one if it is due; give up one that somebody waits for.

        Args:
            session: the director's.
            useful: whether dead versions may be removed: nobody holds an old snapshot.
        """
        if self._running is not None and not self._running.done():
            with self._lock:
                pid = self._session.pid if self._session is not None else None
            if pid is not None and session.one(_SQL["blocks"], {"pid": pid}).blocks:
                self.stop()
            return
        self._running = None
        leaf = self._due(session) if useful and not self._closed else None
        if leaf is not None:
            self._running = self._pool.submit(self._run, leaf)

    def stop(self) -> None:
        """Give up the one that is running; what it found so far is kept."""
        with self._lock:
            if self._session is not None:
                self._session.cancel()

    def close(self) -> None:
        """Begin no further one, and wait for the end of the one that is given up."""
        self._closed = True
        self.stop()
        if self._running is not None:
            self._running.result()

    def _due(self, session: Session) -> str | None:
        parameters = self._key.parameters()
        for row in session.query(_SQL["due"], parameters):
            known = self._seen.get(row.leaf)
            # Whoever did it since: autovacuum, another process, or this one.
            if known is None or known[0] != row.vacuumed:
                known = self._seen[row.leaf] = (row.vacuumed, row.dead_bytes if known else 0.0)
            if row.dead_bytes - known[1] < max(SMALLEST_BYTES, row.bytes / SHARE):
                continue
            if row.leaf not in self._may:
                found = session.maybe(_SQL["may"], {"leaf": row.leaf, "privilege": "MAINTAIN"})
                self._may[row.leaf] = bool(found and found.may)
            if self._may[row.leaf]:
                self._seen[row.leaf] = (row.vacuumed, row.dead_bytes)
                return str(row.leaf)
        return None

    def _run(self, leaf: str) -> None:
        try:
            with self._database.connect("vacuum") as session:
                if not session.one(_SQL["lock"], {"leaf": leaf}).locked:
                    return
                session.one(_SQL["gentle"])
                session.pid  # noqa: B018 - asked for now, while the session is free
                with self._lock:
                    if self._closed:
                        return
                    self._session = session
                try:
                    session.execute(Sql(f"VACUUM (INDEX_CLEANUP OFF, TRUNCATE OFF, SKIP_LOCKED, PARALLEL 0) {leaf}"))
                finally:
                    with self._lock:
                        self._session = None
        except (StatementFailed, DatabaseUnavailable):
            # Given up, or not to be had: the table grows by a little more.
            return
