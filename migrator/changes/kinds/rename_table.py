"""Rename a table, under both names until no old code is left."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Kind, OnTable, require_table
from migrator.errors import Refused
from migrator.model.objects import Grant
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, ident_list, qualified
from migrator.sql.parser import pb
from migrator.sql.rewrite import role_sql, slug

_SECURITY_INVOKER = 15
"""First version whose views can be read with the rights and policies of the one who asks (release notes of 15)."""

_NOT_FOR_VIEWS = frozenset({"MAINTAIN", "TRUNCATE"})
"""Nobody can truncate or maintain a view; granted there they would only surprise."""


class TableRenaming(OnTable, frozen=True):
    """Parameters of ``rename_table``.

    Attributes:
        new_name: what it is called afterwards, in the same schema.
    """

    new_name: str

    @property
    def renamed(self) -> TableName:
        """The table under its new name."""
        return TableName(self.schema, self.new_name)


class RenameTable(Kind[TableRenaming]):
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
        are listed: they must be changed.

    Example:
        ALTER TABLE people RENAME TO users
    """

    name = "rename_table"
    spec = TableRenaming
    takes_whole_table = True

    def recognise(self, action: Action, schema: Schema) -> TableRenaming | None:
        """``ALTER TABLE … RENAME TO …``."""
        if action.kind != "rename_stmt" or action.node.rename_type != pb.OBJECT_TABLE:
            return None
        relation = action.node.relation
        target = schema.resolve(relation.schemaname, relation.relname)
        ident(action.node.newname)
        return TableRenaming(schema=target.schema, table=target.name, new_name=action.node.newname)

    def touched(self, change: TableRenaming) -> dict[TableName, tuple[str, ...]]:
        """The table, and its new name, which must be free."""
        return {change.target: (), change.renamed: ()}

    def validate(self, change: TableRenaming, context: Context) -> Iterator[str]:
        """It is there, the new name is free, and a view can stand in for it."""
        if change.target in context.created:
            raise Refused(f'table "{change.target}" is created by this migration', hint="name it so there")
        relation = require_table(change, context)
        if relation is None:
            raise Refused(
                f'the columns and privileges of table "{change.target}" are not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        taken = context.schema.relation(change.renamed)
        if taken is not None and not _is_own_view(taken, relation):
            raise Refused(f'{taken.kind} "{change.renamed}" exists already')
        if relation.is_subscribed or relation.is_published:
            raise Refused(
                f'table "{change.target}" is replicated logically, and the other side goes by its name',
                hint="create the table under its new name on the other side, and move the replication there first",
            )
        if relation.has_row_security and context.schema.server_version < _SECURITY_INVOKER:
            raise Refused(
                f'table "{change.target}" has row security, and a view on PostgreSQL {context.schema.server_version} '
                "reads with the rights of its owner",
            )
        for function in relation.functions:
            yield (
                f"the text of function {function} mentions {change.table}: if it is this table, it must use "
                f"{change.new_name} before contract"
            )

    def expand(self, change: TableRenaming, context: Context) -> Iterator[Draft]:
        """The view, with the privileges of the table."""
        relation = context.schema.relation(change.target)
        if relation is None:
            return
        group = slug(change.table)
        yield Draft(
            f"view-{slug(change.new_name)}",
            self.template(
                "create_view",
                view=_view(change),
                table=change.sql,
                columns=ident_list(column.name for column in relation.columns),
                as_invoker=context.schema.server_version >= _SECURITY_INVOKER,
            ),
            "the table under its new name: reads and writes go through to it",
            group,
        )
        for number, grant in enumerate(_grants(relation)):
            yield Draft(
                f"grant-{slug(change.new_name)}" + (f"-{number + 1}" if number else ""),
                self.template("grant", view=_view(change), **grant),
                "as on the table",
                group,
            )

    def contract(self, change: TableRenaming, context: Context) -> Iterator[Draft]:
        """The view goes, and the table takes its name."""
        del context
        group = slug(change.table)
        yield Draft(
            f"drop-view-{slug(change.new_name)}",
            self.template("drop_view", view=_view(change)),
            "the table takes its name in the same transaction",
            group,
        )
        yield Draft(
            f"rename-{slug(change.table)}",
            self.template("rename", table=change.sql, new_name=change.new_name),
            "no code uses the old name any more",
            group,
        )

    def before_contract(self, change: TableRenaming, context: Context) -> None:
        """Nothing came to stand on the view since expand."""
        view = context.schema.relation(change.renamed)
        users = sorted({f"{each.kind} {each.name}" for each in view.dependents}) if view is not None else []
        if users:
            raise Refused(
                f'view "{change.renamed}", which contract drops, is used by other objects',
                detail="\n".join(users),
                hint=f"let them use {change.target} instead: it takes the new name, and they follow it",
            )

    def rollback(self, change: TableRenaming, context: Context) -> Iterator[Draft]:
        """The view goes; the rows are the table's."""
        del context
        yield Draft(
            f"drop-view-{slug(change.new_name)}",
            self.template("drop_view", view=_view(change)),
            "only new code knows it",
            slug(change.table),
            undoes=f"view-{slug(change.new_name)}",
        )


def _view(change: TableRenaming) -> Sql:
    return qualified(change.schema, change.new_name)


def _is_own_view(taken: Relation, relation: Relation) -> bool:
    """Whether it is the view that expand made: preflight of an expand that was cut off finds it."""
    return taken.kind == "view" and any(
        each.kind == "view" and each.name == qualified(taken.name.schema, taken.name.name)
        for each in relation.dependents
    )


def _grants(relation: Relation) -> Iterator[dict[str, object]]:
    """What GRANT needs to be told, table privileges first, then those on single columns."""
    wanted: list[tuple[Grant, str]] = [(grant, "") for grant in relation.grants]
    wanted += [(grant, column.name) for column in relation.columns for grant in column.grants]
    for grant, column in wanted:
        if grant.privilege not in _NOT_FOR_VIEWS:
            privilege = Sql(f"{grant.privilege} ({ident(column)})") if column else Sql(grant.privilege)
            yield {"privilege": privilege, "role": role_sql(grant.grantee), "grantable": grant.is_grantable}
