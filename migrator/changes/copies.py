"""What hangs on a column and is made anew for one that takes its place: indexes, keys, constraints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migrator.model.schema import Index, Relation
from migrator.sql.compose import bounded_name


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """Columns of a unique index that is doubled, and a number that tells its keys from those of other indexes."""

    columns: tuple[str, ...]
    seed: int


def copied_indexes(relation: Relation | None, column: str) -> Iterator[Index]:
    """The indexes that get a copy: those that mention the column, but for invalid ones and exclusion constraints."""
    for index in relation.indexes if relation else ():
        if column in index.columns and index.is_valid and not index.is_exclusion:
            yield index


def is_deferrable(index: Index, relation: Relation | None) -> bool:
    """Whether duplicates may stand until the end of a transaction, which a unique index alone does not allow."""
    constraints = relation.constraints if relation else ()
    return any(each.name == index.constraint and " DEFERRABLE" in each.definition for each in constraints)


def unique_keys(relation: Relation | None, column: str) -> list[UniqueKey]:
    """Keys on which inserts take turns, because they stand in two unique indexes."""
    if relation is None:
        return []
    return [
        UniqueKey(index.columns, int(bounded_name("seed", over=(relation.name.schema, index.name))[-7:], 16))
        for index in copied_indexes(relation, column)
        if index.is_unique and not is_deferrable(index, relation)
    ]
