"""Running the backfill of a migration: workers that do batches, and one director that does everything else.

The director, on the caller's thread and a connection of its own, reports progress, watches the standbys, moves the job
from pass to pass and stops the workers. Other processes may do the same on the same job at any time: all they share is
in the ledger.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from migrator.backfill import checkpoint, sizing, statements, target, worker
from migrator.backfill.checkpoint import JobKey, JobProgress, Stage
from migrator.backfill.segments import Span, segments_wanted
from migrator.backfill.statements import BackfillStatement
from migrator.backfill.throttle import LagTracker, Standby
from migrator.backfill.worker import Switchboard, Work
from migrator.config import BackfillSettings, seconds
from migrator.errors import StatementFailed
from migrator.model.events import BackfillProgress, Listener, Note
from migrator.model.plan import Migration, Phase
from migrator.postgres.connect import Database
from migrator.postgres.session import ConnectionLost, ServerError, Session

T = TypeVar("T")

_TICK_S = 0.05
_REPORT_S = 0.25
_BEAT_S = 2.0
_RECONNECT_S = 10.0
"""How long a server that went away in the middle is waited for: longer than a quick restart."""


@dataclass(frozen=True, slots=True)
class BackfillStatus:
    """How far the backfill of a migration is, for ``status``.

    Attributes:
        rows_done: rows updated, over all steps, passes and runs.
        rows_total: rows of the tables by the planner's statistics; None: not known.
        percent: of the first pass over the blocks of all steps that were started, 0 to 100.
        rows_per_s: rows for each second of batch time, times the workers at work; 0 while nobody is.
        eta_s: seconds to the end of the current pass at that rate; None: not known, or nobody is at it.
        state: ``running``, ``verifying``, ``throttled``, ``stopped`` (nobody is at it) or ``done``.
        reason: what it waits for; empty: nothing.
        rejected: rows set aside because they cannot be updated.
    """

    rows_done: int
    rows_total: int | None
    percent: float
    rows_per_s: float
    eta_s: float | None
    state: str
    reason: str
    rejected: int = 0


def run(
    database: Database,
    settings: BackfillSettings,
    project: str,
    migration: Migration,
    listener: Listener,
    should_stop: Callable[[], bool],
) -> bool:
    """Run and verify every backfill step of a migration, in order; what an earlier run did is not done again.

    Args:
        database: opened once for the director and once for each worker.
        settings: workers, target time and largest lag.
        project: the project the migration is registered in.
        migration: registered in the ledger before.
        listener: told of progress four times a second, on the caller's thread.
        should_stop: asked many times a second, on the caller's thread.

    Returns:
        True: all steps are done and verified. False: stopped as asked; the same call continues.

    Raises:
        Refused: a step cannot be run, found before any row is touched.
        StatementFailed: a row cannot be updated or stays wrong; it is named, and everything done so far is kept.
        DatabaseUnavailable: the server went away and did not come back soon.
    """
    read = [statements.read_step(step) for step in migration.phase(Phase.BACKFILL)]
    patient = replace(database, wait_s=max(database.wait_s, _RECONNECT_S))
    try:
        with _Connection(patient, database.connect("backfill"), should_stop) as connection:
            works = [_prepare(connection, patient, settings, project, migration, statement) for statement in read]
            if works and works[0].limits.target_ms < settings.target_ms:
                listener(
                    Note(
                        f"batches aim at {works[0].limits.target_ms:.0f} ms instead of {settings.target_ms} ms:"
                        " a longer one could make the application a deadlock victim (deadlock_timeout)"
                    )
                )
            for work in works:
                _Director(connection, work, settings, listener, should_stop).run()
    except _Stopped:
        return False
    return True


def progress(session: Session, project: str, migration_id: str) -> BackfillStatus | None:
    """How far the backfill of a migration is; None: it was never started."""
    jobs = checkpoint.progress(session, project, migration_id)
    if not jobs:
        return None
    current = next((job for job in jobs if job.state != "done"), jobs[-1])
    estimated = sum(job.rows_estimated for job in jobs)
    at_work = current.alive and current.workers > 0
    busy_s = current.busy_ms / 1000
    return BackfillStatus(
        rows_done=sum(job.rows_done for job in jobs),
        rows_total=estimated or None,
        percent=_percent(jobs),
        rows_per_s=current.rows_done / busy_s * current.workers if at_work and busy_s else 0.0,
        eta_s=current.eta_s if current.state == "done" or current.alive else None,
        state=_state(current),
        reason=current.reason if current.alive else "",
    )


def forget(session: Session, project: str, migration_id: str) -> None:
    """Drop what is recorded about a backfill, after a rollback has undone it."""
    checkpoint.forget(session, project, migration_id)


def _state(job: JobProgress) -> str:
    if job.state == "done":
        return "done"
    if not job.alive:
        return "stopped"
    return "throttled" if job.reason.startswith("throttled") else job.state


def _percent(jobs: list[JobProgress]) -> float:
    total = sum(max(job.blocks_total, 1) for job in jobs)
    done = sum(
        job.blocks_done if job.state == "running" and job.sweep == 1 else max(job.blocks_total, 1) for job in jobs
    )
    return 100.0 * done / total


class _Stopped(Exception):
    """The caller asked to stop."""


class _Connection:
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
            _Stopped: the caller asked to stop while a lock was refused.
        """
        while True:
            try:
                return self.try_once(function, *arguments)
            except ServerError as error:
                if not error.is_lock_refusal:
                    raise
            if self._should_stop():
                raise _Stopped
            time.sleep(_TICK_S)

    def try_once(self, function: Callable[..., T], *arguments: object) -> T:
        """As ``call``, but a refused lock is an error."""
        try:
            return function(self._session, *arguments)
        except ConnectionLost:
            self._session.close()
            self._session = self._database.connect("backfill")
            self._limit()
            return function(self._session, *arguments)

    def _limit(self) -> None:
        self._session.set("lock_timeout", f"{checkpoint.LOCK_WAIT_MS}ms")


def _prepare(
    connection: _Connection,
    patient: Database,
    settings: BackfillSettings,
    project: str,
    migration: Migration,
    statement: BackfillStatement,
) -> Work:
    """Check a step against the database."""
    found = connection.call(target.prepare, statement)
    for leaf in connection.call(target.leaves, found)[:1]:
        connection.call(target.check_accepted, statement, leaf.name)
    return Work(
        patient,
        JobKey(project, migration.id, statement.step),
        statement,
        found,
        segments_wanted(settings.workers),
        sizing.limits(settings.target_ms, connection.call(target.deadlock_timeout_ms)),
    )


class _Director:
    """Directs the workers of one step until it is done or stopped."""

    def __init__(
        self,
        connection: _Connection,
        work: Work,
        settings: BackfillSettings,
        listener: Listener,
        should_stop: Callable[[], bool],
    ) -> None:
        self._connection = connection
        self._work = work
        self._workers = settings.workers
        self._listener = listener
        self._should_stop = should_stop
        self._switchboard = Switchboard()
        self._lag = LagTracker(seconds(settings.max_lag))
        self._throttled: str | None = None
        self._throttled_since = 0.0
        self._told_hidden = False
        self._waits_for = ""
        self._started = time.monotonic()
        self._rows_at_start: int | None = None
        self._reported = self._beaten = 0.0

    def run(self) -> None:
        """Work until the step is done.

        Raises:
            _Stopped: the caller asked to stop.
        """
        work = self._work
        self._connection.call(checkpoint.open_job, work.key, work.target, work.parts)
        self._look_at_standbys()
        with self._hired() as workers:
            while not (self._switchboard.idle.wait(_TICK_S) and self._move_on()):
                if self._should_stop():
                    raise _Stopped
                for ended in (future for future in workers if future.done()):
                    ended.result()
                if time.monotonic() - self._reported >= _REPORT_S:
                    self._look_at_standbys()
                    self._report()
        self._report()

    @contextlib.contextmanager
    def _hired(self) -> Iterator[list[Future[None]]]:
        """The workers; told to stop and waited for at the end, however it comes."""
        host, process = socket.gethostname(), os.getpid()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="backfill") as pool:
            try:
                yield [
                    pool.submit(worker.run, self._work, self._switchboard, f"{host}:{process}:{number}")
                    for number in range(self._workers)
                ]
            finally:
                self._switchboard.stop.set()

    def _move_on(self) -> bool:
        """Begin the next pass if this one is finished; whether the step is done."""
        self._switchboard.idle.clear()
        work = self._work
        match self._connection.call(checkpoint.move_on, work.key, work.target, work.parts):
            case Stage.LOCKED:
                self._tell_who_locks()
            case Stage.VERIFYING | Stage.SWEEPING:
                self._waits_for = ""
            case Stage.STALLED:
                raise self._connection.call(self._stalled)
            case Stage.VERIFIED:
                self._connection.call(self._check_still_there)
                self._analyze()
                self._connection.call(checkpoint.finish, work.key)
                # Asked again at once: another process may have moved the job elsewhere meanwhile.
                self._switchboard.idle.set()
            case Stage.DONE:
                return True
            case Stage.WORKING:
                pass
        return False

    def _check_still_there(self, session: Session) -> None:
        """What was verified must be the table that the statement names, not one that was renamed away meanwhile."""
        if target.prepare(session, self._work.statement).oid != self._work.target.oid:
            raise StatementFailed(
                f"{self._work.target.name.sql} was replaced by another table while it was backfilled",
                at=self._work.statement.at or None,
                hint="run the same command again: it goes through the new table",
            )

    def _analyze(self) -> None:
        try:
            self._connection.try_once(target.analyze, self._work.target)
        except ServerError as error:
            self._listener(Note(f"{self._work.target.name.sql} was not analyzed: {error.server_message}"))

    def _tell_who_locks(self) -> None:
        leaves = [leaf.name.sql for leaf in self._connection.call(target.leaves, self._work.target)]
        holder = self._connection.call(target.lock_holder, leaves)
        reason = "rows are locked" + (f" by {holder}" if holder else "")
        if not self._waits_for:
            self._listener(Note(f"{reason}: they are done when they are free"))
        self._waits_for = reason
        self._connection.call(checkpoint.beat, self._work.key, reason)

    def _stalled(self, session: Session) -> StatementFailed:
        """The error for rows that stay wrong, with one of them as an example."""
        work, count, example = self._work, 0, ""
        for leaf_name, start, stop in checkpoint.left_spans(session, work.key):
            leaf = target.leaf(session, work.statement.columns, leaf_name)
            if leaf is None:
                continue
            span = Span.of_blocks(start, stop)
            count += session.one(work.statement.count_wrong(leaf.name, span)).rows
            if not example and (row := session.maybe(work.statement.find_wrong(leaf.name, span))):
                example = f"for example: {target.describe_row(session, leaf, row.place)} of {leaf_name}\n"
        return StatementFailed(
            f'backfill step "{work.statement.step}": {count} rows are still wrong after'
            f" {checkpoint.PASSES_WITHOUT_PROGRESS + 1} passes over them",
            at=work.statement.at or None,
            detail=f"{example}a row is wrong while: {work.statement.wrong}",
            hint="either the statement does not make this condition false, or the application writes rows that no"
            " trigger corrects",
        )

    def _look_at_standbys(self) -> None:
        rows = self._connection.call(target.replication)
        if any(row.hidden for row in rows) and not self._told_hidden:
            self._told_hidden = True
            self._listener(
                Note("the lag of standbys cannot be seen, so it is not limited: GRANT pg_monitor to this role")
            )
        standbys = [Standby(row.name, row.replayed, row.replay_lag_s) for row in rows if not row.hidden]
        now = time.monotonic()
        reason = self._lag.look(now, rows[0].written, standbys) if standbys else None
        before, self._throttled = self._throttled, reason
        if reason is not None:
            self._switchboard.go.clear()
        else:
            self._switchboard.go.set()
        changed = (reason is None) != (before is None)
        if changed or now - self._beaten >= _BEAT_S:
            self._beaten = now
            text = f"throttled: {reason}" if reason else self._waits_for
            self._connection.call(checkpoint.beat, self._work.key, text)
        if changed and reason is not None:
            self._throttled_since = now
            self._listener(Note(f"throttled: {reason}"))
        elif changed:
            self._listener(Note(f"goes on after {now - self._throttled_since:.1f} s of throttling"))

    def _report(self) -> None:
        """Pass on what workers noted, and how far everybody is."""
        self._reported = time.monotonic()
        while not self._switchboard.notes.empty():
            self._listener(Note(self._switchboard.notes.get()))
        key = self._work.key
        for job in self._connection.call(checkpoint.progress, key.project, key.migration, key.step):
            if self._rows_at_start is None:
                self._rows_at_start = job.rows_done
            elapsed = self._reported - self._started
            self._listener(
                BackfillProgress(
                    migration=key.migration,
                    step=key.step,
                    state="throttled" if self._throttled else job.state,
                    rows_done=job.rows_done,
                    blocks_done=job.blocks_done,
                    blocks_total=job.blocks_total,
                    rows_per_s=(job.rows_done - self._rows_at_start) / elapsed if elapsed > 0 else 0.0,
                    eta_s=job.eta_s,
                    reason=job.reason,
                )
            )
