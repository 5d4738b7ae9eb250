"""Where every migration stands: from the ledger, the folder, and one look of the gate at what waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migrator.backfill import control
from migrator.backfill.progress import BackfillStatus, progress
from migrator.errors import MigratorError
from migrator.execution.run import Run
from migrator.execution.transitions import Shape
from migrator.gate.audit import notes
from migrator.ledger import state
from migrator.ledger.install import is_installed
from migrator.ledger.state import GateState, MigrationRecord, State
from migrator.model.evidence import Direction, GateReport
from migrator.model.plan import Migration, Phase
from migrator.postgres.session import Session

_AFTER_BACKFILL = frozenset({State.BACKFILLED, State.CONTRACTING, State.CONTRACTED, State.COMPLETE})


@dataclass(frozen=True, slots=True)
class Standing:
    """One migration.

    Attributes:
        phases: ``done``, ``running``, ``pending`` or ``none`` (nothing to do) by phase name.
        backfill: progress, or None when it has not begun.
        report: what the gate sees, for a migration that only waits for it.
        problem: why the last run stopped, or why the gate could not be asked; None when nothing is wrong.
        in_folder: whether its files are here, or in the ledger.
        notes: what people did by hand and everybody is to see: fences without a deadline, overrides.
    """

    id: str
    title: str
    level: int
    state: State
    gate: GateState
    phases: dict[str, str]
    backfill: BackfillStatus | None
    report: GateReport | None
    problem: str | None
    in_folder: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overview:
    """All migrations of a project in a database.

    Attributes:
        server_version: as the server writes it, ``18.4``.
        system_identifier: of the cluster; an empty string where it may not be read.
    """

    server_version: str
    system_identifier: str
    migrations: tuple[Standing, ...]


def overview(run: Run, wanted: Sequence[Migration] | None = None) -> Overview:
    """Ask the database.

    Args:
        run: the run.
        wanted: only these; None: every migration of the folder and of the ledger.
    """
    with run.database.connect("status") as session:
        installed = is_installed(session)
        records = {each.id: each for each in state.all_records(session, run.key)} if installed else {}
        known = {each.id: each for each in (run.migrations if wanted is None else wanted)}
        ids = list(known) + ([each for each in records if each not in known] if wanted is None else [])
        standings = [
            _standing(run, session, migration_id, known.get(migration_id), records.get(migration_id))
            for migration_id in ids
        ]
        return Overview(
            session.server_version_text,
            session.system_identifier,
            tuple(sorted(standings, key=lambda each: (each.level, each.id))),
        )


def _standing(
    run: Run, session: Session, migration_id: str, migration: Migration | None, record: MigrationRecord | None
) -> Standing:
    if record is None:
        if migration is None:
            raise MigratorError(f"{migration_id} is neither in the folder nor in the ledger")
        phases = _phases(State.PENDING, Shape.of(migration))
        return Standing(
            migration.id, migration.title, migration.level, State.PENDING, GateState.NONE, phases, None, None, None
        )
    shape = Shape.of(migration) if migration else _recorded_shape(record)
    report, problem = None, record.error
    backfill = progress(session, run.key, record.id)
    if migration is not None and _waits_for_gate(record, shape):
        try:
            report = run.gate.look(session, migration, Direction.CONTRACT)
        except MigratorError as error:
            problem = problem or error.message
    return Standing(
        record.id,
        record.title,
        record.level,
        record.shown_state,
        record.gate,
        _phases(record.state, shape),
        backfill,
        report,
        problem,
        in_folder=migration is not None or bool(record.spec.get("origin")),
        notes=notes(session, record) + (() if backfill else _order(run, session, record)),
    )


def _order(run: Run, session: Session, record: MigrationRecord) -> tuple[str, ...]:
    """A pause that was ordered before the backfill began."""
    if record.state not in (State.EXPANDED, State.BACKFILLING):
        return ()
    orders = control.orders(session, run.key, record.id)
    if orders is None or orders.paused_by is None:
        return ()
    return (f'backfill paused by {orders.paused_by}: "migrator backfill resume {record.id}"',)


def _recorded_shape(record: MigrationRecord) -> Shape:
    phases = record.spec.get("phases", [])
    return Shape(Phase.BACKFILL.value in phases, Phase.CONTRACT.value in phases)


def _waits_for_gate(record: MigrationRecord, shape: Shape) -> bool:
    if not shape.has_contract or record.gate is GateState.APPLIED:
        return False
    return record.state is State.BACKFILLED or (record.state is State.EXPANDED and not shape.has_backfill)


def _phases(standing: State, shape: Shape) -> dict[str, str]:
    running = {
        State.EXPANDING: Phase.EXPAND,
        State.BACKFILLING: Phase.BACKFILL,
        State.CONTRACTING: Phase.CONTRACT,
        State.ROLLING_BACK: Phase.ROLLBACK,
    }.get(standing)
    fresh = standing in (State.PENDING, State.ROLLED_BACK, State.EXPANDING, State.ROLLING_BACK)
    done = {
        Phase.EXPAND: not fresh,
        Phase.BACKFILL: standing in _AFTER_BACKFILL,
        Phase.CONTRACT: standing is State.CONTRACTED,
    }
    exists = {Phase.EXPAND: True, Phase.BACKFILL: shape.has_backfill, Phase.CONTRACT: shape.has_contract}
    shown = {}
    for phase, is_done in done.items():
        if not exists[phase]:
            shown[phase.value] = "none"
        elif running is phase:
            shown[phase.value] = "running"
        else:
            shown[phase.value] = "done" if is_done else "pending"
    return shown
