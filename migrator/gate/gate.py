"""The order: look, soak, fence, drain, re-read everything and apply. Nothing is fenced while a look finds old code.

The other orders are wrong: to look and then drop breaks whoever started in between, and a fence raised while old code
still runs keeps the version in production from restarting.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from migrator.config import Project, seconds
from migrator.errors import (
    Fenced,
    GateBlocked,
    GateUnknown,
    GateWaiting,
    MigratorError,
    OutOfOrder,
    Refused,
    UsageError,
)
from migrator.gate import fence as fences
from migrator.gate.apply import Passage, Work, apply, lower_after, wait_until_alone
from migrator.gate.drain import drain
from migrator.gate.fence import Fence
from migrator.gate.look import Subject, look
from migrator.gate.messages import error_for
from migrator.ledger import decisions, services, state
from migrator.ledger.state import GateState
from migrator.model.events import Listener, Note, StepRetried
from migrator.model.evidence import Direction, GateReport, Verdict
from migrator.model.plan import Migration
from migrator.postgres.connect import Database
from migrator.postgres.locks import Refusal, retry_short_locks
from migrator.postgres.session import ServerError, Session

_LONGEST_POLL_S = 2.0
_SHORTEST_POLL_S = 0.05
_NO_LEDGER = ("3F000", "42883")
"""Invalid schema name, undefined function."""


class Gate:
    """Guards contracts and rollbacks of one project in one database.

    Args:
        database: to open sessions of its own: who blocks a lock, and lowering a fence after a lost connection.
        project: settings.
        actor: who asks, ``user@host``, for the record.
        listener: told what is waited for.
    """

    def __init__(self, database: Database, project: Project, actor: str, listener: Listener) -> None:
        self._database, self._settings, self._actor, self._listener = database, project.settings, actor, listener
        self._project = project.settings.project

    def sync_services(self, session: Session) -> None:
        """Add the configured services to the ledger, update what changed, remove nothing.

        Must run before the first beat of a service: one that is not listed is told not to start.

        Raises:
            UsageError: a name is reserved or belongs to another project.
        """
        names = services.sync(session, self._project, self._settings.gate.service)
        if names:
            decisions.append(
                session, self._project, None, "services", None, [], {"added or changed": names}, self._actor
            )

    def raise_ceiling(self, session: Session, level: int) -> None:
        """Allow code up to ``level`` to start, because the expand it needs is done; idempotent.

        Joins the transaction that is open, or opens one.
        """
        if session.in_transaction:
            services.lock(session, self._project)
            services.raise_ceiling(session, self._project, level)
            return
        with session.transaction(lock_timeout_ms=10_000):
            services.lock(session, self._project)
            services.raise_ceiling(session, self._project, level)

    def look(self, session: Session, migration: Migration, direction: Direction) -> GateReport:
        """All evidence of this moment and the soak so far; stores a sample. Never raises for what it finds."""
        return look(session, self._subject(session, migration, direction))

    def pass_through(
        self,
        session: Session,
        migration: Migration,
        direction: Direction,
        work: Work,
        *,
        wait_s: float,
        offline: str | None,
        hold_runner: Callable[[], AbstractContextManager[object]],
    ) -> None:
        """Prove that nobody needs what ``work`` removes, and do it in one transaction with the proof.

        Args:
            session: outside a transaction.
            migration: what is contracted or rolled back.
            direction: which of the two.
            work: runs the statements of the first breaking group by calling what it is given, and journals them. Called
                again when a lock was refused.
            wait_s: how long to poll while old code runs or the soak lasts; 0: look once.
            offline: why it is safe without evidence about services; accepted only while nobody else is connected.
            hold_runner: entered before the fence is raised, left at the end; not held while waiting.

        Raises:
            GateBlocked: code that needs the shape runs; no fence stands.
            GateUnknown: there is no proof; no fence stands.
            GateWaiting: the soak lasts longer than ``wait_s``, or the fence was lost; run it again.
            BudgetSpent: a lock was refused for the whole budget; no fence stands.
            OutOfOrder: never expanded here, or applied already.
        """
        self.sync_services(session)
        subject = self._subject(session, migration, direction)
        passage = Passage(self._database, session, subject, self._actor, self._listener, offline)
        try:
            if offline is None:
                self._wait_until_clean(passage, wait_s)
            else:
                _check_reason(offline)
                wait_until_alone(session, subject)
            with hold_runner():
                self._pass_fenced(passage, work)
        except (GateBlocked, GateUnknown, GateWaiting) as error:
            self._record_refusal(session, subject, error)
            raise

    def _pass_fenced(self, passage: Passage, work: Work) -> None:
        try:
            fence = self._raise_fence(passage)
            if passage.offline is None:
                _, fence = drain(passage.session, passage.subject, fence, self._listener)
            apply(passage, fence, work)
        except BaseException as error:
            lower_after(passage, error)
            raise

    def _raise_fence(self, passage: Passage) -> Fence:
        raised: list[Fence] = []
        migration, direction = passage.subject.migration, passage.subject.direction

        def attempt(limit_ms: int) -> None:
            with passage.session.transaction(lock_timeout_ms=limit_ms):
                lease_s = seconds(self._settings.gate.fence_lease)
                fence = fences.raise_fence(passage.session, passage.subject, lease_s=lease_s, actor=self._actor)
            raised.append(fence)

        def refused(refusal: Refusal) -> None:
            self._listener(
                StepRetried(
                    migration.id,
                    direction.value,
                    "fence",
                    refusal.attempt,
                    refusal.pause_s,
                    refusal.reason,
                    refusal.blocked_by,
                )
            )

        retry_short_locks(self._database, passage.session, attempt, passage.policy, refused)
        return raised[-1]

    def _wait_until_clean(self, passage: Passage, wait_s: float) -> None:
        session, subject = passage.session, passage.subject
        deadline = time.monotonic() + wait_s
        interval_s = min(_LONGEST_POLL_S, seconds(self._settings.gate.max_gap) / 3)
        told = ""
        while True:
            report = look(session, subject)
            self._track_soak(session, subject, report)
            if report.verdict is Verdict.PASS:
                return
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not report.requires:
                raise error_for(report, subject.migration, subject.direction)
            error = error_for(report, subject.migration, subject.direction)
            if report.verdict is not Verdict.SOAKING and error.message != told:
                self._listener(Note(f"waiting: {error.message}"))
                told = error.message
            elif report.verdict is Verdict.SOAKING and told != "soaking":
                self._listener(Note(f"soaking: {report.reasons[0]}"))
                told = "soaking"
            soak_left_s = report.soak.needs_s - report.soak.has_s
            pause_s = min(interval_s, soak_left_s) if report.verdict is Verdict.SOAKING else interval_s
            time.sleep(max(_SHORTEST_POLL_S, min(pause_s, left_s)))

    def _track_soak(self, session: Session, subject: Subject, report: GateReport) -> None:
        """Show in the ledger that a contract soaks, or that it does not any more."""
        clean = report.verdict in (Verdict.PASS, Verdict.SOAKING)
        with session.transaction(lock_timeout_ms=10_000):
            try:
                record = state.lock(session, self._project, subject.migration.id)
            except LookupError:
                raise OutOfOrder(
                    f"{subject.migration.id} was never expanded in this database",
                    hint=f'run "migrator expand {subject.migration.id}" first',
                ) from None
            if record.gate is GateState.APPLIED:
                raise OutOfOrder(f"the contract of {record.id} is applied already")
            if subject.direction is Direction.ROLLBACK:
                return
            if clean and record.gate in (GateState.NONE, GateState.ABORTED):
                moved, since = GateState.SOAKING, report.soak.clean_since
            elif not clean and record.gate is GateState.SOAKING:
                moved, since = GateState.NONE, None
            else:
                return
            state.set_gate(session, self._project, record.id, moved, soak_started_at=since)
            decisions.append(
                session,
                self._project,
                record.id,
                moved.value,
                report.verdict.value,
                list(report.reasons),
                {},
                self._actor,
            )

    def _record_refusal(self, session: Session, subject: Subject, error: MigratorError) -> None:
        verdicts = {GateBlocked: Verdict.BLOCK, GateUnknown: Verdict.UNKNOWN, GateWaiting: Verdict.SOAKING}
        verdict = verdicts[type(error)].value
        facts = {"detail": error.detail}
        decisions.append(
            session,
            self._project,
            subject.migration.id,
            subject.direction.value,
            verdict,
            [error.message],
            facts,
            self._actor,
        )

    def abort(self, session: Session, migration_id: str, reason: str) -> None:
        """Lower the fence and end the soak of a migration whose contract or rollback is not applied.

        Raises:
            OutOfOrder: it is applied, or the migration was never expanded here.
            UsageError: no reason is given.
        """
        _check_reason(reason)
        record = state.find(session, self._project, migration_id)
        if record is None:
            raise OutOfOrder(f"{migration_id} was never expanded in this database")
        if record.gate is GateState.APPLIED:
            raise OutOfOrder(f"the contract of {migration_id} is applied: there is no way back")
        before = fences.lower(session, self._project, migration_id, reasons=[reason], actor=self._actor)
        self._listener(
            Note(f"the gate of {migration_id} was {before.value}, it is aborted now")
            if before
            else Note(f"the gate of {migration_id} is {record.gate.value}: nothing to abort")
        )

    def retire(self, session: Session, service: str, instance: str, reason: str) -> int:
        """Record that a stale instance is gone for certain, so that it does not count as running any more.

        Returns:
            How many processes of that name were retired, at least 1.

        Raises:
            Refused: there is none, it ended already, it still beats, or its service belongs to another project.
            UsageError: no reason is given.
        """
        _check_reason(reason)
        owner = services.window(session, service).project
        if owner not in (None, self._project):
            raise Refused(f'service "{service}" belongs to project "{owner}"')
        rows = services.matching(session, service, instance)
        running = [row for row in rows if row.running]
        if not running:
            ended = f", it is {rows[-1].state}" if rows else ""
            raise Refused(f'no instance "{instance}" of "{service}" counts as running{ended}')
        if live := [row for row in running if not row.stale]:
            raise Refused(
                f'instance "{instance}" of "{service}" beat {live[0].last_seen_s:.0f} s ago: it runs',
                hint="stop it; it leaves the list when it says bye, and can be retired when its ttl has passed",
            )
        with session.transaction(lock_timeout_ms=10_000):
            count = services.retire(session, service, instance, reason)
            facts = {"service": service, "instance": instance, "processes": count}
            decisions.append(session, self._project, None, "retire", None, [reason], facts, self._actor)
        return count

    def start_check(self, session: Session, service: str, level: int) -> services.Window:
        """Whether code of a service at a level may start now, by the rule that ``migrator.beat`` answers with.

        Raises:
            Fenced: it may not.
            OutOfOrder: there is no ledger, so nothing was ever expanded here.
        """
        try:
            window = services.window(session, service)
        except ServerError as error:
            if error.sqlstate not in _NO_LEDGER:
                raise
            raise OutOfOrder("this database has no ledger", hint='run "migrator expand" first') from None
        if not window.listed:
            raise Fenced(
                f'service "{service}" is not listed in this database',
                hint=f'add [[tool.migrator.gate.service]] name = "{service}" and run "migrator expand"',
            )
        if level < window.min_level:
            raise Fenced(
                f'"{service}" at level {level} is too old: the database needs at least level {window.min_level}',
                hint="deploy a newer build; what it needs was removed, or is about to be",
            )
        if window.max_level is not None and level > window.max_level:
            raise Fenced(
                f'"{service}" at level {level} is too new: the database is expanded up to level {window.max_level}',
                hint='run "migrator expand" with the migrations of this build first',
            )
        return window

    def _subject(self, session: Session, migration: Migration, direction: Direction) -> Subject:
        return Subject(self._settings, migration, direction, frozenset({session.pid}))


def _check_reason(reason: str) -> None:
    if len(reason.strip()) < 3:  # anything shorter is a way of saying nothing
        raise UsageError("a reason must be given", hint="say why it is safe: it stays in the ledger")
