"""Removing what is guarded: all evidence once more, the statements and the record of it in one transaction.

Under the fence nobody who needs the shape starts any more, but somebody may have before, so the evidence is read again
under the locks that hold back every beat, in new statements of a READ COMMITTED transaction: only those see what
committed while the locks were waited for. It is read a last time while the table locks are held.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from migrator.config import milliseconds, seconds
from migrator.errors import GateBlocked, GateWaiting
from migrator.gate import barricade, drain
from migrator.gate import fence as fences
from migrator.gate.evidence import sessions
from migrator.gate.fence import Fence
from migrator.gate.look import evaluate, look, question_of
from migrator.gate.messages import command, error_for
from migrator.gate.subject import Subject
from migrator.ledger import decisions, services, state
from migrator.ledger.services import Service
from migrator.ledger.state import GateState, MigrationRecord
from migrator.model.events import Listener, Note, StepRetried
from migrator.model.evidence import Direction, EvidenceItem, GateReport, Verdict
from migrator.postgres.connect import Database
from migrator.postgres.locks import LockPolicy, Refusal, WallClock, retry_short_locks
from migrator.postgres.session import Session

Work = Callable[[Callable[[str], None]], None]
"""Runs the statements of the first breaking group by calling what it is given, and journals them."""

_EVIDENCE_TIMEOUT_MS = 5_000
_LONGEST_MARGIN_S = 5.0
_ENDING_S = 1.0
"""A session is listed for some milliseconds after its client closed it."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One attempt to get through the gate.

    Attributes:
        offline: why it is safe without evidence about services; None: with evidence.
    """

    database: Database
    session: Session
    subject: Subject
    actor: str
    listener: Listener
    offline: str | None

    @property
    def policy(self) -> LockPolicy:
        """How long to wait for locks."""
        settings = self.subject.settings
        return LockPolicy(milliseconds(settings.lock_timeout), seconds(settings.lock_budget))


def apply(passage: Passage, fence: Fence, work: Work) -> None:
    """Do ``work`` in one transaction with the proof; afterwards there is no way back.

    Raises:
        GateBlocked: code that needs the shape came up, or, offline, anybody is connected.
        GateUnknown: there is no proof any more.
        GateWaiting: the fence does not stand any more.
        BudgetSpent: a lock was refused for the whole budget.
    """
    standing = fence

    def attempt(limit_ms: int) -> None:
        _require_beforehand(passage, standing)
        _attempt(passage, standing, work, limit_ms)

    def refused(refusal: Refusal) -> None:
        nonlocal standing
        migration, direction = passage.subject.migration, passage.subject.direction
        passage.listener(
            StepRetried(
                migration.id,
                direction.value,
                "gate",
                refusal.attempt,
                refusal.pause_s,
                refusal.reason,
                refusal.blocked_by,
            )
        )
        enough_s = refusal.pause_s + 2 * _LONGEST_MARGIN_S
        standing = drain.keep(passage.session, passage.subject, standing, for_s=enough_s)

    retry_short_locks(passage.database, passage.session, attempt, passage.policy, refused)


def require_alone(session: Session, subject: Subject, listed: tuple[Service, ...], *, local: bool) -> None:
    """Make sure that nobody else is connected.

    Raises:
        GateBlocked: somebody is, or a transaction is prepared.
        GateUnknown: it cannot be seen.
    """
    others = sessions.everybody_else(session, question_of(session, subject, listed, local=local))
    if others:
        raise _not_alone(subject, others)


def wait_until_alone(session: Session, subject: Subject) -> None:
    """As ``require_alone`` before any lock is taken, with patience for sessions that are just ending.

    Raises:
        GateBlocked: somebody is connected to stay, or a transaction is prepared.
        GateUnknown: it cannot be seen.
    """
    deadline = time.monotonic() + _ENDING_S
    while True:
        try:
            require_alone(session, subject, services.listed(session, subject.project), local=False)
        except GateBlocked:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _not_alone(subject: Subject, others: tuple[EvidenceItem, ...]) -> GateBlocked:
    shown = [f"{item.instance}: {item.why}" for item in others[:12]]
    more = [f"and {len(others) - 12} more"] if len(others) > 12 else []  # as many as a screen takes
    what = "session or prepared transaction is" if len(others) == 1 else "sessions or prepared transactions are"
    return GateBlocked(
        f"{subject.direction.value} of {subject.migration.id} is not offline: {len(others)} other {what} there",
        detail="\n".join([*shown, *more]),
        hint="stop every application; a role whose sessions do not matter can be listed under "
        "[[tool.migrator.gate.ignore]] in pyproject.toml; then run "
        f'"{command(subject.migration, subject.direction)} --offline …" again',
    )


def _require_beforehand(passage: Passage, fence: Fence) -> None:
    """What takes time to see, standbys above all, is looked at while no lock is held."""
    if passage.offline is not None:
        wait_until_alone(passage.session, passage.subject)
        return
    report = look(passage.session, passage.subject, not_before=fence.at)
    # The soak was complete when this was confirmed; under the fence only old code that shows up can undo that.
    if report.verdict is not Verdict.SOAKING:
        _require_pass(report, passage.subject, fence)


def _require_pass(report: GateReport, subject: Subject, fence: Fence) -> None:
    if report.verdict is not Verdict.PASS:
        raise error_for(report, subject.migration, subject.direction, fenced=True, by_hand=fence.by_hand)


def _require_confirmed(record: MigrationRecord, subject: Subject) -> None:
    if record.gate is not GateState.CONFIRMED:
        raise GateWaiting(
            f"{subject.direction.value} of {record.id} starts over: the gate is {record.gate.value}, not confirmed",
            hint=f'nothing changed; run "{command(subject.migration, subject.direction)}" again',
        )


def _attempt(passage: Passage, fence: Fence, work: Work, limit_ms: int) -> None:
    session, subject = passage.session, passage.subject
    with session.transaction(lock_timeout_ms=limit_ms, statement_timeout_ms=_EVIDENCE_TIMEOUT_MS):
        listed = services.lock(session, subject.project)
        record = state.lock(session, subject.project, subject.migration.id)
        fences.make_durable(session)
        margin_s = min(_LONGEST_MARGIN_S, seconds(subject.gate.fence_lease) / 4)
        fences.check(record, fence, services.server(session), subject, margin_s=margin_s)
        _require_confirmed(record, subject)
        if passage.offline is None:
            report, _ = evaluate(session, subject, listed, not_before=fence.at, local=True)
            _require_pass(report, subject, fence)
        started = time.monotonic()
        work(WallClock(session, limit_ms).execute)
        # The table locks are held from here on, so what is left of the wall limit bounds each statement.
        left_ms = max(1, limit_ms - int((time.monotonic() - started) * 1000))
        session.set_local("lock_timeout", f"{left_ms}ms")
        session.set_local("statement_timeout", f"{left_ms}ms")
        if passage.offline is None:
            report, _ = evaluate(session, subject, listed, not_before=fence.at, local=True)
            _require_pass(report, subject, fence)
            evidence = summary(report)
        else:
            require_alone(session, subject, listed, local=True)
            evidence = {"offline": passage.offline, "overruled": _overruled(session, subject, listed)}
        _record(passage, listed, evidence)


def _record(passage: Passage, listed: tuple[Service, ...], evidence: dict[str, Any]) -> None:
    session, subject = passage.session, passage.subject
    if subject.direction is Direction.CONTRACT:
        question = question_of(session, subject, listed, local=True)
        services.raise_floor(session, subject.project, question.requires)
        moment = services.server(session).at
        gate, columns = GateState.APPLIED, {"applied_at": moment, "fence_deadline": None}
    else:
        services.lower_ceiling(session, subject.project, subject.migration.level)
        gate, columns = GateState.NONE, {"fence_at": None, "fence_deadline": None, "fence_direction": None}
    state.set_gate(session, subject.project, subject.migration.id, gate, **columns)
    decisions.append(
        session,
        subject.project,
        subject.migration.id,
        subject.direction.value,
        "APPLIED",
        [f"offline: {passage.offline}"] if passage.offline is not None else [],
        evidence,
        passage.actor,
    )


def _overruled(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[dict[str, Any]]:
    """Instances that count as running and are provably not connected; recorded because nobody else asked about them."""
    question = question_of(session, subject, listed, local=True)
    return [
        {"service": row.service, "instance": row.instance, "level": row.level, "stale": row.stale}
        for row in services.running(session, subject.project)
        if not row.listed or question.is_in_the_way(row.service, row.level, row.version)
    ]


def summary(report: GateReport) -> dict[str, Any]:
    """The evidence as it is kept with a decision."""
    overruled = {"overrides": list(report.overrides)} if report.overrides else {}
    return {
        **overruled,
        "requires": dict(report.requires),
        "sources": [
            {
                "source": seen.source,
                "service": seen.service,
                "verdict": seen.verdict.value,
                "control": seen.control,
                **({"exempt": [f"{item.instance}: {item.why}" for item in seen.exempt]} if seen.exempt else {}),
            }
            for seen in report.observations
        ],
    }


def lower_after(passage: Passage, fence: Fence | None, error: BaseException) -> None:
    """Lower the fence because of an error, or let its deadline do it.

    One that was raised by hand stands on, and one that is not ours any more: it ran out, and somebody raised theirs.
    """
    reasons = [" ".join(str(error).split()) or type(error).__name__]
    subject, raised_at = passage.subject, fence.at if fence else None

    def lower(session: Session) -> None:
        barricade.lower(
            session,
            subject.settings,
            subject.migration.id,
            reasons,
            passage.actor,
            passage.listener,
            by_hand=False,
            raised_at=raised_at,
        )

    with suppress(Exception):
        lower(passage.session)
        return
    with suppress(Exception), passage.database.connect("abort") as session:
        lower(session)
        return
    lease = passage.subject.gate.fence_lease
    passage.listener(Note(f"the fence could not be lowered now; it ends by itself within {lease}"))
