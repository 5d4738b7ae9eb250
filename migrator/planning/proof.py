"""What earlier statements of a phase file prove about later ones, so that their cost is not overstated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from migrator.model.plan import Effects
from migrator.sql.effects import effects_of, relation_name
from migrator.sql.parser import Statement, pb, unwrap


def effects_in_order(statements: Iterable[Statement]) -> Iterator[Effects]:
    """The effects of each statement, where SET NOT NULL reads no row if a validated CHECK proves that none is NULL.

    PostgreSQL documentation, ALTER TABLE, "SET NOT NULL": the scan is skipped if a valid CHECK constraint is found
    which proves that no NULL can exist.
    """
    checks: dict[tuple[str, str], str] = {}
    proven: set[tuple[str, str]] = set()
    for statement in statements:
        effects = effects_of(statement)
        commands = [unwrap(each) for each in statement.node.cmds] if statement.kind == "alter_table_stmt" else []
        table = relation_name(statement.node.relation) if commands else ""
        if len(commands) == 1 and commands[0].subtype == pb.AT_SetNotNull and (table, commands[0].name) in proven:
            effects = replace(effects, scans_table=False)
        for command in commands:
            _note(command, table, checks, proven)
        yield effects


def _note(command: Any, table: str, checks: dict[tuple[str, str], str], proven: set[tuple[str, str]]) -> None:
    if command.subtype == pb.AT_AddConstraint:
        constraint = unwrap(getattr(command, "def"))
        column = _refuses_null(constraint)
        if column is not None:
            checks[table, constraint.conname] = column
            if not constraint.skip_validation:
                proven.add((table, column))
    elif command.subtype == pb.AT_ValidateConstraint and (table, command.name) in checks:
        proven.add((table, checks[table, command.name]))
    elif command.subtype == pb.AT_DropConstraint:
        proven.discard((table, checks.pop((table, command.name), "")))


def _refuses_null(constraint: Any) -> str | None:
    """The column of ``CHECK (column IS NOT NULL)``; None for any other constraint."""
    test = unwrap(constraint.raw_expr) if constraint.contype == pb.CONSTR_CHECK else None
    if not isinstance(test, pb.NullTest) or test.nulltesttype != pb.IS_NOT_NULL:
        return None
    column = unwrap(test.arg)
    if not isinstance(column, pb.ColumnRef) or len(column.fields) != 1:
        return None
    name = unwrap(column.fields[0])
    return str(name.sval) if isinstance(name, pb.String) else None
