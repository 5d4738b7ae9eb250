"""Rename a value of an enumerated type."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Kind
from migrator.changes.user_type import OnType, named_type, require_enum, require_label
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.rewrite import slug


class ValueRenaming(OnType, frozen=True):
    """Parameters of ``rename_enum_value``.

    Attributes:
        value: what it is called.
        new_name: what it is called after contract.
    """

    value: str
    new_name: str


class RenameEnumValue(Kind[ValueRenaming]):
    """Rename a value of an enumerated type, for code that copes with both names.

    What happens
        Expand changes nothing: a value has one name, and old code writes and compares it. Contract renames it once no
        old code is left: only the catalog changes, no table is locked, and every row has the new name at once.
        Defaults, CHECKs, views, policies and indexes follow by themselves.

    What new code must do
        It runs before contract and after it, and the server does not tell it which: the name that is not there at the
        moment is an error as soon as it stands in a statement, be it only in a comparison. So new code reads the column
        as text and takes both names for one, ``state::text IN ('cancelled', 'canceled')``, and does not write the value
        between expand and contract. Nobody can check that: the directive says it.

    What is refused
        ``RENAME VALUE`` without the directive ``phase = contract``. A type that is not there or is no enum, a value
        that is not there, a name that is taken: before expand, and again before contract.

    Limits
        The text of functions is not followed. Drivers that look the values of an enum up once learn the new name with
        their next connection.

    Example::

        -- migrator: phase = contract
        ALTER TYPE order_state RENAME VALUE 'cancelled' TO 'canceled'
    """

    name = "rename_enum_value"
    spec = ValueRenaming
    options = frozenset({"phase"})

    def recognise(self, action: Action, schema: Schema) -> ValueRenaming | None:
        """``ALTER TYPE … RENAME VALUE … TO …``, if its author says that new code copes."""
        node = action.node
        if action.kind != "alter_enum_stmt" or not node.old_val:
            return None
        target = named_type(node.type_name, schema)
        if target in schema.types and node.new_val in schema.types[target].labels:
            return None
        phase = action.options.get("phase")
        if phase is None:
            raise Refused(
                f"value '{node.old_val}' of enum \"{target}\" has one name, which old code writes and compares: "
                "whoever uses the other one fails",
                hint="-- migrator: phase = contract if new code reads the column as text, takes both names for one, "
                f'and does not write it until then: "migrator explain {self.name}"',
            )
        if phase != "contract":
            return None
        return ValueRenaming(schema=target.schema, type=target.name, value=node.old_val, new_name=node.new_val)

    def validate(self, change: ValueRenaming, context: Context) -> Iterator[str]:
        """The value is there, and its new name is free."""
        require_label(change.new_name)
        if change.target in context.created_types:
            raise Refused(
                f'type "{change.target}" is created by this migration', hint="write the name into its CREATE TYPE"
            )
        if require_enum(change, context) is None:
            yield f"whether type {change.target} is there could not be checked without a database; expand checks it"
        _require_renamable(change, context)
        yield (
            f"new code must take '{change.value}' and '{change.new_name}' for one in what it reads as text, and write "
            "neither between expand and contract"
        )

    def expand(self, change: ValueRenaming, context: Context) -> Iterator[Draft]:
        """Nothing: old code uses the name."""
        del change, context
        yield from ()

    def contract(self, change: ValueRenaming, context: Context) -> Iterator[Draft]:
        """The new name."""
        del context
        step = f"rename-{slug(change.type, change.value)}"
        yield Draft(
            step,
            self.template("rename_value", type=change.sql, value=change.value, new_name=change.new_name),
            "only the catalog changes: every row has the new name at once, and no table is locked",
            step,
        )

    def before_contract(self, change: ValueRenaming, context: Context) -> None:
        """It is still so."""
        require_enum(change, context)
        _require_renamable(change, context)


def _require_renamable(change: ValueRenaming, context: Context) -> None:
    enum = context.schema.types.get(change.target)
    if enum is None:
        return
    if change.value not in enum.labels:
        raise Refused(
            f"enum \"{change.target}\" has no value '{change.value}'", detail="values: " + ", ".join(enum.labels)
        )
    if change.new_name in enum.labels:
        raise Refused(
            f"enum \"{change.target}\" has a value '{change.new_name}' already",
            hint="two values cannot become one by a name: write one of them into the rows that hold the other",
        )
