"""What the ledger is told of a look at the gate: that a contract soaks, that it was refused."""

from __future__ import annotations

from migrator.errors import GateBlocked, GateUnknown, GateWaiting, MigratorError, OutOfOrder
from migrator.gate.subject import Subject
from migrator.ledger import decisions, state
from migrator.ledger.state import GateState
from migrator.model.evidence import Direction, GateReport, Verdict
from migrator.postgres.session import Session


def soak(session: Session, project: str, subject: Subject, report: GateReport, actor: str) -> None:
    """Show in the ledger that a contract soaks, or that it does not any more.

    Raises:
        OutOfOrder: it was never expanded, or its contract is applied.
    """
    clean = report.verdict in (Verdict.PASS, Verdict.SOAKING)
    with session.transaction(lock_timeout_ms=10_000):
        try:
            record = state.lock(session, project, subject.migration.id)
        except LookupError:
            raise OutOfOrder(
                f"{subject.migration.id} was never expanded in this database",
                hint=f'run "migrator expand {subject.migration.id}" first',
            ) from None
        if record.gate is GateState.APPLIED:
            raise OutOfOrder(f"the contract of {record.id} is applied already")
        if subject.direction is Direction.ROLLBACK or subject.soaks_under_fence:
            return
        if clean and record.gate in (GateState.NONE, GateState.ABORTED):
            moved, since = GateState.SOAKING, report.soak.clean_since
        elif not clean and record.gate is GateState.SOAKING:
            moved, since = GateState.NONE, None
        else:
            return
        state.set_gate(session, project, record.id, moved, soak_started_at=since)
        decisions.append(
            session,
            project,
            record.id,
            moved.value,
            report.verdict.value,
            list(report.reasons),
            {},
            actor,
        )


def refusal(session: Session, project: str, subject: Subject, error: MigratorError, actor: str) -> None:
    """Write into the log of decisions that the gate did not open."""
    verdicts = {GateBlocked: Verdict.BLOCK, GateUnknown: Verdict.UNKNOWN, GateWaiting: Verdict.SOAKING}
    verdict = verdicts[type(error)].value
    facts = {"detail": error.detail}
    decisions.append(
        session,
        project,
        subject.migration.id,
        subject.direction.value,
        verdict,
        [error.message],
        facts,
        actor,
    )
