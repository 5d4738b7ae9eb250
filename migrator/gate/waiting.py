"""Waiting for a PASS, and saying only what changed: who came, who left, what the verdict became."""

from __future__ import annotations

import time
from collections.abc import Callable

from migrator.config import seconds
from migrator.gate import fence as fences
from migrator.gate.apply import summary
from migrator.gate.fence import Fence
from migrator.gate.look import watch
from migrator.gate.messages import error_for
from migrator.gate.subject import Subject
from migrator.ledger import state
from migrator.ledger.state import GateState, MigrationRecord
from migrator.model.evidence import EvidenceItem, GateReport, Verdict
from migrator.postgres.session import Session

_LONGEST_POLL_S = 2.0
_SHORTEST_POLL_S = 0.05
_SHOWN_AT_ONCE = 12


def changes(before: GateReport | None, after: GateReport) -> list[str]:
    """Pure: one line for each thing that is different; none when nothing is."""
    lines: list[str] = []
    then, now = (_items(before) if before is not None else {}), _items(after)
    left = [key for key in then if key not in now]
    lines += [f"{_name(key)} is gone" for key in left[:_SHOWN_AT_ONCE]]
    lines += _more(left)
    came = [key for key in now if key not in then or _gist(then[key]) != _gist(now[key])]
    lines += [f"{_name(key)}: {now[key].why}" for key in came[:_SHOWN_AT_ONCE]]
    lines += _more(came)
    # How long it soaks is no change; that it starts anew is.
    restarted = before is not None and before.soak.clean_since is not None and after.soak.clean_since is not None
    if restarted and before is not None and _later(before, after):
        lines.append("the soak starts anew")
    if before is None or before.verdict is not after.verdict or _unknown(before) != _unknown(after):
        lines.append(f"{after.verdict.value}: {after.reasons[0]}" if after.reasons else after.verdict.value)
    known = before.notes if before is not None else ()
    lines += [note for note in after.notes if note not in known]
    return lines


def _later(before: GateReport, after: GateReport) -> bool:
    one, other = before.soak.clean_since, after.soak.clean_since
    return one is not None and other is not None and (other - one).total_seconds() > 1


def _unknown(report: GateReport) -> tuple[str, ...]:
    return report.reasons if report.verdict is Verdict.UNKNOWN else ()


def _items(report: GateReport) -> dict[tuple[str, str, str], EvidenceItem]:
    blocking = [seen for seen in report.observations if seen.verdict is Verdict.BLOCK]
    return {(seen.source, seen.service or "", item.instance): item for seen in blocking for item in seen.items}


def _gist(item: EvidenceItem) -> tuple[int | None, str, str]:
    return item.level, item.version, item.health


def _name(key: tuple[str, str, str]) -> str:
    source, service, instance = key
    return f"{instance} of {service} ({source})" if service else f"{instance} ({source})"


def _more(keys: list[tuple[str, str, str]]) -> list[str]:
    more = len(keys) - _SHOWN_AT_ONCE
    return [f"and {more} more"] if more > 0 else []


def wait(session: Session, subject: Subject, timeout_s: float, actor: str, tell: Callable[[str], None]) -> GateReport:
    """Look until it is a PASS. Under a fence that was raised by hand, the gate is confirmed then.

    Args:
        session: outside a transaction.
        subject: what wants to pass.
        timeout_s: how long; 0: look once.
        actor: for the record.
        tell: given one line for each change.

    Returns:
        The last report, which is a PASS.

    Raises:
        GateBlocked: code that needs the shape still ran at the end.
        GateUnknown: there was no proof at the end, or no service is listed, so that there never will be.
        GateWaiting: the soak was not over at the end.
    """
    started = time.monotonic()
    interval_s = min(_LONGEST_POLL_S, seconds(subject.gate.max_gap) / 3)
    before: GateReport | None = None
    while True:
        record = state.find(session, subject.project, subject.migration.id)
        fence_at = record.fence_at if record is not None and _is_ours(record, subject) else None
        report, server = watch(session, subject, not_before=fence_at)
        elapsed_s = time.monotonic() - started
        for line in changes(before, report):
            tell(f"{elapsed_s:6.1f} s  {line}")
        before = report
        if record is not None and fence_at is not None:
            if report.verdict is Verdict.PASS:
                fence = Fence(fence_at, None, server.identity)
                fences.confirm(session, subject, fence, evidence=summary(report), actor=actor)
            elif record.gate is GateState.CONFIRMED:
                fences.doubt(session, subject.project, record.id, reasons=list(report.reasons), actor=actor)
        if report.verdict is Verdict.PASS:
            return report
        left_s = timeout_s - elapsed_s
        if left_s <= 0 or not report.requires:
            raise error_for(report, subject.migration, subject.direction)
        soak_left_s = report.soak.needs_s - report.soak.has_s
        pause_s = min(interval_s, soak_left_s) if report.verdict is Verdict.SOAKING else interval_s
        time.sleep(max(_SHORTEST_POLL_S, min(pause_s, left_s)))


def _is_ours(record: MigrationRecord, subject: Subject) -> bool:
    """Whether a fence raised by hand stands that looks the same way."""
    return record.fenced_by_hand and record.fence_direction == subject.direction.value
