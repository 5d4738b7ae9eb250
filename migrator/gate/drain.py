"""Waiting under the fence until the last code that needs what is about to go has left."""

from __future__ import annotations

import time

from migrator.config import seconds
from migrator.gate import fence as fences
from migrator.gate.decision import shown
from migrator.gate.fence import Fence
from migrator.gate.look import Subject, evaluate
from migrator.gate.messages import error_for
from migrator.ledger import services, state
from migrator.model.events import Listener, Note
from migrator.model.evidence import GateReport, Verdict
from migrator.postgres.session import ServerError, Session

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0
_RENEWAL_LOCK_MS = 2_000


def drain(session: Session, subject: Subject, fence: Fence, listener: Listener) -> tuple[GateReport, Fence]:
    """Poll all evidence until it is a PASS; the report, and the fence, renewed where that was due.

    Raises:
        GateBlocked: such code was still there after ``drain_timeout``.
        GateUnknown: there was still no proof after it.
        GateWaiting: the fence does not stand any more.
    """
    deadline = time.monotonic() + seconds(subject.gate.drain_timeout)
    longest_pause_s = min(_LONGEST_PAUSE_S, seconds(subject.gate.fence_lease) / 4)
    pause_s, told = min(_FIRST_PAUSE_S, longest_pause_s), ""
    while True:
        listed = services.listed(session, subject.project)
        report, server = evaluate(session, subject, listed, not_before=fence.at)
        record = state.find(session, subject.project, subject.migration.id)
        if record is not None:
            fences.check(record, fence, server, subject, margin_s=0.0)
        if report.verdict is Verdict.PASS:
            return report, fence
        if time.monotonic() >= deadline:
            raise error_for(report, subject.migration, subject.direction, fenced=True)
        if (text := _waiting_for(report)) != told:
            listener(Note(text))
            told = text
        time.sleep(min(pause_s, max(0.0, deadline - time.monotonic())))
        pause_s = min(longest_pause_s, pause_s * 2)
        fence = keep(session, subject, fence)


def keep(session: Session, subject: Subject, fence: Fence, *, for_s: float = 0.0) -> Fence:
    """Renew the fence once half of its lease is spent; a refused lock leaves it as it is, to be tried again.

    Args:
        session: outside a transaction.
        subject: what the fence was raised for.
        fence: as it was raised or last renewed.
        for_s: renew it also when it would not stand for so many seconds.

    Raises:
        GateWaiting: it does not stand any more.
    """
    lease_s = seconds(subject.gate.fence_lease)
    if (fence.deadline - services.server(session).at).total_seconds() > max(lease_s / 2, for_s):
        return fence
    try:
        with session.transaction(lock_timeout_ms=_RENEWAL_LOCK_MS):
            return fences.renew(session, subject, fence, lease_s=lease_s)
    except ServerError as error:
        if not error.is_lock_refusal:
            raise
        return fence


def _waiting_for(report: GateReport) -> str:
    blocking = [item for seen in report.observations if seen.verdict is Verdict.BLOCK for item in seen.items]
    return f"fence raised; waiting for {shown(blocking)}" if blocking else f"fence raised; {'; '.join(report.reasons)}"
