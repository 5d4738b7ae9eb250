"""The state of every migration: one row each, changed under its row lock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from migrator.errors import MigratorError
from migrator.model.plan import Migration, Phase
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.ledger.queries", "state.sql")


class State(StrEnum):
    """Where a migration stands."""

    PENDING = "pending"
    EXPANDING = "expanding"
    EXPANDED = "expanded"
    BACKFILLING = "backfilling"
    BACKFILLED = "backfilled"
    CONTRACTING = "contracting"
    CONTRACTED = "contracted"
    COMPLETE = "complete"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"


class GateState(StrEnum):
    """How far the gate of a migration is; ``APPLIED`` has no way back."""

    NONE = "none"
    SOAKING = "soaking"
    FENCED = "fenced"
    QUARANTINED = "quarantined"
    CONFIRMED = "confirmed"
    APPLIED = "applied"
    ABORTED = "aborted"


STANDING = (GateState.FENCED, GateState.QUARANTINED, GateState.CONFIRMED)
"""Gate states in which a fence stands until its deadline."""


@dataclass(frozen=True, slots=True)
class MigrationRecord:
    """One row of ``migrator.migration``.

    Attributes:
        spec: title, changes and requirements as they were when first registered.
        requires: level each service must have reached, overrides of the migration's own level only.
        fence_deadline: an unapplied fence past this moment counts as lowered; None on a fence that was raised by hand.
        fence_direction: ``contract`` or ``rollback`` while a fence stands.
        barriers: kinds of the database's own fences that were put up with it and are not taken down yet.
        error: why the last run of a phase stopped; None after a success.
    """

    project: str
    id: str
    level: int
    title: str
    spec: dict[str, Any]
    state: State
    gate: GateState
    requires: dict[str, int]
    soak_started_at: datetime | None
    fence_at: datetime | None
    fence_deadline: datetime | None
    fence_direction: str | None
    barriers: tuple[str, ...]
    error: str | None
    expanded_at: datetime | None
    backfilled_at: datetime | None
    applied_at: datetime | None
    finished_at: datetime | None

    @property
    def fenced_by_hand(self) -> bool:
        """Whether a fence stands that a person raised: it has no deadline."""
        return self.gate in STANDING and self.fence_deadline is None

    @property
    def shown_state(self) -> State:
        """The state for people: ``failed`` while the last run of the phase in progress ended with an error."""
        return State.FAILED if self.error else self.state


def _record(row: Any) -> MigrationRecord:
    values = row._asdict()
    states = {"state": State(row.state), "gate": GateState(row.gate), "barriers": tuple(row.barriers)}
    return MigrationRecord(**{**values, **states})


def find(session: Session, project: str, migration_id: str) -> MigrationRecord | None:
    """The row of a migration, or None when it was never started here."""
    row = session.maybe(_SQL["find"], {"project": project, "id": migration_id})
    return _record(row) if row else None


def all_records(session: Session, project: str) -> list[MigrationRecord]:
    """Every migration ever started here, by level."""
    return [_record(row) for row in session.query(_SQL["all"], {"project": project})]


def highest_level(session: Session, project: str) -> int:
    """The highest level that was ever expanded here and not rolled back; 0 when there is none."""
    level: int = session.one(_SQL["highest_level"], {"project": project}).level
    return level


def register(session: Session, project: str, migration: Migration) -> MigrationRecord:
    """The row of a migration, made as ``pending`` if there is none; one that was rolled back starts anew."""
    spec = {
        "title": migration.title,
        "changes": list(migration.changes),
        "after_contract": list(migration.after_contract),
        "assumed": migration.assumed,
        "phases": [phase.value for phase in Phase if migration.phase(phase)],
        **({"origin": migration.origin, "asked": migration.asked} if migration.origin else {}),
    }
    requires = {service: requirement.level for service, requirement in migration.requires.items()}
    session.execute(
        _SQL["register"],
        {
            "project": project,
            "id": migration.id,
            "level": migration.level,
            "title": migration.title,
            "spec": json.dumps(spec, default=str),
            "requires": json.dumps(requires),
        },
    )
    record = find(session, project, migration.id)
    if record is None:
        raise MigratorError(f"migration {migration.id} is not in the ledger after it was registered")
    return record


def lock(session: Session, project: str, migration_id: str) -> MigrationRecord:
    """The row under FOR UPDATE, until the end of the transaction.

    Raises:
        LookupError: there is no such row.
    """
    return _record(session.one(_SQL["lock"], {"project": project, "id": migration_id}))


def set_state(session: Session, project: str, migration_id: str, state: State, *, error: str | None = None) -> None:
    """Move a migration to a state and record or clear why the last run stopped; time stamps follow the state."""
    session.execute(_SQL["set_state"], {"project": project, "id": migration_id, "state": state.value, "error": error})


def set_error(session: Session, project: str, migration_id: str, error: str) -> None:
    """Record why a run of the phase in progress stopped."""
    session.execute(_SQL["set_error"], {"project": project, "id": migration_id, "error": error})


_GATE_COLUMNS = frozenset(
    {"soak_started_at", "fence_at", "fence_deadline", "fence_direction", "requires", "applied_at", "barriers"}
)


def set_gate(session: Session, project: str, migration_id: str, gate: GateState, **columns: Any) -> None:
    """Move the gate to a state.

    Args:
        columns: what else to set, among ``soak_started_at, fence_at, fence_deadline, fence_direction, requires,
            applied_at, barriers``; the others stay.
    """
    unknown = set(columns) - _GATE_COLUMNS
    if unknown:
        raise MigratorError(f"set_gate knows no column {sorted(unknown)}")
    values = {name: json.dumps(value) if name == "requires" else value for name, value in columns.items()}
    assignments = "".join(f", {name} = %({name})s" for name in sorted(values))
    session.execute(
        _SQL["set_gate"].replace("/* more */", assignments),
        {"project": project, "id": migration_id, "gate": gate.value, **values},
    )
