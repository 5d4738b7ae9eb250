"""Drop a type or a domain that nothing uses any more."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Kind
from migrator.changes.user_type import OnType, named_type
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import slug

_DROPPED = frozenset({pb.OBJECT_TYPE, pb.OBJECT_DOMAIN})
_OF_OTHERS = frozenset({"row type", "multirange type", "extension type"})


class TypeRemoval(OnType, frozen=True):
    """Parameters of ``drop_type``."""


class DropType(Kind[TypeRemoval]):
    """Drop a type or a domain that nothing uses any more.

    What happens
        Expand changes nothing: old code may still name the type, in a cast or as the type of a parameter. Contract
        drops it once no old code is left; no table is locked.

    What is refused
        A type that columns, functions, domains or other types use, before expand and again before contract: drop those
        in a migration before this one, and contract it first. CASCADE. The row type of a table or view, and the types
        of an extension.

    Limits
        Nothing brings it back after contract but its definition. Before contract there is nothing to undo. Drivers that
        look types up once, as those with codecs for enums do, forget it only with their connection.

    Example:
        DROP TYPE order_state
    """

    name = "drop_type"
    spec = TypeRemoval

    def recognise(self, action: Action, schema: Schema) -> TypeRemoval | None:
        """``DROP TYPE …``, ``DROP DOMAIN …``."""
        if action.kind != "drop_stmt" or action.node.remove_type not in _DROPPED:
            return None
        target = named_type(unwrap(action.node.objects[0]).names, schema)
        if action.node.behavior == pb.DROP_CASCADE:
            raise Refused(
                f'dropping type "{target.name}" CASCADE would drop columns and functions that are not named',
                hint="drop each of them by name first",
            )
        return TypeRemoval(schema=target.schema, type=target.name)

    def validate(self, change: TypeRemoval, context: Context) -> Iterator[str]:
        """It is there, is one of its own, and nothing uses it."""
        if not context.schema.is_known:
            yield f"what uses type {change.target} could not be checked without a database; expand checks it"
            return
        if change.target not in context.schema.types:
            raise Refused(f'type "{change.target}" does not exist')
        _require_unused(change, context.schema)

    def expand(self, change: TypeRemoval, context: Context) -> Iterator[Draft]:
        """Nothing: old code may name it."""
        del change, context
        yield from ()

    def contract(self, change: TypeRemoval, context: Context) -> Iterator[Draft]:
        """The type goes."""
        del context
        yield Draft(
            f"drop-{slug(change.type)}",
            self.template("drop_type", type=change.sql),
            "no code names it any more, and nothing in the database uses it",
            slug(change.type),
            slug(change.type),
        )

    def before_contract(self, change: TypeRemoval, context: Context) -> None:
        """Nothing came to use it since expand."""
        if change.target in context.schema.types:
            _require_unused(change, context.schema)


def _require_unused(change: TypeRemoval, schema: Schema) -> None:
    found = schema.types[change.target]
    if found.kind in _OF_OTHERS:
        raise Refused(
            f'"{change.target}" is the {found.kind} that belongs to another object', hint="drop that object instead"
        )
    if found.users:
        raise Refused(
            f'{found.kind} "{change.target}" is used by other objects',
            detail="\n".join(found.users),
            hint="drop them in a migration before this one, and contract it first",
        )
