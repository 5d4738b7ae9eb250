"""What a change of type makes beside the column: its parameters, the shadow column, its trigger and function."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from migrator.changes.kind import Context, OnTable
from migrator.errors import Refused
from migrator.model.schema import Column, TableName
from migrator.sql.compose import Sql, bounded_name, expression, ident, qualified, type_name
from migrator.sql.parser import deparse_type, parse_expression, pb, unwrap
from migrator.sql.rewrite import columns_in, with_value

_INTEGERS = ("smallint", "integer", "bigint", "numeric")
_SIZED = re.compile(r"(?P<name>character varying|text|numeric)(?:\((?P<size>\d+)(?:,\s*(?P<scale>-?\d+))?\))?")
_TEXTS = frozenset({"text", "character varying"})
_SHORT_NAMES = {
    "int": "integer",
    "varchar": "character varying",
    "bool": "boolean",
    "timestamptz": "timestamp with time zone",
}
"""Names as the deparser writes them, and as ``format_type`` does."""


class Retyping(OnTable, frozen=True):
    """Parameters of ``change_type``.

    Attributes:
        column: its name, the same before and after.
        type: the new type, as SQL.
        collation: of the new type, as SQL; an empty string: the type's own.
        up: the new value computed from the row's columns, as SQL; an empty string: the old value cast to the type.
        default: of the column after contract, as SQL; an empty string: the old default, converted like a value.
        in_place: whether the server just notes the new type; from SQL text it is found out by itself.
    """

    column: str
    type: str
    collation: str = ""
    up: str = ""
    default: str = ""
    in_place: bool = False

    @property
    def full_type(self) -> str:
        """The new type as the catalog writes it."""
        name, bracket, rest = self.type.partition("(")
        return _SHORT_NAMES.get(name, name) + bracket + rest

    @property
    def conversion(self) -> Sql:
        """The new value as SQL over the row's columns."""
        return self.cast(expression(self.up) if self.up else ident(self.column))

    def cast(self, value: Sql) -> Sql:
        """A value in the new type; as it is where it is a cast to that type already."""
        tree = unwrap(parse_expression(value))
        if isinstance(tree, pb.TypeCast) and deparse_type(tree.type_name) == self.type:
            return value
        return Sql(f"CAST({value} AS {type_name(self.type)})")


@dataclass(frozen=True, slots=True)
class Shadow:
    """Names of what one change of type makes.

    Attributes:
        column: the column of the new type, until contract.
        trigger: keeps it equal to the converted value.
        function: of the trigger, as SQL.
    """

    column: str
    trigger: str
    function: Sql


def shadow_of(change: Retyping, context: Context) -> Shadow:
    """Names of shadow column, trigger and function; the trigger fires after those of other pending changes."""
    over = (context.migration, change.schema, change.table, change.column, "type")
    return Shadow(
        bounded_name("migrator", change.column, over=over),
        bounded_name("zzz_migrator_3", f"{context.level:05d}", change.column, over=over),
        qualified(change.schema, bounded_name("migrator", change.table, change.column, "type", over=over)),
    )


@dataclass(frozen=True, slots=True)
class Together:
    """Columns that change places with their shadows in one transaction.

    What hangs on several of them is made anew once, with the last of them, over the shadows of all.

    Attributes:
        columns: each change with its shadow, in the order of the steps.
    """

    columns: tuple[tuple[Retyping, Shadow], ...]

    def renamed(self, table: TableName) -> dict[str, str]:
        """The shadows of a table by the names of its columns."""
        return {change.column: shadow.column for change, shadow in self.columns if change.target == table}

    def of(self, table: TableName) -> tuple[tuple[Retyping, Shadow], ...]:
        """Those of one table."""
        return tuple(each for each in self.columns if each[0].target == table)

    def among(self, places: Iterable[tuple[TableName, str]]) -> list[Retyping]:
        """The changes of those columns, in the order of the steps."""
        wanted = set(places)
        return [change for change, _ in self.columns if (change.target, change.column) in wanted]


def temporary_name(name: str, change: Retyping, table: str = "") -> str:
    """What a copy of an index, a constraint or a sequence is called until it takes the name of the one it replaces.

    Args:
        name: of the one it replaces.
        change: the change.
        table: where that is on another table.
    """
    return bounded_name(name, "typed", over=(change.schema, change.table, change.column, table, name, "type"))


def converted_default(change: Retyping, column: Column) -> Sql | None:
    """The default of the column in the new type, as SQL; None: it has none.

    Raises:
        Refused: the new value is computed from other columns too, which a default cannot name.
    """
    if change.default:
        return change.cast(expression(change.default))
    if column.default is None or column.identity:
        return None
    default = expression(column.default)
    is_stored_alike = not change.up and is_wider(column.type_name, change.full_type)
    if never_fails(change, column) or is_stored_alike or column.owned_sequence:
        return default
    if change.up and columns_in(change.up) - {change.column}:
        raise Refused(
            f'column "{change.column}" of table "{change.target}" has a default, and USING computes its values from '
            "other columns, which a default cannot name",
            hint='say which it is to be, "default", or drop it in a migration before this one',
        )
    if not change.up:
        return change.cast(default)
    return change.cast(with_value(change.up, change.column, _of_type(default, column.type_name)))


def _of_type(default: str, type_text: str) -> str:
    """A default as the value of its column: the catalog leaves the cast out, as in ``5`` of a numeric."""
    tree = unwrap(parse_expression(default))
    wanted = deparse_type(unwrap(parse_expression(f"NULL::{type_text}")).type_name)
    is_cast = isinstance(tree, pb.TypeCast) and deparse_type(tree.type_name) == wanted
    return default if is_cast else f"CAST({default} AS {type_text})"


def never_fails(change: Retyping, column: Column | None) -> bool:
    """Whether every value of the old type has one of the new type: a wider integer, or any text without a limit."""
    if change.up or column is None:
        return False
    if change.full_type in _TEXTS:
        return True
    return (
        column.type_name in _INTEGERS
        and change.full_type in _INTEGERS
        and _INTEGERS.index(column.type_name) <= _INTEGERS.index(change.full_type)
    )


def is_wider(old: str, new: str) -> bool:
    """Whether every value of a type is stored as one of another: text, varying or not, and numbers of one scale."""
    before, after = _SIZED.fullmatch(old), _SIZED.fullmatch(new)
    if before is None or after is None or (before["name"] == "numeric") is not (after["name"] == "numeric"):
        return False
    if after["size"] is None:
        return True
    if before["size"] is None or int(after["size"]) < int(before["size"]):
        return False
    return int(before["scale"] or 0) == int(after["scale"] or 0)
