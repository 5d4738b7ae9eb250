"""A fence raised by hand: it has no deadline, and everything that can be put up with it is."""

from __future__ import annotations

from migrator.config import milliseconds, seconds
from migrator.gate import barricade
from migrator.gate import fence as fences
from migrator.gate.fence import Fence
from migrator.gate.subject import Subject
from migrator.ledger import decisions
from migrator.ledger.lease import RunnerLock
from migrator.model.events import Listener
from migrator.postgres.connect import Database
from migrator.postgres.locks import LockPolicy, retry_short_locks
from migrator.postgres.session import Session


def put_up(database: Database, session: Session, subject: Subject, reason: str, actor: str, listener: Listener) -> None:
    """Raise the fence and what goes with it, or nothing.

    Args:
        database: to open sessions of its own.
        session: outside a transaction.
        subject: whose fence.
        reason: for the record; may be empty.
        actor: for the record.
        listener: told what cannot be put up or taken down.

    Raises:
        OutOfOrder: applied already, or a fence that looks the other way was raised by hand.
        BudgetSpent: another runner is busy, or a lock was refused for the whole budget.
    """
    settings, migration_id = subject.settings, subject.migration.id
    with RunnerLock(database, subject.project, shared=False, command="gate fence", actor=actor):

        def attempt(limit_ms: int) -> None:
            with session.transaction(lock_timeout_ms=limit_ms):
                raised.append(fences.raise_fence(session, subject, lease_s=None, actor=actor))
                if reason:
                    decisions.append(session, subject.project, migration_id, "fence by hand", None, [reason], {}, actor)

        raised: list[Fence] = []
        policy = LockPolicy(milliseconds(settings.lock_timeout), seconds(settings.lock_budget))
        retry_short_locks(database, session, attempt, policy, lambda _: None)
        try:
            barricade.put_up(session, subject, raised[-1], actor, listener)
        except BaseException as error:
            reasons = [f"not everything could be put up: {error}"]
            barricade.lower(session, settings, migration_id, reasons, actor, listener)
            raise
