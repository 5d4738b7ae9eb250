"""The fence: from its commit on, the database tells code that needs what is about to go not to start.

It is a state of the migration's row with a deadline, read by every ``migrator.beat``; a deadline that has passed
counts as lowered, so that a tool that died cannot keep old code from restarting. Raising and renewing it update the
services' rows under their locks, so that no beat answers from a snapshot taken before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from migrator.errors import GateWaiting, OutOfOrder
from migrator.gate.look import Subject
from migrator.gate.messages import command
from migrator.ledger import decisions, services, state
from migrator.ledger.services import Server
from migrator.ledger.state import GateState, MigrationRecord
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.gate.queries", "fence.sql")

STANDING = (GateState.FENCED, GateState.QUARANTINED, GateState.CONFIRMED)
"""Gate states in which a fence stands until its deadline."""

_UNDOABLE = (GateState.SOAKING, *STANDING)


@dataclass(frozen=True, slots=True)
class Fence:
    """A raised fence.

    Attributes:
        at: database clock when it was raised; only evidence read later counts.
        deadline: when it counts as lowered unless it is renewed.
        identity: the server it was raised on; another one may have lost it.
    """

    at: datetime
    deadline: datetime
    identity: tuple[str, int]


def raise_fence(session: Session, subject: Subject, *, lease_s: float, actor: str) -> Fence:
    """Raise it; to be called in a transaction of its own, whose commit raises it.

    Raises:
        OutOfOrder: the migration was never expanded here, or its contract is applied already.
        ServerError: a lock was refused; nothing changed.
    """
    services.lock(session, subject.project)
    record = _locked(session, subject)
    if record.gate is GateState.APPLIED:
        raise OutOfOrder(f"the contract of {record.id} is applied already")
    make_durable(session)
    services.touch(session, subject.project)
    server = services.server(session)
    deadline = server.at + timedelta(seconds=lease_s)
    state.set_gate(
        session,
        subject.project,
        record.id,
        GateState.FENCED,
        fence_at=server.at,
        fence_deadline=deadline,
        fence_direction=subject.direction.value,
        requires={name: wanted.level for name, wanted in subject.migration.requires.items()},
    )
    evidence = {"direction": subject.direction.value, "level": record.level, "deadline": deadline.isoformat()}
    decisions.append(session, subject.project, record.id, "fence", None, [], evidence, actor)
    return Fence(server.at, deadline, server.identity)


def renew(session: Session, subject: Subject, fence: Fence, *, lease_s: float) -> Fence:
    """Move the deadline; to be called in a transaction of its own.

    Raises:
        GateWaiting: it does not stand any more.
    """
    services.lock(session, subject.project)
    server = services.server(session)
    check(_locked(session, subject), fence, server, subject, margin_s=0.0)
    services.touch(session, subject.project)
    deadline = server.at + timedelta(seconds=lease_s)
    state.set_gate(session, subject.project, subject.migration.id, GateState.FENCED, fence_deadline=deadline)
    return Fence(fence.at, deadline, fence.identity)


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


def lower(session: Session, project: str, migration_id: str, *, reasons: list[str], actor: str) -> GateState | None:
    """Undo everything up to the fence in one short transaction; the state it was in, None if nothing was to be undone.

    Takes the migration's row lock only: a beat that still sees the fence refuses, which is safe.
    """
    with session.transaction(lock_timeout_ms=10_000):
        record = state.lock(session, project, migration_id)
        if record.gate not in _UNDOABLE:
            return None
        state.set_gate(
            session,
            project,
            migration_id,
            GateState.ABORTED,
            soak_started_at=None,
            fence_at=None,
            fence_deadline=None,
            fence_direction=None,
        )
        decisions.append(session, project, migration_id, "abort", None, reasons, {"gate": record.gate.value}, actor)
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
