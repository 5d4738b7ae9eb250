"""The two sides of a reshaping: columns that go and columns that come, and what each is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migrator.changes.kind import OnTable, altered_table
from migrator.errors import Refused
from migrator.model.counts import counted
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, expression, field, ident, type_name
from migrator.sql.parser import deparse, deparse_expression, deparse_type, parse_script, pb, unwrap
from migrator.sql.rewrite import columns_in, seen_from_trigger


@dataclass(frozen=True, slots=True)
class OldColumn:
    """A column that goes, and what old code finds there in rows of new code, as SQL over the new columns."""

    name: str
    down: str


@dataclass(frozen=True, slots=True)
class NewColumn:
    """A column that comes, its type, and its value, as SQL over the old columns."""

    name: str
    type: str
    up: str

    @property
    def type_sql(self) -> Sql:
        """The type, parsed."""
        return type_name(self.type)

    @property
    def value(self) -> Sql:
        """The value in the type of the column."""
        return Sql(f"CAST({expression(self.up)} AS {type_name(self.type)})")

    @property
    def of_new(self) -> Sql:
        """The value as a trigger computes it from the row to be stored."""
        return seen_from_trigger(self.value)

    @property
    def of_old(self) -> Sql:
        """The value as a trigger computes it from the row as it was."""
        return seen_from_trigger(self.value, "old")


@dataclass(frozen=True, slots=True)
class Sides:
    """Old and new columns of a reshaping."""

    old: tuple[OldColumn, ...]
    new: tuple[NewColumn, ...]

    @property
    def old_names(self) -> tuple[str, ...]:
        """Names of the columns that go."""
        return tuple(each.name for each in self.old)

    @property
    def new_names(self) -> tuple[str, ...]:
        """Names of the columns that come."""
        return tuple(each.name for each in self.new)


@dataclass(frozen=True, slots=True)
class Rows:
    """Lists of columns as the trigger compares them."""

    old_of_new: Sql
    old_of_old: Sql
    new_of_new: Sql
    was: Sql


def rows_of(sides: Sides) -> Rows:
    """The lists for both sides."""
    return Rows(
        Sql(", ".join(f"NEW.{field(name)}" for name in sides.old_names)),
        Sql(", ".join(f"OLD.{field(name)}" for name in sides.old_names)),
        Sql(", ".join(f"NEW.{field(name)}" for name in sides.new_names)),
        Sql(", ".join(f"was_{number}" for number in range(len(sides.new)))),
    )


class Reshaped(OnTable, frozen=True):
    """Parameters of a change that replaces columns by others computed from them."""

    @property
    def sides(self) -> Sides:
        """Both sides.

        Raises:
            Refused: lists of the parameters differ in length.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Written:
    """An ALTER TABLE that adds and drops columns, with what each is computed from.

    Attributes:
        added: name and type of the columns it adds.
        dropped: names of those it drops.
        up: the value of each added one.
        down: of each dropped one.
    """

    target: TableName
    added: tuple[tuple[str, str], ...]
    dropped: tuple[str, ...]
    up: tuple[str, ...]
    down: tuple[str, ...]


def written(action: Action, schema: Schema) -> Written | None:
    """What an action asks for, if it is of this form.

    Raises:
        Refused: a column comes with more than a type, goes with CASCADE, or has no expression of its own.
    """
    if action.kind != "alter_table_stmt" or action.command is not None or action.node.objtype != pb.OBJECT_TABLE:
        return None
    if "up" not in action.options:
        return None  # move_column
    target = altered_table(action.node.relation, schema)
    added: list[tuple[str, str]] = []
    dropped: list[str] = []
    for command in map(unwrap, action.node.cmds):
        if command.subtype == pb.AT_AddColumn:
            definition = unwrap(getattr(command, "def"))
            if definition.constraints or definition.HasField("coll_clause"):
                raise Refused(
                    f'column "{definition.colname}" of "{target}" comes with more than a type',
                    hint="leave defaults, constraints and collation out here: they have statements of their own",
                )
            added.append((definition.colname, deparse_type(definition.type_name)))
        else:
            if command.behavior == pb.DROP_CASCADE:
                raise Refused(
                    f'DROP COLUMN "{command.name}" CASCADE would drop objects that are not named',
                    hint="drop each of them by name first",
                )
            dropped.append(command.name)
    up = _expressions("up", action.options["up"], [name for name, _ in added])
    down = _expressions("down", action.options["down"], dropped)
    return Written(target, tuple(added), tuple(dropped), up, down)


def _expressions(directive: str, text: str, names: Sequence[str]) -> tuple[str, ...]:
    """The expressions of a list, one for each column."""
    script = parse_script(f"SELECT {text}\n", directive)
    node = script.statements[0].node if len(script.statements) == 1 else None
    values = [unwrap(each) for each in node.target_list] if isinstance(node, pb.SelectStmt) else []
    if len(values) != len(names):
        raise Refused(
            f"{directive} gives {counted(len(values), 'values')} for {len(names)} columns: {', '.join(names)}",
            detail=text,
            hint="write one expression for each column, in their order, separated by commas",
        )
    found = tuple(str(expression(deparse_expression(value.val))) for value in values)
    if ", ".join(found) != str(Sql(deparse(script.statements[0].kind, node))).removeprefix("SELECT "):
        raise Refused(f"{directive} is more than a list of expressions", detail=text)
    return found


def require_one_side_each(sides: Sides) -> None:
    """Refuse what is computed from anything but the other side.

    Raises:
        Refused: with the expression and the column it names.
    """
    pairs = [(f"up of {new.name}", new.up, sides.old_names) for new in sides.new]
    pairs += [(f"down of {old.name}", old.down, sides.new_names) for old in sides.old]
    for what, text, allowed in pairs:
        foreign = sorted(columns_in(text) - set(allowed))
        if foreign:
            raise Refused(
                f'{what} names column "{foreign[0]}"',
                detail=f"{text}\nit may name: {', '.join(allowed)}",
                hint="the value would have to follow when that column is written, which neither version expects",
            )
    names = [*sides.old_names, *sides.new_names]
    for name in names:
        ident(name)
        if names.count(name) > 1:
            raise Refused(f'column "{name}" is named twice')
