"""Indexes named by statements that do not name their table: what the kinds about existing indexes share."""

from __future__ import annotations

from typing import Any

from migrator.changes.kind import Context, OnTable, require_table
from migrator.errors import Refused
from migrator.model.schema import Index, Schema, TableName
from migrator.sql.compose import MAX_NAME_BYTES, bounded_name
from migrator.sql.parser import pb, unwrap


class OnIndex(OnTable, frozen=True):
    """Parameters of a change of an index.

    Attributes:
        index: its name; it is in the schema of its table.
    """

    index: str


def table_of(schema: Schema, place: str | None, index: str) -> TableName:
    """The table of an index named in a statement.

    Raises:
        Refused: there is no such index, or no database was asked.
    """
    table = schema.table_of_index(place, index)
    if table is None and schema.is_known:
        raise Refused(f'index "{index}" does not exist')
    if table is None:
        raise Refused(
            f'the table of index "{index}" is not known without a database',
            hint="export DATABASE_URL=postgresql://…, and run it again",
        )
    return table


def require_index(change: OnIndex, context: Context, *, or_partitioned: bool = False) -> Index | None:
    """The index; None when no database was asked.

    Args:
        or_partitioned: whether the index of a partitioned table will do.

    Raises:
        Refused: its table has none of that name, or a constraint stands on it.
    """
    relation = require_table(change, context, or_view=True, or_partitioned=or_partitioned)
    if relation is None:
        return None
    index = next((each for each in relation.indexes if each.name == change.index), None)
    if index is None:
        raise Refused(f'index "{change.index}" of table "{change.target}" does not exist')
    if index.constraint is not None:
        raise Refused(
            f'index "{change.index}" belongs to constraint "{index.constraint}" of table "{change.target}"',
            hint=f"write the change of the constraint: ALTER TABLE {change.sql} … CONSTRAINT {index.constraint}",
        )
    return index


def is_dropped_beside(context: Context, schema: str, index: str) -> bool:
    """Whether the same migration drops the index of that name."""
    return _is_beside(context, "drop_index", schema, index)


def is_made_beside(context: Context, schema: str, index: str) -> bool:
    """Whether the same migration creates one of that name."""
    return _is_beside(context, "create_index", schema, index)


def _is_beside(context: Context, kind: str, schema: str, index: str) -> bool:
    return any(
        each == kind and (getattr(spec, "schema", ""), getattr(spec, "index", "")) == (schema, index)
        for each, spec in context.beside
    )


def default_index_name(table: TableName, node: Any) -> str:
    """``table_column_idx``, as PostgreSQL chooses it for an ``IndexStmt``, or with a hash where that is too long.

    Source: ``ChooseIndexColumnNames`` of ``src/backend/commands/indexcmds.c``; of expressions, calls are looked into.
    """
    keys: list[str] = []
    for part in map(unwrap, (*node.index_params, *node.index_including_params)):
        value = unwrap(part.expr) if part.HasField("expr") else None
        called = unwrap(value.funcname[-1]).sval if isinstance(value, pb.FuncCall) else ""
        first = key = part.name or called or "expr"
        number = 0
        while key in keys:
            number += 1
            key = f"{first}{number}"
        keys.append(key)
    name = "_".join([table.name, *keys, "idx"])
    return name if len(name.encode()) <= MAX_NAME_BYTES else bounded_name(name, over=(table.schema, name))
