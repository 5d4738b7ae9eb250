"""Rename an index."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.index import OnIndex, require_index, table_of
from migrator.changes.kind import Context, Draft, Kind
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import ident, qualified
from migrator.sql.parser import pb
from migrator.sql.rewrite import slug


class IndexRenaming(OnIndex, frozen=True):
    """Parameters of ``rename_index``.

    Attributes:
        new_name: what it is called afterwards.
    """

    new_name: str


class RenameIndex(Kind[IndexRenaming]):
    """Rename an index.

    What happens
        No query names an index, so expand renames it: other schema changes of the table wait for a moment, reads and
        writes do not. There is nothing to contract.

    What is refused
        An index that belongs to a constraint, whose name ON CONFLICT ON CONSTRAINT and error handling may use: rename
        the constraint.

    Example:
        ALTER INDEX orders_number_idx RENAME TO orders_by_number
    """

    name = "rename_index"
    spec = IndexRenaming

    def recognise(self, action: Action, schema: Schema) -> IndexRenaming | None:
        """``ALTER INDEX … RENAME TO …``."""
        if action.kind != "rename_stmt" or action.node.rename_type != pb.OBJECT_INDEX:
            return None
        relation = action.node.relation
        table = table_of(schema, relation.schemaname or None, relation.relname)
        ident(action.node.newname)
        return IndexRenaming(
            schema=table.schema, table=table.name, index=relation.relname, new_name=action.node.newname
        )

    def touched(self, change: IndexRenaming) -> dict[TableName, tuple[str, ...]]:
        """Nothing but the table itself."""
        return {change.target: ()}

    def validate(self, change: IndexRenaming, context: Context) -> Iterator[str]:
        """It is there, and the new name is free on its table."""
        require_index(change, context, or_partitioned=True)
        relation = context.schema.relation(change.target)
        if relation is not None and any(each.name == change.new_name for each in relation.indexes):
            raise Refused(f'index "{change.new_name}" of table "{change.target}" exists already')
        yield from ()

    def expand(self, change: IndexRenaming, context: Context) -> Iterator[Draft]:
        """The new name."""
        del context
        yield self._renaming(change.index, change.new_name, change)

    def rollback(self, change: IndexRenaming, context: Context) -> Iterator[Draft]:
        """The old name."""
        del context
        yield self._renaming(change.new_name, change.index, change, undoes=f"rename-{slug(change.index)}")

    def _renaming(self, old: str, new: str, change: IndexRenaming, undoes: str | None = None) -> Draft:
        return Draft(
            f"rename-{slug(old)}",
            self.template("rename", index=qualified(change.schema, old), new_name=new),
            "no query names an index" if undoes is None else "as it was called before",
            slug(change.table),
            undoes=undoes,
        )
