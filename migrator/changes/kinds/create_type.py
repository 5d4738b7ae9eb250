"""Create a composite type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrator.changes.kind import Context, Expression
from migrator.changes.statement import OneStatement
from migrator.changes.user_type import OnType, require_free_type
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, type_name
from migrator.sql.parser import deparse_type, parse_script, unwrap


class TypeCreation(OnType, frozen=True):
    """Parameters of ``create_type``.

    Attributes:
        attributes: name and type each, as SQL: ``street text``, ``number integer``.
    """

    attributes: tuple[str, ...]


class CreateType(OneStatement[TypeCreation]):
    """Create a composite type.

    What happens
        Expand creates it; old code does not see it, and no table is locked. There is nothing to contract. Rollback
        drops it. An enumerated type is of the kind ``create_enum``, a type that checks its values of ``create_domain``.

    What is refused
        A name that is taken by a type, or by a table or view, whose row type it would be; attributes of types that are
        not there, or that occur twice. Range types and base types.

    Limits
        What uses it as a column keeps its attributes from being changed: a table beside it leaves more freedom.
        Rollback fails, and keeps its state, while objects that are not of this migration use it.

    Example:
        CREATE TYPE address AS (street text, number integer)
    """

    name = "create_type"
    spec = TypeCreation
    verb = "create"
    why = "old code does not see it"

    def recognise(self, action: Action, schema: Schema) -> TypeCreation | None:
        """``CREATE TYPE … AS (…)``."""
        if action.kind != "composite_type_stmt":
            return None
        name = action.node.typevar
        ident(name.relname)
        columns = [unwrap(each) for each in action.node.coldeflist]
        if any(each.HasField("coll_clause") for each in columns):
            raise Refused(f'type "{name.relname}" has an attribute with COLLATE', hint="leave COLLATE out")
        return TypeCreation(
            schema=name.schemaname or schema.search_path[0],
            type=name.relname,
            attributes=tuple(f"{ident(each.colname)} {deparse_type(each.type_name)}" for each in columns),
        )

    def makes(self, change: TypeCreation) -> tuple[str, ...]:
        """The type."""
        return ("TYPE", change.schema, change.type)

    def validate(self, change: TypeCreation, context: Context) -> Iterator[str]:
        """The name is free, and no attribute occurs twice."""
        require_free_type(change, context)
        names = [name for name, _ in _attributes(change)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Refused(f'type "{change.target}" has attribute "{twice[0]}" twice')
        yield from ()

    def expressions(self, change: TypeCreation, context: Context) -> Iterator[Expression]:
        """The types of its attributes."""
        if not context.schema.is_known or context.created_types:
            return
        for name, written in _attributes(change):
            yield Expression(
                f'attribute "{name}" of type "{change.target}"', self.template("accepted", type=type_name(written))
            )

    def statement(self, change: TypeCreation, context: Context) -> Sql:
        """The type."""
        del context
        attributes = ", ".join(f"{ident(name)} {type_name(written)}" for name, written in _attributes(change))
        return self.template("create", type=change.sql, attributes=Sql(attributes))

    def undo(self, change: TypeCreation, context: Context) -> Iterable[Sql]:
        """The type goes."""
        del context
        yield self.template("drop", type=change.sql)

    def subject(self, change: TypeCreation) -> str:
        """The type."""
        return change.type


def _attributes(change: TypeCreation) -> list[tuple[str, str]]:
    """Name and type of each attribute.

    Raises:
        Refused: one is not a name and a type.
    """
    statements = parse_script(f"CREATE TYPE t AS ({', '.join(change.attributes)})", "attributes").statements
    if len(statements) != 1 or statements[0].kind != "composite_type_stmt":
        raise Refused(f'type "{change.target}": attributes are NAME TYPE each', hint='attributes="street text"')
    columns = [unwrap(each) for each in statements[0].node.coldeflist]
    return [(each.colname, deparse_type(each.type_name)) for each in columns]
