"""Short locks: run a group of statements under a wall limit and try again when a lock is refused.

``lock_timeout`` counts for each lock, so a group of statements on several tables could hold the first lock for a
multiple of it. Here the whole group, from BEGIN to COMMIT, has a wall limit: every statement gets what is left of it as
``statement_timeout`` and ``lock_timeout``. The server ends a session that holds locks and sends nothing any more.

An ordinary autovacuum worker steps aside only after ``deadlock_timeout`` (1 s by default), which is longer than the
limit; it is cancelled where permitted (documentation of pg_cancel_backend: a member of the role or pg_signal_backend),
else one attempt is made just above ``deadlock_timeout``.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from migrator.errors import BudgetSpent, MigratorError
from migrator.model.counts import counted
from migrator.postgres.connect import Database
from migrator.postgres.session import ConnectionLost, ServerError, Session

_POLL_S = 0.05
_LIMITS = (
    "SELECT pg_catalog.set_config('lock_timeout', %(left)s, true) AS lock_timeout,"
    " pg_catalog.set_config('statement_timeout', %(left)s, true) AS statement_timeout,"
    " pg_catalog.set_config('idle_in_transaction_session_timeout', '10s', true) AS idle_timeout"
)
"""Of one statement, and of the pause behind it: locks of a process that was stopped (SIGSTOP, a machine that sleeps) go
with its session. Ten seconds are beyond what a busy machine takes from one statement to the next."""
_LONGEST_PAUSE_S = 10.0


@dataclass(frozen=True, slots=True)
class LockPolicy:
    """How long to wait for locks.

    Attributes:
        limit_ms: wall limit of one attempt, from BEGIN to COMMIT.
        budget_s: how long attempts are repeated.
    """

    limit_ms: int
    budget_s: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """One attempt that was refused a lock.

    Attributes:
        attempt: 1-based.
        pause_s: pause before the next attempt.
        reason: the server's message.
        blocked_by: who was in the way, for people; empty when it could not be seen.
        next_limit_ms: wall limit of the next attempt; longer than the usual one when only autovacuum was in the way and
            we may not cancel it: it gives way by itself, but not earlier.
    """

    attempt: int
    pause_s: float
    reason: str
    blocked_by: str
    next_limit_ms: int


class WallClock:
    """What is left of an attempt's wall limit, applied to each statement of a transaction."""

    def __init__(self, session: Session, limit_ms: int) -> None:
        self._session = session
        self._deadline = time.monotonic() + limit_ms / 1000

    def execute(self, statement: str) -> None:
        """Run a statement within what is left; ``ServerError`` with 57014 or 55P03 when it does not suffice."""
        left_ms = max(1, int((self._deadline - time.monotonic()) * 1000))
        self._session.query(_LIMITS, {"left": f"{left_ms}ms"})
        self._session.execute(statement)
        self._session.set_local("statement_timeout", "0")


def retry_short_locks(
    database: Database,
    session: Session,
    attempt: Callable[[int], None],
    policy: LockPolicy,
    on_refusal: Callable[[Refusal], None],
) -> int:
    """Run ``attempt`` until it is not refused a lock; the number of attempts it took.

    Args:
        database: to open a second session that looks who blocks.
        session: the session ``attempt`` works on.
        attempt: takes the wall limit in milliseconds, opens and ends its own transaction; called again after a refusal.
        policy: limits.
        on_refusal: told of each refusal before the pause.

    Raises:
        BudgetSpent: refused until the budget was spent; nothing changed.
        ServerError: anything but a refused lock.
    """
    started = time.monotonic()
    attempts, limit_ms = 0, policy.limit_ms
    with _Watcher(database, session.pid) as watcher:
        while True:
            attempts += 1
            watcher.reset()
            try:
                attempt(limit_ms)
            except ServerError as error:
                if not error.is_lock_refusal:
                    raise
                spent = time.monotonic() - started
                if spent >= policy.budget_s:
                    raise BudgetSpent(
                        f"a lock was refused for {spent:.0f} s, {counted(attempts, 'attempts')}",
                        detail="\n".join(
                            filter(None, (error.server_message, watcher.describe(), f"statement: {error.statement}"))
                        ),
                        hint="nothing changed; end what blocks, or run the same command again later",
                    ) from None
                pause = min(_LONGEST_PAUSE_S, 0.1 * 2 ** min(attempts, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
                pause = min(pause, max(0.0, policy.budget_s - spent))
                limit_ms = watcher.next_limit_ms(policy.limit_ms)
                on_refusal(Refusal(attempts, pause, error.server_message, watcher.describe(), limit_ms))
                time.sleep(pause)
            else:
                return attempts


class _Watcher:
    """A second session that looks who blocks the first while an attempt waits."""

    def __init__(self, database: Database, pid: int) -> None:
        self._database, self._pid = database, pid
        self._seen: dict[int, str] = {}
        self._autovacuum: set[int] = set()
        self._cancelled = self._was_patient = False
        self._deadlock_timeout_ms = 1000
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="who-blocks", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def reset(self) -> None:
        self._seen, self._autovacuum = {}, set()

    def describe(self) -> str:
        return "; ".join(self._seen.values())

    def next_limit_ms(self, usual_ms: int) -> int:
        """Just above ``deadlock_timeout``, once, when only autovacuum was in the way and could not be cancelled."""
        only_autovacuum = bool(self._seen) and self._autovacuum == set(self._seen)
        if not only_autovacuum or self._cancelled or self._was_patient:
            return usual_ms
        self._was_patient = True
        return self._deadlock_timeout_ms + usual_ms

    def _watch(self) -> None:
        # The first look comes after a pause: most attempts are over by then and need no second connection at all.
        if self._stop.wait(_POLL_S * 2):
            return
        try:
            with self._database.connect("who-blocks") as session:
                setting = session.one(
                    "SELECT setting::int AS ms FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout'"
                )
                self._deadlock_timeout_ms = setting.ms
                while not self._stop.wait(_POLL_S):
                    self._look(session)
        except (MigratorError, ConnectionLost):
            return  # who blocks is a courtesy: the attempt itself reports a lost connection

    def _look(self, session: Session) -> None:
        # Without pg_read_all_stats only pid and usesysid of others can be seen; of all processes that hold the lock of
        # a vacuum, autovacuum's workers alone belong to no role.
        rows = session.query(
            "SELECT a.pid, a.usename, a.application_name, a.state, left(a.query, 120) AS query,"
            " round(extract(epoch FROM clock_timestamp() - a.xact_start))::int AS age_s,"
            " a.backend_type = 'autovacuum worker' OR a.backend_type IS NULL AND a.usesysid IS NULL AND EXISTS ("
            "SELECT FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation'"
            " AND l.mode = 'ShareUpdateExclusiveLock') AS autovacuum,"
            " a.backend_type IS NOT NULL AND a.query NOT LIKE '%%to prevent wraparound%%' AS may_be_cancelled,"
            " a.query LIKE '%%to prevent wraparound%%' AS wraparound"
            " FROM unnest(pg_catalog.pg_blocking_pids(%(pid)s)) AS b(pid)"
            " JOIN pg_catalog.pg_stat_activity a USING (pid)",
            {"pid": self._pid},
        )
        for row in rows:
            query = " ".join((row.query or "").split()) or "query not visible"
            who = f"{row.usename} ({row.application_name})" if row.application_name else row.usename
            who = "autovacuum" if row.autovacuum else who or "a process of the server"
            state = row.state or "state unknown"
            age = f" for {row.age_s} s" if row.age_s is not None else ""
            self._seen[row.pid] = f"pid {row.pid} {who}, {state}{age}: {query}"
            if row.autovacuum and not row.wraparound:
                self._autovacuum.add(row.pid)
        if rows and all(row.autovacuum and row.may_be_cancelled for row in rows):
            self._cancel(session)

    def _cancel(self, session: Session) -> None:
        for pid in self._autovacuum:
            try:
                session.execute("SELECT pg_catalog.pg_cancel_backend(%(pid)s)", {"pid": pid})
                self._cancelled = True
            except ServerError:
                self._cancelled = False
