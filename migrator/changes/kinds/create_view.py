"""Create a view."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Expression, Kind, Obstacle
from migrator.changes.view import DefinedView, defined, query_of, require_definition, require_read, users_of
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.rewrite import slug


class ViewCreation(DefinedView, frozen=True):
    """Parameters of ``create_view``."""


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
        A view of a column that the same migration adds to an existing table needs a migration after it, because the
        server is asked about the query before the column is there. Rollback is refused while other objects use the
        view.

    Example:
        CREATE VIEW open_orders AS SELECT id, number FROM orders WHERE total > 0
    """

    name = "create_view"
    spec = ViewCreation

    def recognise(self, action: Action, schema: Schema) -> ViewCreation | None:
        """``CREATE VIEW …``; with ``OR REPLACE`` where the database has no such view."""
        if action.kind != "view_stmt" or (action.node.replace and "phase" in action.options):
            return None
        target, definition = defined(action.node, schema)
        if action.node.replace and (not schema.is_known or schema.relation(target) is not None):
            return None
        return ViewCreation(schema=target.schema, view=target.name, definition=str(definition))

    def touched(self, change: ViewCreation) -> dict[TableName, tuple[str, ...]]:
        """The name must be free, and what it reads must be there."""
        return {change.target: (), **dict.fromkeys(change.reads, ())}

    def validate(self, change: ViewCreation, context: Context) -> Iterator[str]:
        """The name is free, the definition is that of this view, and what it reads is there and stays."""
        require_definition(change, context)
        require_read(change, context)
        relation = context.schema.relation(change.target)
        if relation is not None:
            raise Refused(
                f'{relation.kind} "{change.target}" exists already', hint="CREATE OR REPLACE VIEW gives it a new query"
            )
        yield from ()

    def expressions(self, change: ViewCreation, context: Context) -> Iterator[Expression]:
        """Its query, which the server must understand; not one over tables that are not there yet."""
        yield from query_of(change, context)

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
