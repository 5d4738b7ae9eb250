"""Add a value to an enumerated type."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Kind, Obstacle
from migrator.changes.user_type import OnType, named_type, require_enum, require_label, rows_holding
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.rewrite import slug


class ValueAddition(OnType, frozen=True):
    """Parameters of ``add_enum_value``.

    Attributes:
        value: the new value.
        before: the value it comes directly before; an empty string: none.
        after: the value it comes directly after; an empty string: none. Without either it becomes the last.
    """

    value: str
    before: str = ""
    after: str = ""


class AddEnumValue(Kind[ValueAddition]):
    """Add a value to an enumerated type.

    What happens
        Expand adds it, in a transaction of its own and without a lock on any table; the next step may use it. There is
        nothing to contract.

    Rollback
        PostgreSQL cannot take a value away from an enum. Rollback is refused while rows hold it, with their number,
        because the code before does not know it; once no row does, it leaves the value in the type, where it does no
        harm, and the next expand passes over it.

    What is refused
        A type that is not there or is no enum, a place next to a value that is not there, a type that the same
        migration creates, a label longer than 63 bytes: before anything runs.

    Limits
        Old code that maps the values of the enum to its own, as SQLAlchemy's Enum does, fails on a row with one it does
        not know: new code should not write the value before old code is gone, or old code has to be prepared for it.
        A DEFAULT or CHECK with the value needs a migration after this one, because the server is asked about it before
        the value is there. Rollback does not count rows that hold it inside a composite type or a range, and counts
        before it waits for new code to leave.

        ``drop_enum_value`` takes a value away, by changing every column of the type.

    Example:
        ALTER TYPE order_state ADD VALUE 'refunded' AFTER 'paid'
    """

    name = "add_enum_value"
    spec = ValueAddition

    def recognise(self, action: Action, schema: Schema) -> ValueAddition | None:
        """``ALTER TYPE … ADD VALUE [IF NOT EXISTS] … [BEFORE … | AFTER …]``."""
        node = action.node
        if action.kind != "alter_enum_stmt" or node.old_val or "phase" in action.options:
            return None
        target = named_type(node.type_name, schema)
        place = {"after" if node.new_val_is_after else "before": node.new_val_neighbor} if node.new_val_neighbor else {}
        return ValueAddition(schema=target.schema, type=target.name, value=node.new_val, **place)

    def validate(self, change: ValueAddition, context: Context) -> Iterator[str]:
        """The enum is there, and so is the value it is put beside."""
        require_label(change.value)
        if change.before and change.after:
            raise Refused(f"value '{change.value}' cannot come both before and after another", hint="give one of them")
        if change.target in context.created_types:
            raise Refused(
                f'type "{change.target}" is created by this migration', hint="write the value into its CREATE TYPE"
            )
        enum = require_enum(change, context)
        if enum is None:
            yield f"whether type {change.target} is there could not be checked without a database; expand checks it"
            return
        neighbour = change.before or change.after
        known = (*enum.labels, *context.added_values.get(change.target, ()))
        if neighbour and neighbour not in known:
            raise Refused(
                f"enum \"{change.target}\" has no value '{neighbour}' to put '{change.value}' beside",
                detail="values: " + ", ".join(known),
            )
        if change.value in known:
            yield f"enum {change.target} has the value '{change.value}' already, where it is: the step passes over it"
            return
        yield (
            f"only a change of every column takes '{change.value}' away again, and old code that maps its values "
            "strictly fails on rows with it: write it when no such code is left"
        )

    def expand(self, change: ValueAddition, context: Context) -> Iterator[Draft]:
        """The value."""
        del context
        step = f"add-{slug(change.type, change.value)}"
        yield Draft(
            step,
            self.template("add_value", type=change.sql, value=change.value, before=change.before, after=change.after),
            "no table is locked; it can be used once this is committed",
            step,
        )

    def obstacles(self, change: ValueAddition, context: Context) -> Iterator[Obstacle]:
        """Rows that hold the value stand against a rollback."""
        enum = context.schema.types.get(change.target)
        yield Obstacle(
            rows_holding(change.value, enum.columns if enum else ()),
            f"rows hold '{change.value}' of enum {change.target}, which the code before does not know",
            "write another value into them first: rollback leaves the value in the type, because PostgreSQL cannot "
            "remove it, and no row may need it",
            Phase.ROLLBACK,
        )
