"""An index of one pending migration on a column that another one replaces or drops: only one contract could run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from migrator.changes.kinds.create_index import Indexing
from migrator.changes.kinds.drop_column import Removal
from migrator.changes.kinds.rename_column import Renaming
from migrator.errors import Refused
from migrator.model.schema import TableName
from migrator.planning.entangled import retyped_columns
from migrator.planning.planner import Change
from migrator.sql.rewrite import columns_of_index


def refuse_index_beside(changes: Sequence[Change], its: Sequence[Change], other: str) -> None:
    """Refuse an index on a column that the other migration replaces, and to replace one that it has yet to index.

    Args:
        changes: of the later migration.
        its: changes of the other one.
        other: id of that.

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
