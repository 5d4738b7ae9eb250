"""Other migrations that are pending on the same objects: what expand refuses because of them, and plan foresees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from migrator.changes.registry import spec_from
from migrator.errors import Refused
from migrator.ledger import state
from migrator.ledger.install import is_installed
from migrator.ledger.state import MigrationRecord, State
from migrator.model.plan import Migration, Phase
from migrator.model.schema import Schema
from migrator.planning import touching
from migrator.planning.computed_beside import refuse_computed_changed
from migrator.planning.entangled import entangled, refuse_index_on_copy
from migrator.planning.folders import changes_of
from migrator.planning.index_beside import refuse_index_beside
from migrator.planning.keys_carried import refuse_carried_changed
from migrator.planning.leaving import (
    refuse_in_schema,
    refuse_of_stand_in,
    refuse_of_type,
    refuse_of_values,
    refuse_relying_on,
    refuse_renamed_type,
)
from migrator.planning.named_beside import refuse_named_beside
from migrator.planning.names import refuse_awaited
from migrator.planning.over_views import refuse_over_views
from migrator.planning.planner import Change
from migrator.planning.relied_on import drops_keys, refuse_relying_on_dropped, relied_on
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session

_OVER = frozenset({State.CONTRACTED, State.COMPLETE, State.ROLLED_BACK, State.PENDING})


def pending(session: Session, project: str, migration: Migration) -> list[MigrationRecord]:
    """The migrations but this one that are expanded, or begun to be, and whose contract is still to come."""
    records = state.all_records(session, project)
    return [record for record in records if record.id != migration.id and record.state not in _OVER]


def recorded_changes(record: MigrationRecord) -> list[Change]:
    """What a migration that was expanded is about."""
    tables: list[dict[str, Any]] = record.spec.get("changes", [])
    return [Change(*spec_from(table, record.id), record.id) for table in tables]


def schema_of(session: Session, changes: Sequence[Change]) -> Schema:
    """The tables that changes are about, as they are now."""
    names = ((table.schema, table.name) for table in touching.touched_by(changes))
    return read_schema(session, names, available=any(change.kind.reads_available for change in changes))


def relied_on_by(session: Session, changes: Sequence[Change], its: Sequence[Change]) -> str:
    """What contract of changes drops and those of another pending migration rely on until then; empty: nothing."""
    if not drops_keys(changes):
        return ""
    return ", ".join(relied_on(changes, its, schema_of(session, [*changes, *its])))


def check_beside(
    session: Session,
    migration: Migration,
    changes: Sequence[Change],
    other: str,
    its: list[Change],
    migrations: Iterable[Migration],
) -> None:
    """Refuse a migration that cannot be expanded while another one is not contracted.

    Args:
        session: to read the tables of both.
        migration: the later one.
        changes: what it is about.
        other: id of the earlier one.
        its: what that is about.
        migrations: those whose files are known.

    Raises:
        Refused: it cannot.
    """
    clashing = touching.clashes(changes, its)
    if clashing:
        raise Refused(
            f"{other} changes {', '.join(clashing)} too, and is not contracted",
            hint=f'contract it first: "migrator contract {other}"',
        )
    for change in changes:
        refuse_index_on_copy(change.spec, [each.spec for each in its], other)
    refuse_index_beside(changes, its, other)
    pairs = [(each.kind, each.spec) for each in its]
    refuse_of_type((step.sql for phase in Phase for step in migration.phase(phase)), pairs, other)
    steps = (step for phase in (Phase.EXPAND, Phase.CONTRACT) for step in migration.phase(phase))
    refuse_of_stand_in((step.sql for step in steps), pairs, other)
    refuse_in_schema([(each.kind, each.spec) for each in changes], pairs, other)
    refuse_of_values([each.spec for each in changes], pairs, other)
    refuse_relying_on([each.spec for each in changes], pairs, other)
    schema = schema_of(session, [*changes, *its])
    refuse_named_beside(changes, its, other, schema)
    refuse_computed_changed(changes, its, schema, other)
    for change in changes:
        refuse_over_views(change.spec, its, schema, other)
    refuse_relying_on_dropped(changes, its, other, schema)
    mine, theirs = ([(each.kind, each.spec) for each in side] for side in (changes, its))
    refuse_carried_changed([each.spec for each in changes], theirs, schema, other, are_expanded=True)
    refuse_carried_changed([each.spec for each in its], mine, schema, other)
    between = entangled([each.spec for each in changes], [each.spec for each in its], schema, together=False)
    if between:
        raise Refused(
            f"{between} is about a column that {other} replaces too, and it is not contracted",
            hint=f'contract it first: "migrator contract {other}"; then plan this again for the database as it '
            f'is then: "migrator new --refresh {migration.id}"',
        )
    for each in migrations:
        if each.id == other:
            refuse_awaited(migration, each)
            statements = [step.sql for phase in Phase for step in each.phase(phase)]
            refuse_renamed_type(statements, [change.spec for change in changes], other)


def foreseen(session: Session, project: str, migrations: Sequence[Migration]) -> Mapping[str, tuple[str, ...]]:
    """By id, what expand will refuse of migrations that are still to be expanded, because of others before them.

    Args:
        session: outside a transaction.
        project: key of the ledger.
        migrations: those that are not finished, by level.
    """
    records = state.all_records(session, project) if is_installed(session) else []
    begun = {record.id: record for record in records if record.state not in _OVER}
    over = {record.id for record in records if record.state in (State.CONTRACTED, State.COMPLETE)}
    found: dict[str, tuple[str, ...]] = {}
    before: dict[str, list[Change]] = {name: recorded_changes(record) for name, record in begun.items()}
    for migration in migrations:
        if migration.id in begun or migration.id in over:
            continue
        changes = changes_of(migration)
        reasons = []
        for other, its in before.items():
            try:
                check_beside(session, migration, changes, other, its, migrations)
            except Refused as refusal:
                reasons.append(f"expand will refuse it: {refusal.message}; {refusal.hint}")
        found[migration.id] = tuple(reasons)
        if migration.phase(Phase.CONTRACT):
            before[migration.id] = changes
    return found
