"""``alembic check`` and autogenerate while a contract is pending: what contract will see to is no difference.

Between expand and contract the database has both shapes and the models have the new one. Autogenerate would take the
old column for one to drop, and the new one for one to change. So objects that a pending migration adds, changes or
removes are left out of the comparison, on both sides, and so are the tables of the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from alembic.autogenerate import comparators
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import text
from sqlalchemy.engine import Connection

from migrator.sql.actions import Action, actions_of
from migrator.sql.parser import parse_script, pb, unwrap

LEDGER = "migrator"
DROP_ENUM = "DropEnumOp"
"""What alembic-postgresql-enum, which need not be installed, calls its operation."""

_INSTALLED = "SELECT pg_catalog.to_regclass('migrator.phase_file') IS NOT NULL"
_PENDING = """
SELECT f.content
FROM migrator.migration AS m
JOIN migrator.phase_file AS f ON f.project = m.project AND f.migration = m.id
WHERE m.state NOT IN ('contracted', 'complete', 'rolled_back', 'pending') AND f.phase IN ('expand', 'contract')
"""

_USED = """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_type AS t ON a.atttypid IN (t.oid, t.typarray)
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
    WHERE n.nspname = :schema AND t.typname = :type AND NOT a.attisdropped
)
"""


@dataclass(slots=True)
class Pending:
    """What pending migrations add, change or remove; names with their schema.

    Attributes:
        tables: tables and views.
        columns: schema, table, column.
        names: indexes, constraints, functions, triggers and types.
    """

    tables: set[tuple[str, str]] = field(default_factory=set)
    columns: set[tuple[str, str, str]] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def hides(self, item: Any, name: str | None, kind: str, default_schema: str) -> bool:
        """Whether an object of autogenerate is about one of them, or part of the ledger.

        Args:
            item: of SQLAlchemy, or of a plugin such as alembic_utils.
            name: its name.
            kind: ``table``, ``column``, ``index``, ``unique_constraint``, ``foreign_key_constraint`` …
            default_schema: that of names without one.
        """
        table = item if kind == "table" else getattr(item, "table", None)
        schema = getattr(table if table is not None else item, "schema", None) or default_schema
        if schema == LEDGER:
            return True
        if kind == "table":
            return (schema, name) in self.tables
        if kind == "column" and table is not None:
            return (schema, table.name, name) in self.columns
        if name is not None and name in self.names:
            return True
        if table is None:
            signature = str(getattr(item, "signature", "")).partition("(")[0]
            return signature in self.names
        touched = {column.name for column in getattr(item, "columns", ())}
        return any((schema, table.name, column) in self.columns for column in touched)


def pending_in(connection: Connection) -> Pending:
    """What is pending in a database; nothing where there is no ledger."""
    found = Pending()
    if connection.dialect.name != "postgresql" or not connection.exec_driver_sql(_INSTALLED).scalar():
        return found
    for row in connection.exec_driver_sql(_PENDING):
        for action in actions_of(parse_script(row.content)):
            _take(action, found)
    return found


def _take(action: Action, found: Pending) -> None:
    node, kind = action.node, action.kind
    if kind == "alter_table_stmt" and action.command is not None:
        schema, table = node.relation.schemaname or "public", node.relation.relname
        command = action.command
        definition: Any = unwrap(getattr(command, "def")) if command.HasField("def") else None
        if command.subtype == pb.AT_AddColumn:
            found.columns.add((schema, table, definition.colname))
        elif command.subtype == pb.AT_AddConstraint:
            found.names.add(definition.conname)
        elif command.subtype in (pb.AT_DropConstraint, pb.AT_ValidateConstraint):
            found.names.add(command.name)
        elif command.name:
            found.columns.add((schema, table, command.name))
    elif kind == "rename_stmt":
        schema, table = node.relation.schemaname or "public", node.relation.relname
        if node.rename_type == pb.OBJECT_COLUMN:
            found.columns |= {(schema, table, node.subname), (schema, table, node.newname)}
        elif node.rename_type in (pb.OBJECT_TABLE, pb.OBJECT_VIEW):
            found.tables |= {(schema, table), (schema, node.newname)}
        else:
            found.names |= {node.subname or table, node.newname}
    elif kind == "index_stmt":
        found.names.add(node.idxname)
    elif kind == "view_stmt":
        found.tables.add((node.view.schemaname or "public", node.view.relname))
    elif kind == "create_function_stmt":
        found.names.add(unwrap(node.funcname[-1]).sval)
    elif kind == "create_trig_stmt":
        found.names.add(node.trigname)
    elif kind == "drop_stmt":
        _take_dropped(node, found)


def _take_dropped(node: Any, found: Pending) -> None:
    for each in node.objects:
        item = unwrap(each)
        if node.remove_type in (pb.OBJECT_TABLE, pb.OBJECT_VIEW):
            parts = [unwrap(part).sval for part in item.items]
            found.tables.add((parts[-2] if len(parts) > 1 else "public", parts[-1]))
        elif node.remove_type == pb.OBJECT_INDEX:
            found.names.add(unwrap(item.items[-1]).sval)


@comparators.dispatch_for("autogenerate", priority=DispatchPriority.FIRST)
def hide_pending(context: AutogenContext, *_: Any) -> PriorityDispatchResult:
    """Leave what is pending out of a comparison; registered by importing this module."""
    connection = context.connection
    if connection is None:
        return PriorityDispatchResult.CONTINUE
    pending = pending_in(connection)
    default_schema = connection.dialect.default_schema_name or "public"

    def is_compared(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
        del reflected, compare_to
        return not pending.hides(item, name, kind, default_schema)

    def is_reflected(name: str | None, kind: str, parents: Any) -> bool:
        del parents
        return not (kind == "schema" and name == LEDGER)

    # There is no public way to add filters to a comparison that has begun.
    context._object_filters = [*context._object_filters, is_compared]  # noqa: SLF001
    context._name_filters = [*context._name_filters, is_reflected]  # noqa: SLF001
    return PriorityDispatchResult.CONTINUE


@comparators.dispatch_for("autogenerate", priority=DispatchPriority.LAST)
def keep_types_in_use(context: AutogenContext, upgrade: ops.UpgradeOps) -> PriorityDispatchResult:
    """Drop no enumerated type that columns still have, as those do whose drop is pending or comes with this revision.

    alembic-postgresql-enum proposes it as soon as no model has the type.
    """
    connection = context.connection
    if connection is not None and connection.dialect.name == "postgresql":
        upgrade.ops[:] = [
            each for each in upgrade.ops if type(each).__name__ != DROP_ENUM or not _is_used(connection, each)
        ]
    return PriorityDispatchResult.CONTINUE


def _is_used(connection: Connection, operation: Any) -> bool:
    found = {"schema": operation.schema or "public", "type": operation.name}
    return bool(connection.execute(text(_USED), found).scalar())
