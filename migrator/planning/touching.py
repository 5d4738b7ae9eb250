"""What changes touch, and which changes of two migrations cannot be pending on together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from migrator.changes.constraint import NewConstraint
from migrator.changes.kinds.rename_column import Renaming
from migrator.model.schema import TableName
from migrator.planning.objects import shared_objects

if TYPE_CHECKING:
    from migrator.planning.planner import Change


def touched_by(changes: Iterable[Change]) -> dict[TableName, tuple[str, ...]]:
    """Columns the changes rely on, by table."""
    touched: dict[TableName, tuple[str, ...]] = {}
    for change in changes:
        for table, columns in change.kind.touched(change.spec).items():
            touched[table] = tuple(dict.fromkeys((*touched.get(table, ()), *columns)))
    return touched


def clashes(one: Sequence[Change], other: Sequence[Change]) -> list[str]:
    """What changes of two migrations cannot be pending on together: ``schema.table.column``, or ``schema.table``.

    Renamings compose where one goes on from the new name of the other: their triggers settle whichever of the names was
    written. Constraints of different names on one column have nothing to do with each other. What one of them drops,
    renames or replaces by its name the other does not find, or finds changed, once the first is contracted.
    """
    return sorted(
        {
            *clashing_tables(one, other),
            *clashing_tables(other, one),
            *_clashing_columns(one, other),
            *shared_objects(one, other),
        }
    )


def clashing_tables(one: Iterable[Change], other: Iterable[Change]) -> set[str]:
    """Tables that one side takes as a whole and the other touches."""
    touched = set(touched_by(other))
    return {
        str(table)
        for change in one
        if change.kind.takes_whole_table
        for table in change.kind.touched(change.spec)
        if table in touched
    }


def _clashing_columns(one: Iterable[Change], other: Iterable[Change]) -> set[str]:
    others = [
        (table, column, change)
        for change in other
        for table, columns in change.kind.touched(change.spec).items()
        for column in columns
    ]
    return {
        f"{table}.{column}"
        for change in one
        for table, columns in change.kind.touched(change.spec).items()
        for column in columns
        for other_table, other_column, other_change in others
        if (table, column) == (other_table, other_column)
        and not _compose(change.spec, other_change.spec)
        and not both_leave(change, other_change)
    }


def _compose(one: object, other: object) -> bool:
    return (
        isinstance(one, Renaming)
        and isinstance(other, Renaming)
        and (one.new_name == other.column or other.new_name == one.column)
    )


def both_leave(one: Change, other: Change) -> bool:
    """Whether two changes that touch one column are in no other's way: constraints of two names."""
    named_alike = (
        isinstance(one.spec, NewConstraint)
        and isinstance(other.spec, NewConstraint)
        and (one.spec.target, one.spec.constraint) == (other.spec.target, other.spec.constraint)
    )
    return one.kind.leaves_columns and other.kind.leaves_columns and not named_alike
