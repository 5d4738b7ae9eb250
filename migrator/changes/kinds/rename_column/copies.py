"""Copies of the indexes of a renamed column, and the keys of those that are unique."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migrator.changes.kind import Context, Draft
from migrator.changes.kinds.rename_column.mirror import Renaming
from migrator.model.schema import Index, Relation
from migrator.sql.compose import bounded_name
from migrator.sql.rewrite import copied_index, slug


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """Columns of a unique index that is doubled, and a number that tells its keys from those of other indexes."""

    columns: tuple[str, ...]
    seed: int


def copied(change: Renaming, relation: Relation | None) -> Iterator[Index]:
    """The indexes that get a copy: those that mention the column, but for invalid ones and exclusion constraints."""
    for index in relation.indexes if relation else ():
        if change.column in index.columns and index.is_valid and not index.is_exclusion:
            yield index


def index_copies(change: Renaming, relation: Relation | None, context: Context) -> Iterator[Draft]:
    """Steps that build the copies."""
    # Of several columns renamed together new code uses all the new names, so an index over some of them gets one copy
    # over all of those, built when the last of them is there.
    renamed = context.renamed.get(change.target) or {change.column: change.new_name}
    for index in copied(change, relation):
        if [name for name in renamed if name in index.columns][-1] != change.column:
            continue
        definition = index.definition
        if index.is_unique and _is_deferrable(index, relation):
            definition = definition.replace("CREATE UNIQUE INDEX", "CREATE INDEX", 1)
        yield Draft(
            f"index-{slug(index.name)}",
            copied_index(definition, name=copy_name(change, index), renamed=dict(renamed)),
            f"new code finds rows by the new name as old code does by {index.name}"
            + ("; ON CONFLICT works with either" if definition.startswith("CREATE UNIQUE") else ""),
        )


def _is_deferrable(index: Index, relation: Relation | None) -> bool:
    """Whether duplicates may stand until the end of a transaction, which a unique index alone does not allow."""
    constraints = relation.constraints if relation else ()
    return any(each.name == index.constraint and " DEFERRABLE" in each.definition for each in constraints)


def copy_name(change: Renaming, index: Index) -> str:
    """The name of the copy of an index."""
    return bounded_name(index.name, slug(change.new_name), over=(change.schema, index.name, change.new_name))


def unique_keys(change: Renaming, relation: Relation | None) -> list[UniqueKey]:
    """Keys on which inserts take turns, because they stand in two unique indexes."""
    return [
        UniqueKey(index.columns, int(bounded_name("seed", over=(change.schema, index.name))[-7:], 16))
        for index in copied(change, relation)
        if index.is_unique and not _is_deferrable(index, relation)
    ]
