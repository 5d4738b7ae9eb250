"""What ADD COLUMN asks for: its parameters, how they are read off a statement, and how values come into the column."""

from __future__ import annotations

from enum import Enum
from typing import Any

from migrator.changes.kind import OnTable, altered_table
from migrator.changes.options import STORAGES
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import MAX_NAME_BYTES, Sql, bounded_name, expression, ident, is_null, literal, qualified
from migrator.sql.effects import default_may_be_volatile
from migrator.sql.parser import deparse_expression, deparse_type, parse_expression, pb, unwrap
from migrator.sql.rewrite import columns_in, seen_from_trigger
from migrator.sql.volatility import Volatility, volatility_of

_SERIAL = {
    "smallserial": "smallint", "serial2": "smallint", "serial": "integer", "serial4": "integer",
    "bigserial": "bigint", "serial8": "bigint",
}  # fmt: skip
_IDENTITY = {"a": "always", "d": "by default"}


class Way(Enum):
    """How values come into a column that is added."""

    AT_ONCE = "the catalog says what existing rows hold"
    BY_DEFAULT = "a default that differs from row to row, then the backfill"
    BY_FILL = "a trigger that computes it for old code, then the backfill"
    VIRTUAL = "computed when it is read"


class Addition(OnTable, frozen=True):
    """Parameters of ``add_column``.

    Attributes:
        column: its name.
        type: as SQL.
        collation: as SQL, or an empty string.
        not_null: whether NULL is refused; needs a default, a fill, an identity or a sequence.
        default: as SQL; an empty string for none.
        fill: what rows hold that were there before or that old code inserts, as SQL over the row's columns; in a
            nullable column, those of which it is not NULL.
        next_default: the default of rows to come where it is another than that of the rows that are there, as SQL.
        drops_default: whether the default is for old code only: contract drops it.
        identity: ``always`` or ``by default`` for GENERATED … AS IDENTITY, or an empty string.
        serial: whether it draws from a sequence of its own.
        generated: expression of a virtual generated column; an empty string for any other.
        storage: ``PLAIN``, ``EXTERNAL``, ``EXTENDED`` or ``MAIN``; an empty string: as the type has it.
        compression: ``pglz`` or ``lz4``; an empty string: as the server has it.
    """

    column: str
    type: str
    collation: str = ""
    not_null: bool = False
    default: str = ""
    fill: str = ""
    next_default: str = ""
    drops_default: bool = False
    identity: str = ""
    serial: bool = False
    generated: str = ""
    storage: str = ""
    compression: str = ""

    @property
    def way(self) -> Way:
        """How values come into it."""
        if self.generated:
            return Way.VIRTUAL
        if self.fill:
            return Way.BY_FILL
        if self.has_sequence or (self.default and default_may_be_volatile(parse_expression(self.default))):
            return Way.BY_DEFAULT
        return Way.AT_ONCE

    @property
    def draws(self) -> bool:
        """Whether its fill answers differently every time, so that no condition can ask whether it is NULL."""
        return bool(self.fill) and volatility_of(parse_expression(self.fill), {})[0] is Volatility.VOLATILE

    @property
    def has_sequence(self) -> bool:
        """Whether it draws from a sequence that comes with it."""
        return self.serial or bool(self.identity)

    @property
    def sequence_name(self) -> str:
        """Name of the sequence of a serial or identity column, as PostgreSQL would choose it; cut with a hash."""
        return _bounded(f"{self.table}_{self.column}_seq", self)

    @property
    def drawn_from(self) -> Sql:
        """The sequence expand creates; that of an identity column is made at contract, and takes its place."""
        over = (self.schema, self.table, self.column, "sequence")
        return qualified(
            self.schema, bounded_name(self.table, self.column, over=over) if self.identity else self.sequence_name
        )

    @property
    def value(self) -> Sql | None:
        """The default, as SQL; None: it has none."""
        if self.has_sequence:
            return Sql(f"nextval({literal(self.drawn_from)}::regclass)")
        return expression(self.default) if self.default else None


def addition_of(action: Action, schema: Schema) -> Addition | None:
    """What an ADD COLUMN asks for, else None.

    Raises:
        Refused: as ``require_possible``, or for a constraint that has a statement of its own.
    """
    if action.command is None or action.command.subtype != pb.AT_AddColumn:
        return None
    if action.node.objtype != pb.OBJECT_TABLE:
        return None
    target = altered_table(action.node.relation, schema)
    definition = unwrap(getattr(action.command, "def"))
    ident(definition.colname)
    serial = _SERIAL.get(unwrap(definition.type_name.names[-1]).sval)
    not_null, default, identity, generated = serial is not None, "", "", ""
    for wrapped in definition.constraints:
        constraint = unwrap(wrapped)
        if constraint.contype == pb.CONSTR_NOTNULL:
            not_null = True
        elif constraint.contype == pb.CONSTR_DEFAULT:
            default = deparse_expression(constraint.raw_expr)
        elif constraint.contype == pb.CONSTR_IDENTITY:
            identity, not_null = _identity(definition.colname, constraint), True
        elif constraint.contype == pb.CONSTR_GENERATED and constraint.generated_kind == "v":
            generated = deparse_expression(constraint.raw_expr)
        elif constraint.contype != pb.CONSTR_NULL:
            _refuse_constraint(definition.colname, constraint)
    fill = action.options.get("fill", "")
    addition = Addition(
        schema=target.schema,
        table=target.name,
        column=definition.colname,
        type=serial or deparse_type(definition.type_name),
        collation=_collation(definition),
        not_null=not_null,
        default="" if default and is_null(default) else default,
        fill=str(expression(fill)) if fill else "",
        identity=identity,
        serial=serial is not None,
        generated=generated,
        storage="" if definition.storage_name.lower() == "default" else definition.storage_name.upper(),
        compression="" if definition.compression.lower() == "default" else definition.compression.lower(),
    )
    require_possible(addition)
    return addition


def require_possible(change: Addition) -> None:
    """Refuse what would make inserts of old code fail, and what says two things at once.

    Raises:
        Refused: with what to write instead.
    """
    if change.storage and change.storage not in STORAGES:
        raise Refused(f"storage {change.storage}: there are {', '.join(STORAGES)}")
    if change.fill:
        seen_from_trigger(change.fill)
        if change.default or change.has_sequence or change.generated:
            raise Refused(
                f'fill is for a column without a default, column "{change.column}" is none',
                hint="leave fill out: the default fills rows of old code",
            )
        if change.column in columns_in(change.fill):
            raise Refused(f'fill of column "{change.column}" names the column itself')
        if not change.not_null and change.draws and not isinstance(unwrap(parse_expression(change.fill)), pb.FuncCall):
            raise Refused(
                f'which rows of column "{change.column}" stay NULL cannot be told: {change.fill} answers differently '
                "every time",
                hint="say NOT NULL, or give every row a value by one function",
            )
        if is_null(change.fill):
            raise Refused(f"fill = {change.fill} is NULL itself", hint="say what rows of old code shall hold")
        return
    if change.generated and change.not_null:
        raise Refused(
            f'virtual column "{change.column}" cannot be added NOT NULL: each row would be looked at while others wait',
            hint="leave NOT NULL out",
        )
    if change.not_null and not change.default and not change.has_sequence:
        raise Refused(
            f'column "{change.column}" would be NOT NULL without a default: every insert of old code fails',
            hint="say above the statement what rows of old code shall hold: -- migrator: fill = EXPRESSION; "
            "or give it a DEFAULT",
        )


def _identity(column: str, constraint: Any) -> str:
    if constraint.options:
        raise Refused(
            f'the identity of column "{column}" comes with options of its sequence',
            hint="leave them out, and set them with ALTER SEQUENCE after contract",
        )
    return _IDENTITY[constraint.generated_when]


def _collation(definition: Any) -> str:
    if not definition.HasField("coll_clause"):
        return ""
    parts = [unwrap(part).sval for part in definition.coll_clause.collname]
    return qualified(parts[-2] if len(parts) > 1 else None, parts[-1])


def _bounded(name: str, change: Addition) -> str:
    over = (change.schema, change.table, change.column)
    return name if len(name.encode()) <= MAX_NAME_BYTES else bounded_name(name, over=over)


def _refuse_constraint(column: str, constraint: Any) -> None:
    what, hint = {
        pb.CONSTR_GENERATED: (
            "a stored generated column rewrites the table while others wait",
            "add an ordinary column that the application computes; or VIRTUAL on PostgreSQL 18, which stores nothing",
        ),
    }.get(constraint.contype, ("this constraint is not understood", "write the constraint as a statement of its own"))
    raise Refused(f'column "{column}" cannot be added in one step: {what}', hint=hint)
