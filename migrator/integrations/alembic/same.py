"""Whether an index or a constraint is the same as before, once what it stands on is called by its new name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from alembic.operations import ops

_NO_ACTION = "NO ACTION"


@dataclass(slots=True)
class Names:
    """What renamed tables and columns are called now.

    Attributes:
        tables: new names by schema and old name.
        columns: new names by schema, table (as the database has it) and old name.
    """

    tables: dict[tuple[str, str], str] = field(default_factory=dict)
    columns: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def table(self, schema: str, name: str) -> str:
        """The table's name now."""
        return self.tables.get((schema, name), name)

    def column(self, schema: str, table: str, name: str) -> str:
        """The column's name now."""
        return self.columns.get((schema, table, name), name)


def name_of(operation: Any) -> str | None:
    """The name of an index or a constraint; None: the server chooses it."""
    name = getattr(operation, "index_name", None) or getattr(operation, "constraint_name", None)
    return str(name) if name else None


def is_same(before: Any, now: Any, names: Names, default_schema: str) -> bool:
    """Whether an operation that would create what is gone creates the same as one that creates what has come."""
    if type(before) is not type(now):
        return False
    old = _signature(before, names, default_schema)
    return old is not None and old == _signature(now, Names(), default_schema)


def _signature(operation: Any, names: Names, default_schema: str) -> tuple[object, ...] | None:
    if isinstance(operation, ops.CreateIndexOp):
        schema, table = operation.schema or default_schema, operation.table_name
        columns = tuple(names.column(schema, table, _text(each)) for each in operation.columns)
        condition = operation.kw.get("postgresql_where")
        return schema, names.table(schema, table), columns, bool(operation.unique), str(condition)
    if isinstance(operation, ops.CreateUniqueConstraintOp):
        schema, table = operation.schema or default_schema, operation.table_name
        columns = tuple(names.column(schema, table, _text(each)) for each in operation.columns)
        return schema, names.table(schema, table), columns
    if isinstance(operation, ops.CreateForeignKeyOp):
        schema = operation.kw.get("source_schema") or default_schema
        there = operation.kw.get("referent_schema") or default_schema
        local = tuple(names.column(schema, operation.source_table, each) for each in operation.local_cols)
        remote = tuple(names.column(there, operation.referent_table, each) for each in operation.remote_cols)
        actions = tuple((operation.kw.get(each) or _NO_ACTION).upper() for each in ("ondelete", "onupdate"))
        return (
            schema,
            names.table(schema, operation.source_table),
            local,
            there,
            names.table(there, operation.referent_table),
            remote,
            actions,
        )
    return None


def _text(column: Any) -> str:
    return column if isinstance(column, str) else str(getattr(column, "name", None) or column)
