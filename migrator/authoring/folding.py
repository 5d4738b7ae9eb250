"""What a script does to a column behind ADD COLUMN, as one change: the column as it is meant to be in the end.

People add a column and then give it values, a default and NOT NULL, in statements of their own; frameworks add it with
a default that they drop at once. Taken by itself each of these would be about a column that is not there yet. Together
they say what rows hold that were there before, what rows to come get, and whether NULL is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from migrator.changes.kinds.add_column import Addition
from migrator.changes.kinds.drop_column import Removal
from migrator.changes.kinds.rename_column import Renaming
from migrator.changes.kinds.set_default import Defaulting
from migrator.changes.kinds.set_not_null import Tightening
from migrator.changes.retyping.shadow import Retyping
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.planning.planner import Change
from migrator.sql.actions import Action
from migrator.sql.compose import expression, is_null
from migrator.sql.effects import default_may_be_volatile
from migrator.sql.parser import deparse_expression, parse_expression, pb, unwrap, walk
from migrator.sql.rewrite import columns_in, with_value


@dataclass(frozen=True, slots=True)
class Assignment:
    """An UPDATE of one table that computes values from columns of the row alone.

    Attributes:
        target: the table.
        values: by column, as SQL over the columns of the row as it was.
        condition: its WHERE, as SQL; an empty string: all rows.
        action: the statement.
        at: where it stands.
    """

    target: TableName
    values: Mapping[str, str]
    condition: str
    action: Action
    at: str


def assignment_of(action: Action, schema: Schema, at: str) -> Assignment | None:
    """What an UPDATE assigns, else None: it is another statement, or looks beyond the row."""
    node = action.node
    if (
        action.kind != "update_stmt"
        or action.options
        or node.from_clause
        or node.HasField("returning_clause")
        or not node.relation.inh
    ):
        return None
    if node.HasField("with_clause") or any(isinstance(each, pb.SubLink) for each in walk(node)):
        return None
    targets = [unwrap(each) for each in node.target_list]
    if any(isinstance(unwrap(each.val), pb.MultiAssignRef | pb.SetToDefault) or each.indirection for each in targets):
        return None
    own = node.relation.alias.aliasname or node.relation.relname
    values = {each.name: _of_row(each.val, own) for each in targets}
    condition = _of_row(node.where_clause, own) if node.HasField("where_clause") else ""
    if condition is None or None in values.values():
        return None
    target = schema.resolve(node.relation.schemaname or None, node.relation.relname)
    return Assignment(target, {name: value or "" for name, value in values.items()}, condition, action, at)


@dataclass(slots=True)
class _Column:
    """A column that is added, and what becomes of it.

    Attributes:
        change: that adds it.
        spec: its parameters.
        value: what rows hold that were there before, as SQL over their other columns.
        default: what rows to come get; an empty string: nothing.
    """

    change: Change
    spec: Addition
    value: str
    default: str
    not_null: bool
    is_computed: bool = False


def folded(items: Sequence[Change | Assignment]) -> tuple[list[Change], list[str], list[Assignment]]:
    """Changes with those of one column that is added as one.

    Args:
        items: what a script asks for, in its order.

    Returns:
        The changes; notes about statements that are done with others; and the assignments that are not.

    Raises:
        Refused: a column is computed from one that goes in the same migration.
    """
    columns: dict[tuple[TableName, str], _Column] = {}
    done: set[int] = set()
    notes: list[str] = []
    left: list[Assignment] = []
    fills: dict[int, str] = {}
    for number, item in enumerate(items):
        if isinstance(item, Assignment):
            done.add(number)
            into = [columns.get((item.target, name)) for name in item.values]
            if all(into):
                _assign(item, columns)
                notes.append(_noted(item, "add_column", *item.values))
            elif (tightened := _tightened(item, items[number + 1 :])) is not None:
                fills[number + 1 + tightened] = next(iter(item.values.values()))
                notes.append(_noted(item, "set_not_null", *item.values))
            else:
                left.append(item)
        elif isinstance(item.spec, Addition) and not item.spec.has_sequence and not item.spec.generated:
            spec = item.spec
            columns[spec.target, spec.column] = _Column(
                item, spec, spec.fill or spec.default or "NULL", spec.default, spec.not_null, bool(spec.fill)
            )
        elif isinstance(item.spec, Defaulting | Tightening):
            column = columns.get((item.spec.target, item.spec.column))
            if column is not None and not getattr(item.spec, "constraint", ""):
                done.add(number)
                _then(item.spec, column)
        elif isinstance(item.spec, Renaming):
            column = columns.pop((item.spec.target, item.spec.column), None)
            if column is not None:
                done.add(number)
                column.spec = structs.replace(column.spec, column=item.spec.new_name)
                columns[item.spec.target, item.spec.new_name] = column
    _refuse_leaving(columns.values(), items)
    retyped = _retyped(items, done)
    changes = [
        _with_fill(item, fills[number]) if number in fills else item
        for number, item in enumerate(items)
        if number not in done and not isinstance(item, Assignment)
    ]
    for column in columns.values():
        changes[changes.index(column.change)] = Change(column.change.kind, _final(column), column.change.at)
    for before, after, behind in retyped:
        changes = [each for each in changes if each not in behind]
        place = changes.index(before)
        changes[place : place + 1] = [after, *behind]
    return changes, notes, left


def _retyped(items: Sequence[Change | Assignment], done: set[int]) -> list[tuple[Change, Change, list[Change]]]:
    """Changes of type with what else is said of their columns: each, what it becomes, and what stands behind it.

    The server changes a default with the type, so people drop it before and set it behind; what holds in the end is the
    last one. Whether NULL is refused is about the values of the new type.
    """
    found = []
    for change in items:
        if not isinstance(change, Change) or not isinstance(change.spec, Retyping):
            continue
        spec = change.spec
        own = [
            (number, each)
            for number, each in enumerate(items)
            if number not in done
            and isinstance(each, Change)
            and isinstance(each.spec, Defaulting | Tightening)
            and (each.spec.target, each.spec.column) == (spec.target, spec.column)
        ]
        defaults = [(number, each) for number, each in own if isinstance(each.spec, Defaulting)]
        behind = [each for _, each in own if isinstance(each.spec, Tightening)]
        done.update(number for number, _ in defaults[:-1])
        for number, each in defaults[-1:]:
            if isinstance(each.spec, Defaulting) and each.spec.default and not spec.in_place and not spec.default:
                done.add(number)
                spec = structs.replace(spec, default=each.spec.default)
            else:
                behind.insert(0, each)
        found.append((change, Change(change.kind, spec, change.at), behind))
    return found


def _of_row(wrapped: Any, own: str) -> str | None:
    """An expression with its columns unqualified; None: it names something besides the columns of the row."""
    copied = pb.Node()
    copied.CopyFrom(wrapped)
    for node in walk(copied):
        if isinstance(node, pb.ColumnRef):
            names = [unwrap(each) for each in node.fields]
            if not all(isinstance(each, pb.String) for each in names) or len(names) > 2:
                return None
            if len(names) == 2:
                if names[0].sval != own:
                    return None
                del node.fields[0]
    return deparse_expression(copied)


def _assign(item: Assignment, columns: Mapping[tuple[TableName, str], _Column]) -> None:
    """Compose an UPDATE with what rows hold before it."""
    before = {name: column.value for (table, name), column in columns.items() if table == item.target}
    condition = _put(item.condition, before) if item.condition else ""
    for name, value in item.values.items():
        column = columns[item.target, name]
        put = _put(value, before)
        if isinstance(unwrap(parse_expression(put)), pb.A_Const) and not is_null(put):
            put = f"CAST({put} AS {column.spec.type})" if condition else put
        column.value = f"CASE WHEN {condition} THEN {put} ELSE {column.value} END" if condition else put
        column.is_computed = True


def _put(text: str, values: Mapping[str, str]) -> str:
    """An expression with expressions in the place of columns, all at once."""
    for name, value in values.items():
        if name in columns_in(text):
            text = str(with_value(text, name, f"({value})"))
    return text


def _then(spec: Defaulting | Tightening, column: _Column) -> None:
    if isinstance(spec, Defaulting):
        column.default = spec.default
        return
    column.not_null = True
    if spec.fill:
        column.value = f"COALESCE({column.value}, {spec.fill})" if not is_null(column.value) else spec.fill
        column.is_computed = True


def _final(column: _Column) -> Addition:
    """The column as it is meant to be in the end."""
    spec, value = column.spec, column.value
    if not column.is_computed:
        return structs.replace(
            spec,
            not_null=column.not_null,
            next_default=column.default if column.default != spec.default and column.default else "",
            drops_default=bool(spec.default) and not column.default,
        )
    if is_null(value):
        return structs.replace(spec, not_null=column.not_null, default="", fill="", next_default=column.default)
    is_same_for_all = not columns_in(value) and not default_may_be_volatile(parse_expression(value))
    if is_same_for_all and not spec.fill:
        return structs.replace(
            spec,
            not_null=column.not_null,
            default=value,
            next_default=column.default if column.default and not _alike(column.default, value) else "",
            drops_default=not column.default,
        )
    return structs.replace(
        spec, not_null=column.not_null, default="", fill=str(expression(value)), next_default=column.default
    )


def _alike(one: str, other: str) -> bool:
    return expression(one) == expression(other)


def _tightened(item: Assignment, later: Iterable[Change | Assignment]) -> int | None:
    """The place of the SET NOT NULL that an UPDATE prepares: it writes the column where it is NULL."""
    if len(item.values) != 1:
        return None
    ((name, value),) = item.values.items()
    if not item.condition or expression(item.condition) != expression(_null_test(name)) or name in columns_in(value):
        return None
    for place, each in enumerate(later):
        if isinstance(each, Change) and isinstance(each.spec, Tightening):
            spec = each.spec
            if (spec.target, spec.column, spec.fill) == (item.target, name, ""):
                return place
    return None


def _null_test(name: str) -> str:
    node = pb.Node()
    node.null_test.nulltesttype = pb.IS_NULL
    node.null_test.arg.column_ref.fields.add().string.sval = name
    return deparse_expression(node)


def _with_fill(item: Change, fill: str) -> Change:
    return Change(item.kind, structs.replace(item.spec, fill=str(expression(fill))), item.at)


def _noted(item: Assignment, kind: str, *columns: str) -> str:
    return f"{item.at}: {' '.join(item.action.text.split())} is done by {kind} of {', '.join(columns)}"


def _refuse_leaving(columns: Iterable[_Column], items: Iterable[Change | Assignment]) -> None:
    """Refuse what old code goes on writing where nobody looks any more.

    Raises:
        Refused: a column is filled from one that is dropped.
    """
    gone = {
        (item.spec.target, item.spec.column)
        for item in items
        if isinstance(item, Change) and isinstance(item.spec, Removal)
    }
    for column in columns:
        spec = column.spec
        for name in sorted(columns_in(column.value)) if column.is_computed else ():
            if (spec.target, name) in gone:
                raise Refused(
                    f'column "{spec.column}" is computed from "{name}", which goes in the same migration: what old '
                    "code writes there later would be lost",
                    at=column.change.at or None,
                    hint=f"ALTER TABLE … ADD COLUMN {spec.column} …, DROP COLUMN {name} as one statement, with "
                    "-- migrator: up = EXPRESSION and -- migrator: down = EXPRESSION above it, keeps both in step",
                )
