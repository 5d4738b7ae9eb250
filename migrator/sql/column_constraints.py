"""``ADD COLUMN x … CHECK … PRIMARY KEY … REFERENCES …`` as the column and statements behind it, as the server takes it.

The server makes constraints of the table of them (``transformColumnDefinition``, parse_utilcmd.c), with the names that
``ADD CHECK``, ``ADD UNIQUE``, ``ADD PRIMARY KEY`` and ``ADD FOREIGN KEY`` behind it would give. A column of a primary
key is NOT NULL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from migrator.sql.actions import Action
from migrator.sql.compose import MAX_NAME_BYTES, bounded_name
from migrator.sql.parser import deparse, pb, unwrap, walk

_KEYS = frozenset({pb.CONSTR_UNIQUE, pb.CONSTR_PRIMARY})
_APART = frozenset({pb.CONSTR_CHECK, *_KEYS, pb.CONSTR_FOREIGN})
_IMMEDIATE = {"deferrable": False, "initdeferred": False}
_ATTRIBUTES: dict[int, dict[str, bool]] = {
    pb.CONSTR_ATTR_DEFERRABLE: {"deferrable": True},
    pb.CONSTR_ATTR_NOT_DEFERRABLE: _IMMEDIATE,
    # Alone it means DEFERRABLE too (transformConstraintAttrs, parse_utilcmd.c).
    pb.CONSTR_ATTR_DEFERRED: {"deferrable": True, "initdeferred": True},
    pb.CONSTR_ATTR_IMMEDIATE: {"initdeferred": False},
    pb.CONSTR_ATTR_ENFORCED: {"is_enforced": True},
    pb.CONSTR_ATTR_NOT_ENFORCED: {"is_enforced": False},
}


def apart(action: Action) -> Iterator[Action]:
    """The column without its conditions, keys and references, then each of these by itself; any other action as it is.

    Directives are about the column.
    """
    if action.command is None or action.command.subtype != pb.AT_AddColumn:
        yield action
        return
    written = unwrap(getattr(action.command, "def"))
    constraints = [unwrap(each) for each in written.constraints]
    if not any(each.contype in _APART for each in constraints):
        yield action
        return
    column = pb.ColumnDef()
    column.CopyFrom(written)
    del column.constraints[:]
    taken: list[Any] = []
    is_taken = False
    for wrapped, constraint in zip(written.constraints, constraints, strict=True):
        if constraint.contype in _ATTRIBUTES and is_taken:
            for name, value in _ATTRIBUTES[constraint.contype].items():
                setattr(taken[-1], name, value)
            continue
        is_taken = constraint.contype in _APART
        if is_taken:
            taken.append(_of_table(constraint, written.colname))
        else:
            column.constraints.add().CopyFrom(wrapped)
    if any(each.contype == pb.CONSTR_PRIMARY for each in taken) and not _is_not_null(constraints):
        column.constraints.add().constraint.contype = pb.CONSTR_NOTNULL
    _number_checks(taken, action.node.relation.relname)
    yield _altering(action, pb.AT_AddColumn, column_def=column)
    for constraint in taken:
        yield replace(_altering(action, pb.AT_AddConstraint, constraint=constraint), options={})


def _of_table(written: Any, column: str) -> Any:
    """A constraint of a column as one of its table."""
    constraint = pb.Constraint()
    constraint.CopyFrom(written)
    if constraint.contype in _KEYS:
        constraint.keys.add().string.sval = column
    elif constraint.contype == pb.CONSTR_FOREIGN:
        constraint.fk_attrs.add().string.sval = column
    return constraint


def _is_not_null(constraints: list[Any]) -> bool:
    return any(each.contype in (pb.CONSTR_NOTNULL, pb.CONSTR_IDENTITY) for each in constraints)


def _number_checks(constraints: list[Any], table: str) -> None:
    """Give names to CHECKs that would be called like one before them, as the server does (``ChooseConstraintName``)."""
    seen: dict[str, int] = {}
    for each in constraints:
        if each.contype != pb.CONSTR_CHECK or each.conname:
            continue
        last = (unwrap(node.fields[-1]) for node in walk(each.raw_expr) if isinstance(node, pb.ColumnRef))
        columns = {field.sval for field in last if isinstance(field, pb.String)}
        name = "_".join([table, *(columns if len(columns) == 1 else ()), "check"])
        number = seen.get(name, 0)
        seen[name] = number + 1
        if number:
            numbered = f"{name}{number}"
            is_short = len(numbered.encode()) <= MAX_NAME_BYTES
            each.conname = numbered if is_short else bounded_name(numbered, over=(table, numbered))


def _altering(action: Action, subtype: int, **definition: Any) -> Action:
    """The same ALTER TABLE with another subcommand."""
    node = pb.AlterTableStmt()
    node.CopyFrom(action.node)
    command = unwrap(node.cmds[0])
    command.subtype = subtype
    for field, value in definition.items():
        getattr(getattr(command, "def"), field).CopyFrom(value)
    command.missing_ok = subtype == pb.AT_AddColumn and action.command.missing_ok
    return replace(action, node=node, command=command, text=deparse(action.kind, node))
