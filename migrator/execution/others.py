"""Other migrations that are pending on the same objects: what expand refuses because of them, and plan foresees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from migrator.changes.kinds.create_index import Indexing
from migrator.changes.kinds.drop_column import Removal
from migrator.changes.kinds.rename_column import Renaming
from migrator.changes.registry import spec_from
from migrator.errors import Refused
from migrator.ledger import state
from migrator.ledger.install import is_installed
from migrator.ledger.state import MigrationRecord, State
from migrator.model.plan import Migration, Phase
from migrator.model.schema import Schema, TableName
from migrator.planning import planner
from migrator.planning.entangled import entangled, refuse_index_on_copy, retyped_columns
from migrator.planning.folders import changes_of
from migrator.planning.planner import Change
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from migrator.sql.rewrite import columns_of_index

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
    names = ((table.schema, table.name) for table in planner.touched_by(changes))
    return read_schema(session, names, available=any(change.kind.reads_available for change in changes))


def check_beside(
    session: Session, migration: Migration, changes: Sequence[Change], other: str, its: list[Change]
) -> None:
    """Refuse a migration that cannot be expanded while another one is not contracted.

    Args:
        session: to read the tables of both.
        migration: the later one.
        changes: what it is about.
        other: id of the earlier one.
        its: what that is about.

    Raises:
        Refused: it cannot.
    """
    clashing = planner.clashes(changes, its)
    if clashing:
        raise Refused(
            f"{other} changes {', '.join(clashing)} too, and is not contracted",
            hint=f'contract it first: "migrator contract {other}"',
        )
    for change in changes:
        refuse_index_on_copy(change.spec, [each.spec for each in its], other)
    _refuse_index_beside(changes, its, other)
    between = entangled(
        [each.spec for each in changes],
        [each.spec for each in its],
        schema_of(session, [*changes, *its]),
        together=False,
    )
    if between:
        raise Refused(
            f"{between} is about a column that {other} replaces too, and it is not contracted",
            hint=f'contract it first: "migrator contract {other}"; then plan this again for the database as it '
            f'is then: "migrator new --refresh {migration.id}"',
        )


def _refuse_index_beside(changes: Sequence[Change], its: Sequence[Change], other: str) -> None:
    """Refuse an index on a column that the other migration replaces, and to replace one that it has yet to index.

    Raises:
        Refused: one of the two contracts could not run any more once the other has.
    """
    first = f'contract it first: "migrator contract {other}"'
    for change, each in product(changes, its):
        if isinstance(change.spec, Indexing):
            for table, column in sorted(_on_columns(change.spec) & retyped_columns(each.spec), key=str):
                raise Refused(
                    f'index "{change.spec.index}" is on column "{column}" of {table}, which {other} gives another type '
                    "by a copy: its contract builds anew what was there when it was planned",
                    hint=first,
                )
            renamed = (each.spec.target, each.spec.column) if isinstance(each.spec, Renaming) else None
            if change.spec.unique and isinstance(each.spec, Renaming) and renamed in _on_columns(change.spec):
                raise Refused(
                    f'unique index "{change.spec.index}" is built by contract, when "{each.spec.column}" may have '
                    f'become "{each.spec.new_name}" by that of {other}',
                    hint=first,
                )
        goes = change.kind.keeps_in_step or isinstance(change.spec, Removal)
        if goes and isinstance(each.spec, Indexing) and each.spec.unique:
            touched = {(table, name) for table, names in change.kind.touched(change.spec).items() for name in names}
            for table, column in sorted(_on_columns(each.spec) & touched, key=str):
                raise Refused(
                    f'contract of {other} has yet to build the unique index "{each.spec.index}" on column "{column}" '
                    f"of {table}, which this one replaces or drops",
                    hint=first,
                )


def _on_columns(index: Indexing) -> set[tuple[TableName, str]]:
    return {(index.target, name) for name in columns_of_index(index.definition)}


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
                check_beside(session, migration, changes, other, its)
            except Refused as refusal:
                reasons.append(f"expand will refuse it: {refusal.message}; {refusal.hint}")
        found[migration.id] = tuple(reasons)
        if migration.phase(Phase.CONTRACT):
            before[migration.id] = changes
    return found
