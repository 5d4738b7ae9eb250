"""Waiting under the fence until the last code that needs what is about to go has left."""

from __future__ import annotations

import time

from migrator.config import seconds
from migrator.gate import fence as fences
from migrator.gate.decision import shown
from migrator.gate.fence import Fence
from migrator.gate.look import watch
from migrator.gate.messages import error_for
from migrator.gate.subject import Subject
from migrator.ledger import services, state
from migrator.model.events import Listener, Note
from migrator.model.evidence import GateReport, Verdict
from migrator.postgres.session import ServerError, Session

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0
_RENEWAL_LOCK_MS = 2_000


def drain(
    session: Session, subject: Subject, fence: Fence, listener: Listener, *, patience_s: float = 0.0
) -> tuple[GateReport, Fence]:
    """Poll all evidence until it is a PASS; the report, and the fence, renewed where that was due.

    Every look is kept as a sample, so that the soak does not start anew should the contract not go through.

    Args:
        session: outside a transaction.
        subject: what wants to pass.
        fence: under which to wait.
        listener: told what is waited for.
        patience_s: longest wait for a soak that counts from the fence on; nothing else is waited for beyond
            ``drain_timeout``.

    Raises:
        GateBlocked: such code was still there after ``drain_timeout``.
        GateUnknown: there was still no proof after it.
        GateWaiting: the fence does not stand any more, or the soak lasts longer than ``patience_s``.
    """
    allowed_s = seconds(subject.gate.drain_timeout)
    started = time.monotonic()
    deadline, longest_soak = started + allowed_s, started + patience_s
    longest_pause_s = min(_LONGEST_PAUSE_S, seconds(subject.gate.fence_lease) / 4)
    pause_s, told = min(_FIRST_PAUSE_S, longest_pause_s), ""
    while True:
        report, server = watch(session, subject, not_before=fence.at)
        record = state.find(session, subject.project, subject.migration.id)
        if record is not None:
            fences.check(record, fence, server, subject, margin_s=0.0)
        if report.verdict is Verdict.PASS:
            return report, fence
        left_s = deadline - time.monotonic()
        soaking = report.verdict is Verdict.SOAKING
        if soaking:
            deadline = time.monotonic() + allowed_s
            left_s = longest_soak - time.monotonic()
        if left_s <= 0:
            raise error_for(report, subject.migration, subject.direction, fenced=True, by_hand=fence.by_hand)
        text = "soaking under the fence" if soaking else _waiting_for(report)
        if text != told:
            listener(Note(f"{text}: {report.reasons[0]}" if soaking else text))
            told = text
        time.sleep(min(pause_s, left_s))
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
    if fence.deadline is None:
        return fence
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
