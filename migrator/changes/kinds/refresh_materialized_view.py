"""Bring the rows of a materialized view up to date."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Kind
from migrator.changes.materialized_view import can_refresh_concurrently, refresh
from migrator.changes.statement import require_known
from migrator.changes.view import OnView
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.rewrite import slug


class Refreshing(OnView, frozen=True):
    """Parameters of ``refresh_materialized_view``."""


class RefreshMaterializedView(Kind[Refreshing]):
    """Bring the rows of a materialized view up to date.

    What happens
        Expand refreshes it CONCURRENTLY: readers go on with the old rows until the new ones are there, all at once.
        There is nothing to contract and nothing to undo. A run that was cut off refreshes it again.

    What is refused
        A view without a valid unique index over plain columns of all its rows, which CONCURRENTLY needs: without it
        nobody could read the view while its query runs. WITH NO DATA, which takes its rows away from those who read it.

    Limits
        A view that was never filled cannot be refreshed CONCURRENTLY: that is found when the step runs, which then
        changes nothing. It waits for another REFRESH of the view, and for as long as its query takes one transaction is
        open: vacuum cannot remove rows that died since. For a refresh at contract write before it
        ``-- migrator: phase = contract`` and ``-- migrator: transaction = false``: it is raw SQL then, and runs as it
        is written.

    Example:
        REFRESH MATERIALIZED VIEW totals
    """

    name = "refresh_materialized_view"
    spec = Refreshing
    gives_way_to_phase = True

    def recognise(self, action: Action, schema: Schema) -> Refreshing | None:
        """``REFRESH MATERIALIZED VIEW [CONCURRENTLY] …``."""
        if action.kind != "refresh_mat_view_stmt":
            return None
        relation = action.node.relation
        if action.node.skip_data:
            raise Refused(
                f'REFRESH … WITH NO DATA takes the rows of "{relation.relname}" away from those who read it',
                hint="DROP MATERIALIZED VIEW drops it once no code reads it",
            )
        target = schema.resolve(relation.schemaname or None, relation.relname)
        return Refreshing(schema=target.schema, view=target.name)

    def touched(self, change: Refreshing) -> dict[TableName, tuple[str, ...]]:
        """The view itself."""
        return {change.target: ()}

    def validate(self, change: Refreshing, context: Context) -> Iterator[str]:
        """It is there, and readers can go on."""
        if change.target in context.created:
            raise Refused(
                f'"{change.target}" is created by this migration, which fills it', hint="leave the REFRESH out"
            )
        require_known(context, f'whether "{change.target}" has the unique index that REFRESH … CONCURRENTLY needs')
        relation = context.schema.relation(change.target)
        if relation is None:
            raise Refused(f'materialized view "{change.target}" does not exist')
        if relation.kind != "materialized view":
            raise Refused(f'"{change.target}" is a {relation.kind}, not a materialized view')
        if not can_refresh_concurrently(relation):
            raise Refused(
                f'materialized view "{change.target}" has no unique index over plain columns of all its rows: nobody '
                "could read it while it is refreshed",
                hint="CREATE UNIQUE INDEX on the columns that tell its rows apart, in a migration before this one",
            )
        yield from ()

    def expand(self, change: Refreshing, context: Context) -> Iterator[Draft]:
        """The refresh."""
        del context
        yield Draft(
            f"refresh-{slug(change.view)}",
            refresh(change.sql, concurrently=True),
            "readers go on with the old rows until the new ones are there",
        )
