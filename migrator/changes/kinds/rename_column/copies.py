"""Copies of the indexes of a renamed column."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.copies import copied_indexes, is_deferrable
from migrator.changes.kind import Context, Draft
from migrator.changes.kinds.rename_column.mirror import Renaming
from migrator.model.schema import Index, Relation
from migrator.sql.compose import bounded_name
from migrator.sql.rewrite import copied_index, slug


def index_copies(change: Renaming, relation: Relation | None, context: Context) -> Iterator[Draft]:
    """Steps that build the copies."""
    # Of several columns renamed together new code uses all the new names, so an index over some of them gets one copy
    # over all of those, built when the last of them is there.
    renamed = context.renamed.get(change.target) or {change.column: change.new_name}
    for index in copied_indexes(relation, change.column):
        if [name for name in renamed if name in index.columns][-1] != change.column:
            continue
        definition = index.definition
        if index.is_unique and is_deferrable(index, relation):
            definition = definition.replace("CREATE UNIQUE INDEX", "CREATE INDEX", 1)
        yield Draft(
            f"index-{slug(index.name)}",
            copied_index(definition, name=copy_name(change, index), renamed=dict(renamed)),
            f"new code finds rows by the new name as old code does by {index.name}"
            + ("; ON CONFLICT works with either" if definition.startswith("CREATE UNIQUE") else ""),
        )


def copy_name(change: Renaming, index: Index) -> str:
    """The name of the copy of an index."""
    return bounded_name(index.name, slug(change.new_name), over=(change.schema, index.name, change.new_name))
