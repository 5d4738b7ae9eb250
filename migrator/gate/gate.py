"""The order: look, soak, fence, drain, re-read everything and apply. Nothing is fenced while a look finds old code.

The other orders are wrong: to look and then drop breaks whoever started in between, and a fence raised while old code
still runs keeps the version in production from restarting.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from migrator.config import Project, seconds
from migrator.errors import GateBlocked, GateUnknown, GateWaiting, MigratorError, OutOfOrder, UsageError
from migrator.gate import barricade, by_hand, levels, override, recorded, registry, waiting
from migrator.gate import fence as fences
from migrator.gate.apply import Passage, Work, apply, lower_after, summary, wait_until_alone
from migrator.gate.drain import drain
from migrator.gate.fence import Fence
from migrator.gate.look import collect, look
from migrator.gate.messages import error_for
from migrator.gate.subject import Subject
from migrator.ledger import decisions, services, state
from migrator.ledger.home import home
from migrator.ledger.overrides import Override
from migrator.ledger.state import STANDING, GateState
from migrator.model.events import Listener, Note, StepRetried
from migrator.model.evidence import Direction, GateReport, Verdict
from migrator.model.plan import Migration
from migrator.postgres.connect import Database
from migrator.postgres.locks import Refusal, retry_short_locks
from migrator.postgres.session import Session

_LONGEST_POLL_S = 2.0
_SHORTEST_POLL_S = 0.05


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
        joined = contextlib.nullcontext()
        with joined if session.in_transaction else session.transaction(lock_timeout_ms=10_000):
            services.lock(session, self._project)
            services.raise_ceiling(session, self._project, level)

    def tidy(self, session: Session) -> None:
        """Notice and undo what processes that died left behind: fences that ran out, and what went with them."""
        barricade.tidy(session, self._settings, self._actor, self._listener)

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
        self._prepare(session)
        subject = self._subject(session, migration, direction)
        passage = Passage(self._database, session, subject, self._actor, self._listener, offline)
        deadline = time.monotonic() + wait_s
        try:
            if offline is None:
                self._wait_until_clean(passage, deadline)
            else:
                _check_reason(offline)
                wait_until_alone(session, subject)
            with hold_runner():
                self._pass_fenced(passage, work, deadline)
        except (GateBlocked, GateUnknown, GateWaiting) as error:
            recorded.refusal(session, self._project, subject, error, self._actor)
            raise

    def _prepare(self, session: Session) -> None:
        """Undo what processes that died left behind.

        Raises:
            GateUnknown: the ledger is about another database.
        """
        where = home(session)
        if where.is_copy:
            raise GateUnknown(
                f'database "{where.name}" is a copy of the one that the ledger is about',
                detail="what the ledger says of running code and of fences is the original's.",
                hint='set that aside: migrator gate reset-clone --reason "…"',
            )
        barricade.tidy(session, self._settings, self._actor, self._listener)

    def _pass_fenced(self, passage: Passage, work: Work, deadline: float) -> None:
        fence: Fence | None = None
        try:
            fence, passage = self._raise_fence(passage)
            session, subject = passage.session, passage.subject
            barricade.put_up(session, subject, fence, self._actor, self._listener)
            if passage.offline is None:
                patience_s = max(0.0, deadline - time.monotonic())
                report, fence = drain(session, subject, fence, self._listener, patience_s=patience_s)
                evidence = summary(report)
            else:
                wait_until_alone(session, subject)
                evidence = {"offline": passage.offline}
            fences.confirm(session, subject, fence, evidence=evidence, actor=self._actor)
            apply(passage, fence, work)
        except BaseException as error:
            lower_after(passage, fence, error)
            raise
        # Applied: whatever goes wrong from here on must not look as if it were not.
        with contextlib.suppress(MigratorError):
            barricade.after_applied(session, subject, self._actor, self._listener)

    def _raise_fence(self, passage: Passage) -> tuple[Fence, Passage]:
        """The fence, and the passage with the overrides that were spent on it."""
        raised: list[tuple[Fence, frozenset[int]]] = []
        migration, direction = passage.subject.migration, passage.subject.direction
        self._lower_opposite(passage)

        def attempt(limit_ms: int) -> None:
            session = passage.session
            with session.transaction(lock_timeout_ms=limit_ms):
                services.lock(session, self._project)
                claimed = override.claim(session, self._project, migration, direction, self._actor)
                lease_s = seconds(self._settings.gate.fence_lease)
                fence = fences.raise_fence(session, passage.subject, lease_s=lease_s, actor=self._actor)
            raised.append((fence, claimed))

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
        fence, claimed = raised[-1]
        return fence, replace(passage, subject=replace(passage.subject, claimed=claimed))

    def _lower_opposite(self, passage: Passage) -> None:
        """Undo what a tool that died left standing for the other direction; the runner lock says that it died."""
        migration, direction = passage.subject.migration, passage.subject.direction
        record = state.find(passage.session, self._project, migration.id)
        if record is None or record.gate not in STANDING or record.fenced_by_hand:
            return
        if record.fence_direction != direction.value:
            reasons = [f"the {direction.value} takes the place of the {record.fence_direction}"]
            barricade.lower(passage.session, self._settings, migration.id, reasons, self._actor, self._listener)

    def _wait_until_clean(self, passage: Passage, deadline: float) -> None:
        """Look until it is a PASS; or, where the soak counts from the fence on, until only that is missing."""
        session, subject = passage.session, passage.subject
        interval_s = min(_LONGEST_POLL_S, seconds(self._settings.gate.max_gap) / 3)
        told = ""
        while True:
            report = look(session, subject)
            recorded.soak(session, self._project, subject, report, self._actor)
            left_s = deadline - time.monotonic()
            soak_left_s = report.soak.needs_s - report.soak.has_s
            soaking = report.verdict is Verdict.SOAKING
            if report.verdict is Verdict.PASS or (soaking and subject.soaks_under_fence and soak_left_s <= left_s):
                return
            error = error_for(report, subject.migration, subject.direction)
            if left_s <= 0 or not report.requires or (soaking and subject.soaks_under_fence):
                raise error
            if not soaking and error.message != told:
                self._listener(Note(f"waiting: {error.message}"))
                told = error.message
            elif soaking and told != "soaking":
                self._listener(Note(f"soaking: {report.reasons[0]}"))
                told = "soaking"
            pause_s = min(interval_s, soak_left_s) if soaking else interval_s
            time.sleep(max(_SHORTEST_POLL_S, min(pause_s, left_s)))

    def fence(
        self, session: Session, migration: Migration, direction: Direction, reason: str, *, although_blocked: bool
    ) -> GateReport:
        """Raise a fence by hand: it has no deadline, and stands until ``abort`` or until the contract is applied.

        Args:
            session: outside a transaction.
            migration: whose fence.
            direction: keep out old code, or the new code of a migration that is rolled back.
            reason: for the record; may be empty.
            although_blocked: also while code runs that it would keep from starting again.

        Returns:
            What was seen before.

        Raises:
            GateBlocked: such code runs, and ``although_blocked`` is not set; nothing changed.
            GateUnknown: the ledger is about another database.
            OutOfOrder: never expanded here, applied already, or a fence that looks the other way was raised by hand.
            BudgetSpent: another runner is busy, or a lock was refused for the whole budget.
        """
        self.sync_services(session)
        self._prepare(session)
        subject = self._subject(session, migration, direction)
        report = look(session, subject)
        if report.verdict is Verdict.BLOCK and not although_blocked:
            raise GateBlocked(
                f"a fence for the {direction.value} of {migration.id} would keep running code from starting again:"
                f" {report.reasons[0]}",
                detail="whoever is refused can neither restart nor scale; nothing changed.",
                hint=f'wait until it is gone: migrator gate wait {migration.id}; or raise it all the same with "--yes"',
            )
        by_hand.put_up(self._database, session, subject, reason, self._actor, self._listener)
        return report

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
        before = barricade.lower(session, self._settings, migration_id, [reason], self._actor, self._listener)
        after = state.find(session, self._project, migration_id)
        if before is None and after is not None and after.gate is GateState.APPLIED:
            raise OutOfOrder(f"the contract of {migration_id} was applied meanwhile: there is no way back")
        self._listener(
            Note(f"the gate of {migration_id} was {before.value}, it is aborted now")
            if before
            else Note(f"the gate of {migration_id} is {record.gate.value}: nothing to abort")
        )

    def retire(self, session: Session, service: str, instance: str, reason: str) -> int:
        """Record that a stale instance is gone for certain; see ``registry.retire``."""
        _check_reason(reason)
        return registry.retire(session, self._project, service, instance, reason, self._actor)

    def retire_service(self, session: Session, service: str, reason: str) -> None:
        """Take a service off the ledger's list; see ``registry.retire_service``."""
        _check_reason(reason)
        registry.retire_service(session, self._settings, service, reason, self._actor)

    def reset_clone(self, session: Session, reason: str) -> list[str]:
        """Set aside what the ledger of a copy says about the original; see ``registry.reset_clone``."""
        _check_reason(reason)
        return registry.reset_clone(session, self._settings, reason, self._actor)

    def start_check(self, session: Session, service: str, level: int, version: str = "") -> services.Window:
        """Whether code of a service at a level may start now; see ``levels.start_check``."""
        return levels.start_check(session, service, level, version)

    def request_override(
        self,
        session: Session,
        migration: Migration,
        direction: Direction,
        *,
        only: str,
        reason: str,
        approver: str,
        expires: str,
    ) -> Override:
        """Ask for one verdict to be overruled; see ``override.request``."""
        self.sync_services(session)
        subject = self._subject(session, migration, direction)
        observations = collect(session, subject, services.listed(session, self._project))
        return override.request(
            session,
            self._settings,
            migration,
            direction,
            observations,
            only=only,
            reason=reason,
            approver=approver,
            expires=expires,
            actor=self._actor,
        )

    def wait(
        self,
        session: Session,
        migration: Migration,
        direction: Direction,
        timeout_s: float,
        tell: Callable[[str], None],
    ) -> GateReport:
        """Look until it is a PASS; see ``waiting.wait``."""
        self.sync_services(session)
        self._prepare(session)
        return waiting.wait(session, self._subject(session, migration, direction), timeout_s, self._actor, tell)

    def _subject(self, session: Session, migration: Migration, direction: Direction) -> Subject:
        return Subject(self._settings, migration, direction, frozenset({session.pid}))


def _check_reason(reason: str) -> None:
    if len(reason.strip()) < 3:  # anything shorter is a way of saying nothing
        raise UsageError(
            f'"{reason.strip()}" is no reason: at least three characters are wanted',
            hint="say why it is safe: it stays in the ledger",
        )
