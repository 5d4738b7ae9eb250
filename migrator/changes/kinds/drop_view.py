"""Drop a view that new code no longer uses, plain or materialized."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Kind, Obstacle
from migrator.changes.removal import gone
from migrator.changes.view import OnView, users_of
from migrator.errors import Refused
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import qualified
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import slug

_DROPPED = {pb.OBJECT_VIEW: False, pb.OBJECT_MATVIEW: True}
_USERS = frozenset({"view", "materialized view", "rule"})


class ViewRemoval(OnView, frozen=True):
    """Parameters of ``drop_view``.

    Attributes:
        materialized: whether it is a materialized view.
    """

    materialized: bool = False


class DropView(Kind[ViewRemoval]):
    """Drop a view that new code no longer uses, plain or materialized.

    What happens
        Expand changes nothing: old code goes on to read it. Contract drops it once no old code is left, under an ACCESS
        EXCLUSIVE lock on the view, for a moment; the tables it reads are not locked. Its rules, triggers, privileges
        and comment go with it, and the indexes of a materialized view.

    What is refused
        A view that other views, materialized views or rules use. CASCADE. A table, or a view of the other sort.

    Limits
        Nothing brings it back after contract but its definition: ``pg_get_viewdef`` shows it before. The text of
        functions is not followed: those that mention its name are listed. Before contract there is nothing to undo.

    Example:
        DROP VIEW legacy_orders
    """

    name = "drop_view"
    spec = ViewRemoval
    takes_whole_table = True

    def recognise(self, action: Action, schema: Schema) -> ViewRemoval | None:
        """``DROP [MATERIALIZED] VIEW …``."""
        if action.kind != "drop_stmt" or action.node.remove_type not in _DROPPED:
            return None
        parts = [unwrap(item).sval for item in unwrap(action.node.objects[0]).items]
        if action.node.behavior == pb.DROP_CASCADE:
            raise Refused(
                f'dropping view "{parts[-1]}" CASCADE would drop objects that are not named',
                hint="drop each of them by name first",
            )
        target = schema.resolve(parts[-2] if len(parts) > 1 else None, parts[-1])
        return ViewRemoval(schema=target.schema, view=target.name, materialized=_DROPPED[action.node.remove_type])

    def touched(self, change: ViewRemoval) -> dict[TableName, tuple[str, ...]]:
        """The view itself."""
        return {change.target: ()}

    def validate(self, change: ViewRemoval, context: Context) -> Iterator[str]:
        """It is there, of this sort, and nothing uses it."""
        if not context.schema.is_known:
            yield f"what depends on {change.target} could not be checked without a database; expand checks it"
            return
        relation = context.schema.relation(change.target)
        if relation is None:
            raise Refused(f'{_sort(change)} "{change.target}" does not exist')
        if relation.kind != _sort(change):
            raise Refused(f'"{change.target}" is a {relation.kind}, not a {_sort(change)}')
        _require_unused(relation)
        for function in relation.functions:
            yield f"function {function} mentions {change.view} in its text: if that is this view, contract breaks it"

    def expand(self, change: ViewRemoval, context: Context) -> Iterator[Draft]:
        """Nothing: old code reads it."""
        del change, context
        yield from ()

    def contract(self, change: ViewRemoval, context: Context) -> Iterator[Draft]:
        """The view goes."""
        del context
        yield Draft(
            f"drop-{slug(change.view)}",
            self.template("drop_view", view=change.sql, materialized=change.materialized),
            "no code uses it any more; the tables it reads are not touched",
            slug(change.view),
        )

    def before_contract(self, change: ViewRemoval, context: Context) -> None:
        """Nothing came to use it since expand."""
        relation = context.schema.relation(change.target)
        if relation is None:
            raise gone(f'view "{change.target}"')
        _require_unused(relation)

    def obstacles(self, change: ViewRemoval, context: Context) -> Iterator[Obstacle]:
        """Whatever uses it without using a column of it, as ``SELECT count(*)`` and functions with its row type do."""
        del context
        yield Obstacle(
            users_of(change.sql),
            f"objects use {_sort(change)} {change.target}",
            "drop them, or replace them by ones that do without it, before contract",
        )


def _sort(change: ViewRemoval) -> str:
    return "materialized view" if change.materialized else "view"


def _require_unused(relation: Relation) -> None:
    own = str(qualified(relation.name.schema, relation.name.name))
    users = sorted(
        {f"{each.kind} {each.name}" for each in relation.dependents if each.kind in _USERS and each.name != own}
    )
    if users:
        raise Refused(
            f'{relation.kind} "{relation.name}" is used by other objects, which would break or refuse the drop',
            detail="\n".join(users),
            hint="drop them, or replace them by ones that do without it, in a migration before this one",
        )
