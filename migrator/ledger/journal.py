"""Which steps ran. A transactional step is recorded in its own transaction, so that it and its record are one."""

from __future__ import annotations

from enum import StrEnum

from migrator.model.plan import Phase
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.ledger.queries", "journal.sql")


class StepState(StrEnum):
    """``RUNNING`` stands before a step outside a transaction ends, so that a killed run is seen."""

    RUNNING = "running"
    DONE = "done"
    UNDONE = "undone"


def steps(session: Session, project: str, migration_id: str, phase: Phase) -> dict[str, StepState]:
    """The state of every step of a phase that was ever started, by step id."""
    rows = session.query(_SQL["steps"], {"project": project, "migration": migration_id, "phase": phase.value})
    return {row.step: StepState(row.state) for row in rows}


def mark(
    session: Session,
    project: str,
    migration_id: str,
    phase: Phase,
    step: str,
    state: StepState,
    *,
    attempts: int = 1,
    held_ms: float | None = None,
) -> None:
    """Record the state of a step in the current transaction.

    Args:
        attempts: how many tries its group took so far.
        held_ms: wall time its group can have held locks; None: not known yet.
    """
    session.execute(
        _SQL["mark"],
        {
            "project": project,
            "migration": migration_id,
            "phase": phase.value,
            "step": step,
            "state": state.value,
            "attempts": attempts,
            "held_ms": held_ms,
        },
    )


def forget(session: Session, project: str, migration_id: str) -> None:
    """Drop the journal of a migration that was rolled back, so that it may be expanded again."""
    session.execute(_SQL["forget"], {"project": project, "migration": migration_id})


def longest_hold_ms(session: Session, project: str, migration_id: str) -> float:
    """The longest time any group of a migration can have held locks, in milliseconds; 0 when nothing ran."""
    held: float = session.one(_SQL["longest_hold"], {"project": project, "migration": migration_id}).held_ms
    return held
