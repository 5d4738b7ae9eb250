"""Create a view."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.changes.kind import Context, Draft, Expression, Kind, Obstacle
from migrator.changes.view import OnView, relations_read, users_of, view_statement
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, ident_list
from migrator.sql.parser import deparse, pb, unwrap
from migrator.sql.rewrite import slug, statement_sql

_SECURITY_INVOKER_SINCE = 15


class ViewCreation(OnView, frozen=True):
    """Parameters of ``create_view``.

    Attributes:
        definition: ``CREATE VIEW …`` with its own name and those it reads qualified.
    """

    definition: str


class CreateView(Kind[ViewCreation]):
    """Create a view.

    What happens
        Expand creates it; old code does not see it, and nobody waits: the tables it reads are locked as a SELECT locks
        them. There is nothing to contract. Rollback drops it.

    What is refused
        A query the server does not accept, tables that are not there, a name that is taken: before anything runs.
        Temporary views. A view of a table with a column that the same migration renames: until contract that column is
        a copy, which contract drops. ``security_invoker`` before PostgreSQL 15.

    Limits
        A view holds on to the columns it reads: later migrations cannot drop them, nor change their type, while it is
        there. ``SELECT *`` means the columns of today. It reads its tables with the rights of its owner, unless it is
        ``WITH (security_invoker = true)``; new code needs SELECT on it, by default privileges or a GRANT of your own.
        ``CREATE OR REPLACE VIEW`` is not of this kind, because running code reads the view: give the new shape another
        name, and drop the old view with ``drop_view`` in the same migration. A view of a column that the same migration
        adds to an existing table needs a migration after it, because the server is asked about the query before the
        column is there. Rollback is refused while other objects use the view.

    Example:
        CREATE VIEW open_orders AS SELECT id, number FROM orders WHERE total > 0
    """

    name = "create_view"
    spec = ViewCreation

    def recognise(self, action: Action, schema: Schema) -> ViewCreation | None:
        """``CREATE VIEW …``; ``OR REPLACE`` only its author can place."""
        if action.kind != "view_stmt":
            return None
        if action.node.replace:
            if "phase" in action.options:
                return None
            raise Refused(
                f'CREATE OR REPLACE VIEW "{action.node.view.relname}" changes a view that running code may read',
                hint="without OR REPLACE if it is new; else create one of another name, and DROP VIEW the old one in "
                "the same migration; or say when it runs: -- migrator: phase = contract",
            )
        node = pb.ViewStmt()
        node.CopyFrom(action.node)
        name = node.view.relname
        _refuse_temporary(node)
        ident(name)
        target = TableName(node.view.schemaname or schema.search_path[0], name)
        node.view.schemaname = target.schema
        for read in relations_read(node.query):
            read.schemaname = schema.resolve(read.schemaname or None, read.relname).schema
        return ViewCreation(schema=target.schema, view=target.name, definition=str(statement_sql("view_stmt", node)))

    def touched(self, change: ViewCreation) -> dict[TableName, tuple[str, ...]]:
        """The name must be free, and what it reads must be there."""
        return {change.target: (), **dict.fromkeys(_read_by(change), ())}

    def validate(self, change: ViewCreation, context: Context) -> Iterator[str]:
        """The name is free, the definition is that of this view, and what it reads is there and stays."""
        node = view_statement(change.definition)
        _refuse_temporary(node)
        if node.replace:
            raise Refused(
                f'view "{change.target}" would replace one that running code reads', hint="leave OR REPLACE out"
            )
        if (node.view.schemaname, node.view.relname) != (change.schema, change.view):
            raise Refused(
                f'the definition does not create "{change.target}"',
                detail=f"it creates {node.view.schemaname or '(no schema)'}.{node.view.relname}",
                hint=f"write CREATE VIEW {change.sql} AS …",
            )
        for read in relations_read(node.query):
            if not read.schemaname:
                raise Refused(f'the definition reads "{read.relname}" without saying its schema')
        relation = context.schema.relation(change.target)
        if relation is not None:
            raise Refused(f'{relation.kind} "{change.target}" exists already')
        if change.target in context.created:
            raise Refused(f'"{change.target}" is created twice in this migration')
        for name in _read_by(change):
            if context.schema.is_known and name not in context.created and context.schema.relation(name) is None:
                raise Refused(
                    f'"{name}", which view "{change.target}" reads, does not exist',
                    hint="a view that reads a view of the same migration needs a migration of its own, after it",
                )
            if context.renamed.get(name):
                raise Refused(
                    f'view "{change.target}" reads "{name}", a column of which this migration renames',
                    hint="write two migrations, and contract the renaming before the view",
                )
        if 0 < context.schema.server_version < _SECURITY_INVOKER_SINCE and "security_invoker" in _options(node):
            raise Refused(
                f"security_invoker needs PostgreSQL {_SECURITY_INVOKER_SINCE}, "
                f"the server is of version {context.schema.server_version}"
            )
        yield from ()

    def expressions(self, change: ViewCreation, context: Context) -> Iterator[Expression]:
        """Its query, which the server must understand; not one over tables that are not there yet."""
        if any(name in context.created for name in _read_by(change)):
            return
        node = view_statement(change.definition)
        query = Sql(deparse("select_stmt", unwrap(node.query)))
        names = [unwrap(each).sval for each in node.aliases]
        columns = Sql(f" ({ident_list(names)})" if names else "")
        yield Expression(f"the query of view {change.target}", self.template("query", query=query, columns=columns))

    def expand(self, change: ViewCreation, context: Context) -> Iterator[Draft]:
        """The view."""
        del context
        yield Draft(
            f"create-{slug(change.view)}", Sql(change.definition), "old code does not see it", slug(change.view)
        )

    def obstacles(self, change: ViewCreation, context: Context) -> Iterator[Obstacle]:
        """Objects that came to use it would make rollback fail."""
        del context
        yield Obstacle(
            users_of(change.sql),
            f"objects use view {change.target}",
            "drop them first: rollback drops the view, and nothing that is not its own",
            Phase.ROLLBACK,
        )

    def makes(self, change: ViewCreation) -> tuple[str, ...]:
        """The view."""
        return ("VIEW", change.schema, change.view)

    def rollback(self, change: ViewCreation, context: Context) -> Iterator[Draft]:
        """The view goes; it holds no rows."""
        del context
        yield Draft(
            f"drop-{slug(change.view)}",
            self.template("drop_view", view=change.sql),
            "only new code knows it",
            slug(change.view),
            undoes=f"create-{slug(change.view)}",
        )


def _refuse_temporary(node: Any) -> None:
    if node.view.relpersistence == "t":
        raise Refused(
            f'view "{node.view.relname}" would be temporary: it would be gone with the connection that runs the step'
        )


def _read_by(change: ViewCreation) -> list[TableName]:
    reads = relations_read(view_statement(change.definition).query)
    return list(dict.fromkeys(TableName(read.schemaname, read.relname) for read in reads if read.schemaname))


def _options(node: Any) -> set[str]:
    return {unwrap(each).defname for each in node.options}
