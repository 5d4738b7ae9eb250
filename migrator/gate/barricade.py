"""Putting up and taking down, with the fence, what else the database can do to keep old code out.

Which kinds are up is written to the ledger before the first is put up and after the last is taken down, so that a tool
that died leaves nothing behind that the next command does not notice. A barrier that finds, at its turn, that it must
not be put up says so in lines that begin with "no ": it is recorded as refused and does not count as up.
"""

from __future__ import annotations

from datetime import datetime

from migrator.config import Settings
from migrator.gate import fence as fences
from migrator.gate.barriers import barriers
from migrator.gate.fence import Fence
from migrator.gate.subject import Subject, from_record
from migrator.ledger import decisions, services, state
from migrator.ledger.home import home
from migrator.ledger.state import STANDING, GateState, MigrationRecord
from migrator.model.events import Listener, Note
from migrator.postgres.session import ConnectionLost, Session

_STRONGEST_FIRST = ("login_trigger", "roles", "quarantine")
"""A login trigger sees every new session, a closed role only its own; quarantine guards the objects alone."""


def put_up(session: Session, subject: Subject, fence: Fence, actor: str, listener: Listener) -> tuple[str, ...]:
    """Put up every barrier that is configured and available, the strongest first; the kinds that are up then.

    Raises:
        GateWaiting: the fence does not stand any more.
        MigratorError: one of them could not be put up; those before it are up.
    """
    listed = services.listed(session, subject.project)
    plans = {kind: barrier.plan(session, subject, listed) for kind, barrier in barriers().items()}
    kinds = sorted((kind for kind, plan in plans.items() if plan), key=_rank)
    if not kinds:
        return ()
    with session.transaction(lock_timeout_ms=10_000):
        record = state.lock(session, subject.project, subject.migration.id)
        fences.check(record, fence, services.server(session), subject, margin_s=0.0)
        up = sorted({*record.barriers, *kinds})
        state.set_gate(session, subject.project, record.id, record.gate, barriers=up)
    done: dict[str, list[str]] = {}
    for kind in kinds:
        done[kind] = barriers()[kind].put_up(session, subject, listed)
        for line in done[kind]:
            listener(Note(line))
    with session.transaction(lock_timeout_ms=10_000):
        record = state.lock(session, subject.project, subject.migration.id)
        fences.check(record, fence, services.server(session), subject, margin_s=0.0)
        stands = sorted((kind for kind in record.barriers if kind not in done or not _refused(done[kind])), key=_rank)
        moved = GateState.QUARANTINED if fences.QUARANTINE in stands else record.gate
        state.set_gate(session, subject.project, record.id, moved, barriers=sorted(stands))
        name = "quarantined" if moved is GateState.QUARANTINED else "barriers"
        evidence = {"strongest": stands[0] if stands else "beat", "done": done}
        decisions.append(session, subject.project, record.id, name, None, [], evidence, actor)
    return tuple(stands)


def _refused(lines: list[str]) -> bool:
    return bool(lines) and all(line.startswith("no ") for line in lines)


def _rank(kind: str) -> tuple[int, str]:
    place = _STRONGEST_FIRST.index(kind) if kind in _STRONGEST_FIRST else len(_STRONGEST_FIRST)
    return place, kind


def lower(
    session: Session,
    settings: Settings,
    migration_id: str,
    reasons: list[str],
    actor: str,
    listener: Listener,
    *,
    by_hand: bool = True,
    raised_at: datetime | None = None,
) -> GateState | None:
    """Lower the fence and take down what was put up with it; the state the gate was in, None if nothing was undone.

    The fence first: a contract that runs elsewhere sees that before it sees a session of old code.
    """
    before = state.find(session, settings.project, migration_id)
    undone = fences.lower(
        session, settings.project, migration_id, reasons=reasons, actor=actor, by_hand=by_hand, raised_at=raised_at
    )
    after = state.find(session, settings.project, migration_id)
    if before is None or after is None or home(session).is_copy:
        return undone  # roles belong to the whole server: a copy must not open what the original keeps closed
    if after.gate not in STANDING and after.gate is not GateState.APPLIED:
        _take_down(session, from_record(settings, before), after, actor, listener)
    return undone


def _take_down(session: Session, subject: Subject, record: MigrationRecord, actor: str, listener: Listener) -> None:
    """Each barrier that is up; one that fails stays in the ledger for the next command, and is told."""
    listed = services.listed(session, subject.project)
    done: dict[str, list[str]] = {}
    failed: dict[str, str] = {}
    for kind in record.barriers:
        try:
            barrier = barriers().get(kind)
            done[kind] = barrier.take_down(session, subject, listed) if barrier else ["this version does not know it"]
        except ConnectionLost:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are taken down all the same
            failed[kind] = " ".join(str(error).split())
            listener(Note(f"the {kind} fence of {record.id} could not be taken down, the next command tries: {error}"))
    _keep_only(session, record, sorted(failed), "barriers down", {"done": done, "failed": failed}, actor)


def after_applied(session: Session, subject: Subject, actor: str, listener: Listener) -> None:
    """Let each barrier clean up what need not stay; an error is told, and tried again by the next command."""
    record = state.find(session, subject.project, subject.migration.id)
    if record is None or not record.barriers:
        return
    listed = services.listed(session, subject.project)
    done: dict[str, list[str]] = {}
    failed: dict[str, str] = {}
    for kind in record.barriers:
        try:
            barrier = barriers().get(kind)
            done[kind] = barrier.after_applied(session, subject, listed) if barrier else []
        except Exception as error:  # noqa: BLE001 - the contract is applied: nothing here may make that look otherwise
            failed[kind] = " ".join(str(error).split())
            listener(Note(f"the {kind} fence of {record.id} could not be cleaned up, the next command tries: {error}"))
    _keep_only(session, record, sorted(failed), "barriers after", {"done": done, "failed": failed}, actor)


def _keep_only(
    session: Session, record: MigrationRecord, kinds: list[str], name: str, evidence: dict[str, object], actor: str
) -> None:
    if not record.barriers:
        return
    with session.transaction(lock_timeout_ms=10_000):
        now = state.lock(session, record.project, record.id)
        state.set_gate(session, record.project, record.id, now.gate, barriers=kinds)
        decisions.append(session, record.project, record.id, name, None, [], evidence, actor)


def tidy(session: Session, settings: Settings, actor: str, listener: Listener) -> None:
    """Notice fences whose lease ran out and barriers that outlived their fence, and undo them."""
    if home(session).is_copy:
        return
    now = services.server(session).at
    for record in state.all_records(session, settings.project):
        if record.gate in STANDING:
            if record.fence_deadline is not None and record.fence_deadline <= now:
                reason = f"the fence ran out at {record.fence_deadline:%Y-%m-%d %H:%M:%S %Z}: whoever raised it is gone"
                lower(session, settings, record.id, [reason], actor, listener)
        elif record.barriers and record.gate is GateState.APPLIED:
            after_applied(session, from_record(settings, record), actor, listener)
        elif record.barriers:
            _take_down(session, from_record(settings, record), record, actor, listener)
