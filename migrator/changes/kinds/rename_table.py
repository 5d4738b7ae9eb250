"""Rename a table, under both names until no old code is left."""

from __future__ import annotations

from migrator.changes.moved_table import MovedTable, Moving
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import pb


class TableRenaming(Moving, frozen=True):
    """Parameters of ``rename_table``.

    Attributes:
        new_name: what it is called afterwards, in the same schema.
    """

    new_name: str

    @property
    def moved(self) -> TableName:
        """The table under its new name."""
        return TableName(self.schema, self.new_name)


class RenameTable(MovedTable[TableRenaming]):
    """Rename a table, under both names until no old code is left.

    What happens
        Expand creates a view of the new name over the table: PostgreSQL writes through it as if it were the table, ON
        CONFLICT, RETURNING and defaults included, and the privileges of the table are granted on it. New code uses the
        new name, old code the old one, and both see the same rows at once. Contract, once no old code is left, drops
        the view and renames the table in one transaction: nobody ever finds neither.

    What is refused
        A table that a subscription writes or a publication sends, because the other side goes by the name. Row security
        on PostgreSQL 14, whose views read with the rights of their owner. Other changes of the table in one migration.

    Limits
        Until contract, new code cannot COPY FROM or TRUNCATE the new name, nor GROUP BY a primary key alone. Triggers
        see the old name in TG_TABLE_NAME until contract and the new one after it. Functions whose text names the table
        are listed: they must be changed. Contract is refused while those of triggers do, since writes would fail.
        Partitions keep their names.

    Example:
        ALTER TABLE people RENAME TO users
    """

    name = "rename_table"
    unknown_without_tables = frozenset({Phase.EXPAND})
    spec = TableRenaming
    verb = "rename"

    def recognise(self, action: Action, schema: Schema) -> TableRenaming | None:
        """``ALTER TABLE … RENAME TO …``."""
        if action.kind != "rename_stmt" or action.node.rename_type != pb.OBJECT_TABLE:
            return None
        relation = action.node.relation
        target = schema.resolve(relation.schemaname, relation.relname)
        ident(action.node.newname)
        return TableRenaming(schema=target.schema, table=target.name, new_name=action.node.newname)

    def move(self, change: TableRenaming) -> Sql:
        """The new name."""
        return self.template("rename", table=change.sql, new_name=change.new_name)

    def seen_as(self, change: TableRenaming) -> str:
        """The new name."""
        return change.new_name
