"""What keeps a column from being replaced by one of another type, and what the author should know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrator.changes.bystanders import require_last_word
from migrator.changes.constraint import MOST_ROWS_EXCLUDED
from migrator.changes.copies import is_deferrable
from migrator.changes.kind import Context, OnTable
from migrator.changes.retyping import listed, set_aside
from migrator.changes.retyping.shadow import Retyping, converted_default
from migrator.errors import Refused
from migrator.model.schema import Column, Reference, Relation
from migrator.sql.compose import qualified
from migrator.sql.rewrite import columns_in, foreign_key_columns

_UNCHECKED_ON_PARTITIONED = 18
"""First version with foreign keys NOT VALID on partitioned tables (release notes of 18)."""

_EARLY = frozenset({"drop_index", "drop_constraint", "rename_constraint"})
_OF_TABLE = frozenset({"drop_table", "rename_table", "set_schema", "partition_table"})
"""Kinds whose contract, where it comes first, takes away what a change of type makes anew."""


def require_replaceable(relation: Relation, column: Column, change: Retyping) -> None:
    """Refuse a column that another one cannot take the place of.

    Raises:
        Refused: others rely on it in a way that is not carried over, or writes and rows are out of the trigger's sight.
    """
    if column.generated:
        raise Refused(
            f'column "{column.name}" of table "{relation.name}" is generated, its type follows its expression',
            hint="add a generated column of the new type, and drop the old one in a later migration",
        )
    if relation.is_subscribed:
        raise Refused(
            f'table "{relation.name}" is written by a logical subscription, which does not fire ordinary triggers'
        )
    if relation.forces_row_security:
        raise Refused(
            f'table "{relation.name}" forces row security on its owner, so a backfill would not see every row',
            hint=f"ALTER TABLE {qualified(relation.name.schema, relation.name.name)} NO FORCE ROW LEVEL SECURITY",
        )
    set_aside.require_carried(relation, change.column, "which are not carried over to a column of another type")
    require_last_word(relation)
    if change.default and column.sequence is not None:
        raise Refused(
            f'column "{column.name}" of table "{relation.name}" draws from a sequence, so it keeps its default',
            hint='leave "default" out',
        )
    converted_default(change, column)
    refuse_indexes(relation, change)


def refuse_keys_of_partitioned(relation: Relation, change: Retyping, server_version: int) -> None:
    """Refuse foreign keys that point here and cannot be made anew without reading their table under a lock.

    Raises:
        Refused: the first of them.
    """
    for each in relation.references if server_version < _UNCHECKED_ON_PARTITIONED else ():
        if each.is_partitioned and change.column in each.columns:
            raise Refused(
                f'foreign key "{each.name}" of partitioned table "{each.table}" points to column "{change.column}" of '
                f'table "{relation.name}", and PostgreSQL {server_version} adds none NOT VALID there',
                hint="drop it in a migration before this one, and add it again after it",
            )


def refuse_indexes(relation: Relation, change: Retyping) -> None:
    """Refuse indexes that cannot be built anew beforehand.

    Raises:
        Refused: an exclusion constraint of a large table, a deferrable key, or one that replication or CLUSTER goes by.
    """
    for index in relation.indexes:
        if change.column not in index.columns:
            continue
        if index.is_exclusion and (relation.partition_key or relation.estimated_rows > MOST_ROWS_EXCLUDED):
            raise Refused(
                f'exclusion constraint "{index.constraint}" of table "{relation.name}" is about "{change.column}": '
                + (
                    "it is not made anew on partitions"
                    if relation.partition_key
                    else f"reads and writes of about {relation.estimated_rows} rows would wait until its index is "
                    "built, which the server does not do concurrently"
                ),
                hint="drop it in a migration before this one, and add it again after it, when nobody writes, with "
                "-- migrator: phase = contract above the statement",
            )
        if index.is_unique and is_deferrable(index, relation):
            raise Refused(
                f'key "{index.constraint}" of table "{relation.name}" is deferrable: the index that is built to take '
                "its place would refuse, until the swap, what transactions put right before they end",
                hint="drop it in a migration before this one, and add it again after it",
            )
        if index.is_replica_identity or index.is_clustered:
            what = "logical replication finds rows" if index.is_replica_identity else "CLUSTER goes"
            raise Refused(
                f'{what} by index "{index.name}" of table "{relation.name}", which is replaced',
                hint=f"ALTER TABLE {qualified(relation.name.schema, relation.name.name)} "
                + ("REPLICA IDENTITY DEFAULT" if index.is_replica_identity else "SET WITHOUT CLUSTER"),
            )


def refuse_changed_beside(relation: Relation, change: Retyping, context: Context) -> None:
    """Refuse indexes and constraints of the column that the same migration drops or renames before they are made anew.

    Raises:
        Refused: there is one: the one made anew would stay, or have the name from before.
    """
    earlier = context.beside[: context.beside.index(("change_type", change))]
    before = {spec for kind, spec in earlier if kind in _EARLY}
    for each in relation.references if not change.in_place else ():
        if change.column in each.columns:
            _refuse_reference_changed(each, relation, change, earlier)
    changed = {
        getattr(spec, "constraint", "") or getattr(spec, "index", "")
        for spec in (*before, *(spec for kind, spec in context.beside if kind == "rename_index"))
        if isinstance(spec, OnTable) and spec.target == change.target
    }
    about = {each.name for each in relation.indexes if change.column in each.columns}
    about |= {each.name for each in relation.constraints if change.column in each.columns}
    for name in sorted(about & changed):
        raise Refused(
            f'"{name}" of table "{relation.name}" is about "{change.column}", which is replaced, and this '
            "migration drops or renames it",
            hint="do that in a migration before this one, and contract it before you plan this",
        )


def _refuse_reference_changed(
    key: Reference, relation: Relation, change: Retyping, earlier: Sequence[tuple[str, object]]
) -> None:
    own, _, _ = foreign_key_columns(key.definition)
    for kind, spec in earlier:
        if not isinstance(spec, OnTable) or spec.target != key.table:
            continue
        changes_key = kind in _EARLY and getattr(spec, "constraint", "") == key.name
        changes_column = kind == "drop_column" and getattr(spec, "column", "") in own
        if changes_key or changes_column or kind in _OF_TABLE:
            raise Refused(
                f'foreign key "{key.name}" of table "{key.table}" points to "{change.column}" of table '
                f'"{relation.name}", which is replaced, and before that this migration changes it by {kind}',
                hint="do that in a migration before this one, and contract it before you plan this",
            )


def notes_in_place(relation: Relation, change: Retyping) -> Iterator[str]:
    """What the author should know where the server only notes the new type."""
    yield (
        f"{change.column} becomes {change.full_type} at contract, in place: no row is read or written; new code writes "
        "what only the new type holds after it"
    )
    yield from _functions(relation, change)
    yield from set_aside.notes(relation, change.column)


def _functions(relation: Relation, change: Retyping) -> Iterator[str]:
    for each in relation.dependents:
        if each.column == change.column and each.kind == "trigger function":
            yield (
                f"function {each.name} reads NEW.{change.column} or OLD.{change.column}: it must cope with both types; "
                "where the role that contracts does not own it, sessions that have called it fail until they connect "
                "anew (42804)"
            )


def notes(relation: Relation, change: Retyping) -> Iterator[str]:
    """What the author should know, one line each."""
    yield (
        f"{change.column} becomes the last column of {change.table}: inserts without column names and code that reads "
        "columns by position must be changed before"
    )
    yield from _functions(relation, change)
    for index in relation.indexes:
        if change.column in index.columns and not index.is_valid:
            yield f"index {index.name} is invalid and goes with the old column"
        elif change.column in index.columns and index.is_exclusion:
            yield f"the index of {index.constraint} is built while reads and writes wait, for lock_timeout at most"
    for each in listed.statistics(relation, change.column):
        yield f"statistics object {listed.name_of(each)} is empty after contract until the next ANALYZE"
    others = columns_in(change.up) - {change.column} if change.up else set()
    for name in sorted(others):
        yield f"{change.column} is computed from {name} too: it follows when {name} is written"
    yield from set_aside.notes(relation, change.column)
