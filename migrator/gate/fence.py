"""The fence: from its commit on, the database tells code that needs what is about to go not to start.

It is a state of the migration's row with a deadline, read by every ``migrator.beat``; a deadline that has passed
counts as lowered, so that a tool that died cannot keep old code from restarting. Raising and renewing it update the
services' rows under their locks, so that no beat answers from a snapshot taken before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from migrator.errors import GateWaiting, OutOfOrder
from migrator.gate import exemption
from migrator.gate.look import Subject
from migrator.gate.messages import command
from migrator.ledger import decisions, services, state
from migrator.ledger.services import Server
from migrator.ledger.state import STANDING, GateState, MigrationRecord
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.gate.queries", "fence.sql")

UNDOABLE = (GateState.SOAKING, *STANDING)

QUARANTINE = "quarantine"
"""Kind of the barrier that takes away the use of what is about to go; while it is up, the gate is quarantined."""


@dataclass(frozen=True, slots=True)
class Fence:
    """A raised fence.

    Attributes:
        at: database clock when it was raised; only evidence read later counts.
        deadline: when it counts as lowered unless it is renewed; None: a person raised it, and a person lowers it.
        identity: the server it was raised on; another one may have lost it.
    """

    at: datetime
    deadline: datetime | None
    identity: tuple[str, int]

    @property
    def by_hand(self) -> bool:
        """Whether it stands until a person lowers it, whatever becomes of a contract."""
        return self.deadline is None


def raise_fence(session: Session, subject: Subject, *, lease_s: float | None, actor: str) -> Fence:
    """Raise it; to be called in a transaction of its own, whose commit raises it.

    One that was raised by hand and looks the same way is taken over as it is: it keeps its moment and has no deadline.

    Args:
        session: in a transaction.
        subject: what wants to pass.
        lease_s: how long it stands unless it is renewed; None: until a person lowers it.
        actor: for the record.

    Raises:
        OutOfOrder: the migration was never expanded here, its contract is applied already, or a fence that looks the
            other way was raised by hand.
        ServerError: a lock was refused; nothing changed.
    """
    services.lock(session, subject.project)
    record = _locked(session, subject)
    if record.gate is GateState.APPLIED:
        raise OutOfOrder(f"the contract of {record.id} is applied already")
    if record.fenced_by_hand and record.fence_direction != subject.direction.value:
        raise OutOfOrder(
            f"{subject.direction.value} of {record.id} is not possible: a fence for its {record.fence_direction} was"
            " raised by hand",
            hint=f'lower it: migrator gate abort {record.id} --reason "…"',
        )
    make_durable(session)
    services.touch(session, subject.project)
    server = services.server(session)
    taken_over = record.fenced_by_hand and record.fence_at is not None
    at = record.fence_at if taken_over and record.fence_at is not None else server.at
    deadline = None if taken_over or lease_s is None else server.at + timedelta(seconds=lease_s)
    state.set_gate(
        session,
        subject.project,
        record.id,
        GateState.FENCED,
        fence_at=at,
        fence_deadline=deadline,
        fence_direction=subject.direction.value,
        requires={name: wanted.level for name, wanted in subject.migration.requires.items()},
    )
    exempt = exemption.settle(session, subject)
    evidence = {
        "direction": subject.direction.value,
        "level": record.level,
        "deadline": deadline.isoformat() if deadline else None,
        "by_hand": deadline is None,
        "taken_over": taken_over,
        **({"exempt": [str(build) for build in exempt]} if exempt else {}),
    }
    decisions.append(session, subject.project, record.id, "fence", None, [], evidence, actor)
    return Fence(at, deadline, server.identity)


def renew(session: Session, subject: Subject, fence: Fence, *, lease_s: float) -> Fence:
    """Move the deadline; to be called in a transaction of its own.

    Raises:
        GateWaiting: it does not stand any more.
    """
    services.lock(session, subject.project)
    server = services.server(session)
    record = _locked(session, subject)
    check(record, fence, server, subject, margin_s=0.0)
    services.touch(session, subject.project)
    deadline = server.at + timedelta(seconds=lease_s)
    state.set_gate(session, subject.project, record.id, record.gate, fence_deadline=deadline)
    return Fence(fence.at, deadline, fence.identity)


def confirm(session: Session, subject: Subject, fence: Fence, *, evidence: dict[str, Any], actor: str) -> None:
    """Record that everything was proven under the fence; in a transaction of its own. The next thing is to apply it.

    Raises:
        GateWaiting: the fence does not stand any more.
    """
    with session.transaction(lock_timeout_ms=10_000):
        record = _locked(session, subject)
        check(record, fence, services.server(session), subject, margin_s=0.0)
        if record.gate is GateState.CONFIRMED:
            return
        state.set_gate(session, subject.project, record.id, GateState.CONFIRMED)
        facts = {**evidence, "enforced_by": ["beat", *record.barriers]}
        decisions.append(session, subject.project, record.id, "confirmed", "PASS", [], facts, actor)


def doubt(session: Session, project: str, migration_id: str, *, reasons: list[str], actor: str) -> bool:
    """Take back that everything was proven, while the fence stands on; whether there was something to take back."""
    with session.transaction(lock_timeout_ms=10_000):
        return _doubt(session, state.lock(session, project, migration_id), reasons, actor)


def _doubt(session: Session, record: MigrationRecord, reasons: list[str], actor: str) -> bool:
    if record.gate is not GateState.CONFIRMED:
        return False
    before = GateState.QUARANTINED if QUARANTINE in record.barriers else GateState.FENCED
    state.set_gate(session, record.project, record.id, before)
    decisions.append(session, record.project, record.id, before.value, None, reasons, {"gate": "confirmed"}, actor)
    return True


def check(record: MigrationRecord, fence: Fence, server: Server, subject: Subject, *, margin_s: float) -> None:
    """Make sure that the fence still stands, for at least ``margin_s`` seconds.

    Raises:
        GateWaiting: it was lowered, it ran out, or the server is another one since.
    """
    if server.identity != fence.identity:
        problem = "the database failed over since the fence was raised, which may be lost"
    elif record.gate not in STANDING or record.fence_at != fence.at:
        problem = f"the fence was lowered meanwhile: the gate is {record.gate.value}"
    elif record.fence_deadline is not None and record.fence_deadline < server.at + timedelta(seconds=margin_s):
        problem = f"the fence ran out at {record.fence_deadline:%H:%M:%S %Z}"
    else:
        return
    raise GateWaiting(
        f"{subject.direction.value} of {record.id} starts over: {problem}",
        hint=f'nothing changed; run "{command(subject.migration, subject.direction)}" again',
    )


def lower(
    session: Session,
    project: str,
    migration_id: str,
    *,
    reasons: list[str],
    actor: str,
    by_hand: bool = True,
    raised_at: datetime | None = None,
) -> GateState | None:
    """Undo everything up to the fence in one short transaction; the state it was in, None if nothing was to be undone.

    Takes the migration's row lock only: a beat that still sees the fence refuses, which is safe. What else was put up
    with the fence is taken down by ``barricade``.

    Args:
        session: outside a transaction.
        project: ledger key.
        migration_id: whose fence.
        reasons: for the record.
        actor: for the record.
        by_hand: lower also a fence that a person raised; otherwise that one stands on, unproven again.
        raised_at: lower no other fence than the one of this moment; None: whichever stands.
    """
    with session.transaction(lock_timeout_ms=10_000):
        record = state.lock(session, project, migration_id)
        if record.gate not in UNDOABLE or raised_at not in (None, record.fence_at):
            return None
        if record.fenced_by_hand and not by_hand:
            _doubt(session, record, reasons, actor)
            return None
        state.set_gate(
            session,
            project,
            migration_id,
            GateState.ABORTED,
            soak_started_at=None,
            fence_at=None,
            fence_deadline=None,
            fence_direction=record.fence_direction if record.barriers else None,
        )
        facts = {"gate": record.gate.value, "barriers": list(record.barriers)}
        decisions.append(session, project, migration_id, "abort", None, reasons, facts, actor)
    return record.gate


def make_durable(session: Session) -> None:
    """Make the commit of this transaction survive a crash, whatever the session's default is."""
    session.query(_SQL["durable"])


def _locked(session: Session, subject: Subject) -> MigrationRecord:
    try:
        return state.lock(session, subject.project, subject.migration.id)
    except LookupError:
        raise OutOfOrder(
            f"{subject.migration.id} was never expanded in this database",
            hint=f'run "migrator expand {subject.migration.id}" first',
        ) from None
