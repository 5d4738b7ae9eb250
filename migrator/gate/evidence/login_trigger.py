"""Whether the database refuses the sessions of old code by itself (``barriers.login_trigger``), and who came in before.

It proves something under a fence only: then every session that started later was let in at its level, and when none is
older, the database itself keeps old code out, which counts as two independent proofs. A session from before may run
any level, so it makes the answer UNKNOWN, never BLOCK: others can tell. Without a fence it says nothing and is not
required.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from migrator.gate.notes import Topic
from migrator.gate.ownership import owner_of
from migrator.gate.servers import CannotSee, Reading, foreign, read_all
from migrator.gate.source import Question
from migrator.ledger import state
from migrator.ledger.state import GateState
from migrator.model.evidence import EvidenceItem, Observation, Verdict
from migrator.postgres.queries import load
from migrator.postgres.session import Session

kind = "login_trigger"
polled = True
keeps_notes = False

_SQL = load("migrator.gate.queries", "login_trigger.sql")
_FENCED = (GateState.FENCED, GateState.QUARANTINED, GateState.CONFIRMED)


def observe(session: Session, question: Question) -> tuple[Observation, ...]:
    """Read the trigger's state and the sessions of all servers."""
    at = session.one("SELECT clock_timestamp() AS at").at

    def unknown(why: str, *, required: bool = question.required) -> tuple[Observation, ...]:
        return (Observation(kind, None, Verdict.UNKNOWN, False, at, why, (), required),)

    record = state.find(session, question.project, question.migration)
    if record is None or record.gate not in _FENCED or record.fence_at is None:
        return unknown("no fence stands: logins are refused under one only", required=False)
    trigger = session.one(_SQL["state"])
    if not trigger.fires or trigger.event_triggers != "on":
        return unknown("event trigger migrator_login is not there, or is switched off")
    try:
        readings = read_all(session, question)
    except CannotSee as error:
        return unknown(str(error))
    note = Topic(question.project, question.migration, question.direction.value, "barrier login_trigger").read(session)
    since = max(record.fence_at, note.taken_at) if note is not None else record.fence_at
    exempt = {row.name for row in session.query(_SQL["exempt"])}
    unchecked: dict[str | None, list[EvidenceItem]] = {}
    for reading in readings:
        for row in foreign(reading, question):
            if row.role in exempt or reading is not readings[0] or _started(row, reading) <= since:
                owner = owner_of(row.role, row.application_name or "", question.services)
                unchecked.setdefault(owner.service, []).append(_item(row, reading))
    return tuple(
        _about(service.name, unchecked.get(service.name, []) + unchecked.get(None, []), at, question)
        for service in question.concerned
    )


def _started(row: Any, reading: Reading) -> Any:
    return reading.at - timedelta(seconds=row.age_s)


def _about(service: str, unchecked: list[EvidenceItem], at: Any, question: Question) -> Observation:
    count = len(unchecked)
    control = (
        f"{count} let in unchecked, of them {unchecked[0].instance}: {unchecked[0].why}"
        if unchecked
        else "every session was let in at its level"
    )
    verdict = Verdict.UNKNOWN if unchecked else Verdict.PASS
    return Observation(
        kind, service, verdict, True, at, control, tuple(unchecked), question.required, 1 if unchecked else 2
    )


def _item(row: Any, reading: Reading) -> EvidenceItem:
    return EvidenceItem(
        f"pid {row.pid}",
        None,
        "",
        "session",
        0.0,
        f'role "{row.role}" from {row.address} on {reading.name}, connected {row.age_s:.0f} s ago',
        f"it connects anew: SELECT pg_terminate_backend({row.pid})",
    )
