"""Running the backfill of a migration: workers that do batches, and one director that does everything else.

The director, on the caller's thread and a connection of its own, reports progress, watches the server, obeys what was
ordered meanwhile, moves the job from pass to pass and stops the workers. Other processes may do the same on the same
job at any time: all they share is in the ledger.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from migrator.backfill import (
    checkpoint,
    control,
    described,
    holding,
    inline,
    job_progress,
    reading,
    rejects,
    sizing,
    target,
    worker,
)
from migrator.backfill.checkpoint import JobKey, Stage
from migrator.backfill.connection import Connection, Stopped
from migrator.backfill.control import Member
from migrator.backfill.progress import event
from migrator.backfill.segments import segments_wanted
from migrator.backfill.statements import BackfillStatement
from migrator.backfill.target import Target
from migrator.backfill.vacuum import Vacuuming
from migrator.backfill.watch import Hold, Watch
from migrator.backfill.worker import Pace, Switchboard, Work
from migrator.config import BackfillSettings, seconds
from migrator.errors import BudgetSpent, StatementFailed
from migrator.model.counts import counted
from migrator.model.events import Listener, Note
from migrator.model.plan import Migration, Phase
from migrator.postgres.connect import Database
from migrator.postgres.session import ServerError, Session

_TICK_S = 0.05
_BEAT_S = 2.0
_MOST_WORKERS = 64
_RECONNECT_S = 10.0
"""How long a server that went away in the middle is waited for: longer than a quick restart."""


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
        settings: workers, target time, and what the server may bear; what was ordered meanwhile stands over them.
        project: the project the migration is registered in.
        migration: registered in the ledger before.
        listener: told of progress four times a second, on the caller's thread.
        should_stop: asked many times a second, on the caller's thread.

    Returns:
        True: all steps are done and verified. False: stopped as asked; the same call continues.

    Raises:
        Refused: a step cannot be run, found before any row is touched.
        StatementFailed: rows cannot be updated and were set aside, all others are done; or too many are, or rows stay
            wrong. They are named, and everything done so far is kept.
        BudgetSpent: a signal did not end within the time that is waited for it; progress is kept.
        DatabaseUnavailable: the server went away and did not come back soon.
    """
    member = Member(project, migration.id, f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}")
    read = [reading.read_step(step) for step in migration.phase(Phase.BACKFILL)]
    patient = replace(database, wait_s=max(database.wait_s, _RECONNECT_S))
    try:
        with Connection(patient, database.connect("backfill"), should_stop) as connection:
            connection.call(control.ensure, project, migration.id)
            works = [_prepare(connection, patient, settings, project, migration, statement) for statement in read]
            for work in works:
                _Director(connection, work, member, settings, listener, should_stop).run()
            if rejected := connection.call(rejects.count, project, migration.id):
                raise described.rejected(rejected, connection.call(rejects.listed, project, migration.id, 5), migration)
    except Stopped:
        return False
    return True


def check(database: Database, migration: Migration, should_stop: Callable[[], bool]) -> None:
    """Refuse what ``run`` would refuse, before anything is recorded of it.

    Raises:
        Refused: a step cannot be run.
    """
    read = [reading.read_step(step) for step in migration.phase(Phase.BACKFILL)]
    with contextlib.suppress(Stopped), Connection(database, database.connect("backfill"), should_stop) as connection:
        for statement in read:
            _checked(connection, statement)


def forget(session: Session, project: str, migration_id: str) -> None:
    """Drop what is recorded about a backfill, after a rollback has undone it."""
    rejects.forget(session, project, migration_id)
    checkpoint.forget(session, project, migration_id)
    control.forget(session, project, migration_id)


def _prepare(
    connection: Connection,
    patient: Database,
    settings: BackfillSettings,
    project: str,
    migration: Migration,
    statement: BackfillStatement,
) -> Work:
    """Check a step against the database."""
    found = _checked(connection, statement)
    return Work(
        patient,
        JobKey(project, migration.id, statement.step),
        statement,
        found,
        segments_wanted(settings.workers),
        connection.call(target.deadlock_timeout_ms),
    )


def _checked(connection: Connection, statement: BackfillStatement) -> Target:
    found = connection.call(target.prepare, statement)
    for leaf in connection.call(target.leaves, found)[:1]:
        connection.call(target.check_accepted, statement, leaf.name)
    return found


class _Director:
    """Directs the workers of one step until it is done or stopped."""

    def __init__(
        self,
        connection: Connection,
        work: Work,
        member: Member,
        settings: BackfillSettings,
        listener: Listener,
        should_stop: Callable[[], bool],
    ) -> None:
        self._connection = connection
        self._work = work
        self._member = member
        self._settings = settings
        self._listener = listener
        self._should_stop = should_stop
        limits = sizing.limits(settings.target_ms, work.deadlock_timeout_ms)
        self._switchboard = Switchboard(Pace(settings.workers, limits, settings.max_rejected))
        self._watch = Watch(member, work.key.step, settings)
        self._vacuuming: Vacuuming | None = None
        self._hold: Hold | None = None
        self._held_since = self._beaten = self._looked = 0.0
        self._stopped_since = time.monotonic()
        self._told: set[str] = set()
        self._waits_for = ""
        self._workers: dict[int, Future[None]] = {}

    def run(self) -> None:
        """Work until the step is done.

        Raises:
            Stopped: the caller asked to stop.
            BudgetSpent: a signal has not ended for too long.
        """
        work = self._work
        self._connection.call(checkpoint.make_job, work.key, work.target)
        self._connection.call(control.here, self._member, self._settings.workers)
        with self._hired() as pool:
            self._look()
            if not self._done_at_once():
                self._connection.call(checkpoint.open_job, work.key, work.target, work.parts)
                self._connection.call(self._watch.measure)
                self._work_through(pool)
            self._look()

    def _done_at_once(self) -> bool:
        """Do a small table with one statement, if nothing holds the backfill and nothing comes between."""
        work = self._work
        if self._hold is None or self._hold.stops:
            return False
        try:
            rows = self._connection.try_once(
                inline.run, work.key, work.statement, work.target, self._switchboard.pace.limits
            )
        except ServerError as error:
            if not error.is_lock_refusal:
                raise
            return False
        if rows:
            self._analyze()
        return rows is not None

    def _work_through(self, pool: ThreadPoolExecutor) -> None:
        if self._settings.vacuum and self._work.statement.into is None:
            self._vacuuming = Vacuuming(self._work.database, self._work.key, pool)
        while not (self._switchboard.idle.wait(_TICK_S) and self._move_on()):
            if self._should_stop():
                raise Stopped
            self._hire(pool)
            if time.monotonic() - self._looked >= control.READ_EVERY_S:
                self._look()

    @contextlib.contextmanager
    def _hired(self) -> Iterator[ThreadPoolExecutor]:
        """Where workers run; told to stop and waited for at the end, however it comes."""
        try:
            with ThreadPoolExecutor(_MOST_WORKERS, thread_name_prefix="backfill") as pool:
                try:
                    yield pool
                finally:
                    self._switchboard.stop.set()
                    if self._vacuuming is not None:
                        self._vacuuming.close()
        finally:
            self._watch.close()
            with contextlib.suppress(Exception):  # what led here says more
                self._connection.try_once(control.gone, self._member)

    def _hire(self, pool: ThreadPoolExecutor) -> None:
        """As many workers as wanted; one that failed fails the run."""
        for number, future in list(self._workers.items()):
            if future.done():
                del self._workers[number]
                future.result()
        for number in range(self._switchboard.pace.workers):
            if number not in self._workers:
                name = f"{self._member.process}:{number}"
                self._workers[number] = pool.submit(worker.run, self._work, self._switchboard, name, number)

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
                self._connection.call(
                    holding.look_again, work.key, work.statement, work.target, self._switchboard.pace.limits
                )
                self._connection.call(rejects.settle, work.key)
                self._connection.call(self._watch.measure)
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
        if self._vacuuming is not None:
            # It holds the lock that ANALYZE needs.
            self._vacuuming.close()
        try:
            self._connection.try_once(target.analyze, self._work.target)
        except ServerError as error:
            self._listener(Note(f"{self._work.target.name.sql} was not analyzed: {error.server_message}"))

    def _tell_who_locks(self) -> None:
        leaves = [leaf.name.sql for leaf in self._connection.call(target.leaves, self._work.target)]
        holder = self._connection.call(described.lock_holder, leaves)
        reason = "rows are locked" + (f" by {holder}" if holder else "")
        if not self._waits_for:
            self._listener(Note(f"{reason}: they are done when they are free"))
        self._waits_for = reason
        self._connection.call(checkpoint.beat, self._work.key, reason)

    def _stalled(self, session: Session) -> StatementFailed:
        """The error for rows that stay wrong, with one of them as an example."""
        work, count, example = self._work, 0, ""
        for leaf, span in checkpoint.left_spans(session, work.key, work.target):
            count += session.one(work.statement.count_wrong(leaf.name, span)).rows
            if not example and (row := session.maybe(work.statement.find_wrong(leaf.name, span))):
                example = f"for example: {described.describe_row(session, leaf, row.place)} of {leaf.name.sql}\n"
        return StatementFailed(
            f'backfill step "{work.statement.step}": {counted(count, "rows are")} still wrong after'
            f" {checkpoint.PASSES_WITHOUT_PROGRESS + 1} passes over them",
            at=work.statement.at or None,
            detail=f"{example}a row is wrong while: {work.statement.wrong}",
            hint="either the statement does not make this condition false, or the application writes rows that no"
            " trigger corrects",
        )

    def _look(self) -> None:
        """See how the server is and what was ordered, obey, and pass on how far everybody is."""
        self._looked = now = time.monotonic()
        key = self._work.key
        (job,) = self._connection.call(job_progress.read, key.project, key.migration, key.step)
        hold = self._connection.call(self._watch.look, job.rows_done, job.state == "running")
        self._obey(hold)
        self._tell(hold, now)
        text = hold.text or self._waits_for
        if self._hold is None or self._hold.kind != hold.kind or now - self._beaten >= _BEAT_S:
            self._beaten = now
            self._connection.call(checkpoint.beat, key, text)
            self._connection.call(control.here, self._member, self._switchboard.pace.workers)
            if self._vacuuming is not None:
                self._connection.call(self._vacuuming.look, job.state == "running" and not hold.orders.notice)
        self._hold = hold
        while not self._switchboard.notes.empty():
            self._listener(Note(self._switchboard.notes.get()))
        self._listener(event(key, replace(job, reason=text), hold.orders, hold.kind))
        budget_s = seconds(self._settings.throttle_budget)
        if not hold.stops or hold.kind != "throttled":
            self._stopped_since = now
        elif now - self._stopped_since > budget_s:
            raise BudgetSpent(
                f"{hold.text}; it has not ended for {self._settings.throttle_budget}",
                hint="progress is kept; run the same command again when it has",
            )

    def _obey(self, hold: Hold) -> None:
        pace, orders = self._switchboard.pace, hold.orders
        wanted_ms = orders.target_ms or self._settings.target_ms
        pace.limits = sizing.limits(wanted_ms, self._work.deadlock_timeout_ms)
        pace.workers = orders.workers or self._settings.workers
        pace.share = orders.share
        pace.max_rejected = self._settings.max_rejected if orders.max_rejected is None else orders.max_rejected
        if hold.stops:
            self._switchboard.go.clear()
        else:
            self._switchboard.go.set()
        if pace.limits.target_ms < wanted_ms:
            self._once(
                f"batches aim at {pace.limits.target_ms:.0f} ms instead of {wanted_ms} ms:"
                " a longer one could make the application a deadlock victim (deadlock_timeout)"
            )

    def _tell(self, hold: Hold, now: float) -> None:
        before = self._hold.kind if self._hold else ""
        if hold.kind and hold.kind != before:
            self._held_since = now
            self._listener(Note(hold.text))
        elif before and not hold.kind:
            held = {"throttled": "throttling"}.get(before, "pause")
            self._listener(Note(f"goes on after {now - self._held_since:.1f} s of {held}"))
        if hold.orders.notice:
            # The time in it grows; the fact is told once.
            self._once(hold.orders.notice, hold.orders.notice.rpartition(" by ")[2])
        if self._watch.hidden:
            self._once("the lag of standbys cannot be seen, so it is not limited: GRANT pg_monitor to this role")

    def _once(self, text: str, about: str = "") -> None:
        if (about or text) not in self._told:
            self._told.add(about or text)
            self._listener(Note(text))
