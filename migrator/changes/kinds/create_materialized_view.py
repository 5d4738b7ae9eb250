"""Create a materialized view."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Expression, Kind, Obstacle
from migrator.changes.materialized_view import DefinedMaterializedView, defined, empty_creation, is_creation, refresh
from migrator.changes.view import query_of, require_names, require_read, users_of
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.rewrite import slug


class MaterializedViewCreation(DefinedMaterializedView, frozen=True):
    """Parameters of ``create_materialized_view``."""


class CreateMaterializedView(Kind[MaterializedViewCreation]):
    """Create a materialized view.

    What happens
        Expand creates it empty and fills it, in two steps, so that a run that was cut off fills it again; old code does
        not see it. Its query reads its tables as a SELECT does: nobody waits. Indexes written behind it, in the same
        migration, are built after that, unique ones too. There is nothing to contract. Rollback drops it.

    What is refused
        A query the server does not accept, tables that are not there, a name that is taken: before anything runs.
        IF NOT EXISTS. A view of a table with a column that the same migration renames: until contract it is a copy,
        which contract drops.

    Limits
        Its rows are those of when it was filled: who refreshes it, and when, is the application's affair. REFRESH …
        CONCURRENTLY, which lets readers go on, needs a unique index: write one behind it. While it is filled, one
        transaction is open as long as its query takes: vacuum cannot remove rows that died since, and DDL on the tables
        it reads waits. A view holds on to the columns it reads: later migrations cannot drop them, nor change their
        type, while it is there. Rollback is refused while other objects use the view.

    Example:
        CREATE MATERIALIZED VIEW totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id
    """

    name = "create_materialized_view"
    spec = MaterializedViewCreation

    def recognise(self, action: Action, schema: Schema) -> MaterializedViewCreation | None:
        """``CREATE MATERIALIZED VIEW …``."""
        if not is_creation(action.kind, action.node) or "phase" in action.options:
            return None
        target, definition = defined(action.node, schema)
        return MaterializedViewCreation(schema=target.schema, view=target.name, definition=str(definition))

    def touched(self, change: MaterializedViewCreation) -> dict[TableName, tuple[str, ...]]:
        """The name must be free, and what it reads must be there."""
        return {change.target: (), **dict.fromkeys(change.reads, ())}

    def validate(self, change: MaterializedViewCreation, context: Context) -> Iterator[str]:
        """The name is free, the definition is that of this view, and what it reads is there and stays."""
        require_names(change, context)
        require_read(change, context)
        relation = context.schema.relation(change.target)
        if relation is not None:
            raise Refused(
                f'{relation.kind} "{change.target}" exists already',
                hint="to give it this query, write before it -- migrator: phase = expand if old code can read the new "
                "rows; -- migrator: phase = contract if new code can read the old ones until then"
                if relation.kind == "materialized view"
                else None,
            )
        yield from ()

    def expressions(self, change: MaterializedViewCreation, context: Context) -> Iterator[Expression]:
        """Its query, which the server must understand; not one over tables that are not there yet."""
        yield from query_of(change, context)

    def expand(self, change: MaterializedViewCreation, context: Context) -> Iterator[Draft]:
        """The view, then its rows."""
        del context
        yield Draft(
            f"create-{slug(change.view)}",
            empty_creation(change.node),
            "old code does not see it; nothing is read yet",
            slug(change.view),
        )
        if change.is_filled:
            yield Draft(
                f"fill-{slug(change.view)}",
                refresh(change.sql),
                "reads its tables as a SELECT does",
                locks=f"ACCESS EXCLUSIVE ON {change.sql}: nobody reads it yet",
            )

    def obstacles(self, change: MaterializedViewCreation, context: Context) -> Iterator[Obstacle]:
        """Objects that came to use it would make rollback fail."""
        del context
        yield Obstacle(
            users_of(change.sql),
            f"objects use materialized view {change.target}",
            "drop them first: rollback drops the view, and nothing that is not its own",
            Phase.ROLLBACK,
        )

    def makes(self, change: MaterializedViewCreation) -> tuple[str, ...]:
        """The view."""
        return ("MATERIALIZED VIEW", change.schema, change.view)

    def rollback(self, change: MaterializedViewCreation, context: Context) -> Iterator[Draft]:
        """The view goes; its rows are those of other tables."""
        del context
        yield Draft(
            f"drop-{slug(change.view)}",
            self.template("drop_view", view=change.sql),
            "only new code knows it; its indexes go with it",
            slug(change.view),
            undoes=f"create-{slug(change.view)}",
        )
