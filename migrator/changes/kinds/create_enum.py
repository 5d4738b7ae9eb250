"""Create an enumerated type."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Expression, Kind
from migrator.changes.user_type import LONGEST_LABEL_BYTES, OnType
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, literal
from migrator.sql.parser import unwrap
from migrator.sql.rewrite import slug


class EnumCreation(OnType, frozen=True):
    """Parameters of ``create_enum``.

    Attributes:
        labels: its values in their order.
    """

    labels: tuple[str, ...] = ()


class CreateEnum(Kind[EnumCreation]):
    """Create an enumerated type.

    What happens
        Expand creates it; old code does not see it, and no table is locked. There is nothing to contract. Rollback
        drops it. Columns of the type can be added in the same migration, after it.

    What is refused
        A name that is taken by a type, or by a table or view, whose row type it would be; a schema that is not there;
        labels that occur twice or are longer than 63 bytes: before anything runs.

    Limits
        A value can be added to an enum later, and taken away only by changing every column of the type
        (``drop_enum_value``): text with a CHECK leaves more freedom. Its order is the order of the labels. A column
        with a DEFAULT of the type needs a migration after this one, because the server is asked about the DEFAULT
        before the type is there. Rollback fails, and keeps its state, while objects that are not of this migration use
        the type.

    Example:
        CREATE TYPE order_state AS ENUM ('open', 'paid', 'shipped')
    """

    name = "create_enum"
    spec = EnumCreation

    def recognise(self, action: Action, schema: Schema) -> EnumCreation | None:
        """``CREATE TYPE … AS ENUM (…)``."""
        if action.kind != "create_enum_stmt":
            return None
        parts = [unwrap(part).sval for part in action.node.type_name]
        place = parts[-2] if len(parts) > 1 else schema.search_path[0]
        ident(parts[-1])
        return EnumCreation(
            schema=place, type=parts[-1], labels=tuple(unwrap(label).sval for label in action.node.vals)
        )

    def validate(self, change: EnumCreation, context: Context) -> Iterator[str]:
        """The name is free and the labels are what the server accepts."""
        taken = context.schema.types.get(change.target)
        if taken is not None:
            raise Refused(f'{taken.kind} "{change.target}" exists already')
        if change.target in context.created_types:
            raise Refused(f'type "{change.target}" is created twice in this migration')
        if change.target in context.created:
            raise Refused(f'"{change.target}" is the row type of a table of this migration')
        twice = sorted({label for label in change.labels if change.labels.count(label) > 1})
        if twice:
            raise Refused(f'type "{change.target}" has a label twice', detail=", ".join(map(repr, twice)))
        long = [label for label in change.labels if len(label.encode()) > LONGEST_LABEL_BYTES]
        if long:
            raise Refused(
                f'type "{change.target}" has a label longer than {LONGEST_LABEL_BYTES} bytes', detail="\n".join(long)
            )
        yield from ()

    def expressions(self, change: EnumCreation, context: Context) -> Iterator[Expression]:
        """Its schema, which must be there."""
        if ("SCHEMA", change.schema) in context.made:
            return
        yield Expression(
            f'the schema of type "{change.target}"', self.template("place", schema=str(ident(change.schema)))
        )

    def expand(self, change: EnumCreation, context: Context) -> Iterator[Draft]:
        """The type."""
        del context
        labels = Sql(", ".join(literal(label) for label in change.labels))
        yield Draft(
            f"create-{slug(change.type)}",
            self.template("create_type", type=change.sql, labels=labels),
            "old code does not see it",
            slug(change.type),
        )

    def makes(self, change: EnumCreation) -> tuple[str, ...]:
        """What it creates."""
        return ("TYPE", change.schema, change.type)

    def rollback(self, change: EnumCreation, context: Context) -> Iterator[Draft]:
        """The type goes."""
        del context
        yield Draft(
            f"drop-{slug(change.type)}",
            self.template("drop_type", type=change.sql),
            "only new code knows it",
            slug(change.type),
            undoes=f"create-{slug(change.type)}",
        )
