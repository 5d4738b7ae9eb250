"""Partitions: what attaching and detaching share, and the condition that a bound puts on every row."""

from __future__ import annotations

from typing import Any

from migrator.changes.kind import Context, OnTable
from migrator.errors import Refused
from migrator.model.schema import Partition, Relation, TableName
from migrator.sql.compose import Sql, ident, qualified, type_name
from migrator.sql.parser import deparse, deparse_expression, parse_script, pb, unwrap
from migrator.sql.rewrite import statement_sql

HAS_PARTITIONED_IDENTITY = 17
"""From this version of PostgreSQL on, partitions have the identity columns of their table."""

_ATTACH = "ALTER TABLE t ATTACH PARTITION c "


class OnPartition(OnTable, frozen=True):
    """Parameters of a change of a partition.

    Attributes:
        partition: its name.
        partition_schema: the schema it is in; an empty string: that of the table.
    """

    partition: str
    partition_schema: str = ""

    @property
    def part(self) -> TableName:
        """The partition."""
        return TableName(self.partition_schema or self.schema, self.partition)

    @property
    def part_sql(self) -> Sql:
        """The partition as written in SQL."""
        return qualified(self.part.schema, self.partition)


def require_parent(change: OnTable, context: Context) -> Relation:
    """The partitioned table a change is about.

    Raises:
        Refused: it is not known, not there, or not partitioned.
    """
    if change.target in context.created:
        raise Refused(
            f'"{change.target}" is created by this migration', hint="create its partitions with PARTITION OF there"
        )
    if not context.schema.is_known:
        raise Refused(
            f'how "{change.target}" is partitioned is not known without a database',
            hint="export DATABASE_URL=postgresql://…, and run it again",
        )
    relation = context.schema.relation(change.target)
    if relation is None:
        raise Refused(f'table "{change.target}" does not exist')
    if not relation.partition_key:
        raise Refused(f'"{change.target}" is a {relation.kind}, not a partitioned table')
    return relation


def default_partition(parent: Relation) -> Partition | None:
    """The partition for rows that no other one takes, if there is one."""
    return next((each for each in parent.partitions if each.bound == "DEFAULT"), None)


def bound_of(command: Any) -> str:
    """What follows the name in ATTACH PARTITION, in canonical form."""
    node = parse_script(f"{_ATTACH}DEFAULT").statements[0].node
    alone = pb.AlterTableStmt()
    alone.CopyFrom(node)
    unwrap(getattr(unwrap(alone.cmds[0]), "def")).bound.CopyFrom(unwrap(getattr(command, "def")).bound)
    return str(deparse("alter_table_stmt", alone)).removeprefix(_ATTACH)


def require_bound(text: str) -> Sql:
    """A bound given as text, in canonical form.

    Raises:
        Refused: it is not one bound and nothing else.
    """
    statements = parse_script(_ATTACH + text, "bound").statements
    commands = statements[0].node.cmds if [each.kind for each in statements] == ["alter_table_stmt"] else []
    if len(commands) != 1 or unwrap(commands[0]).subtype != pb.AT_AttachPartition:
        raise Refused(f"not the bound of a partition: {text}")
    return Sql(bound_of(unwrap(commands[0])))


def condition_of(bound: str, parent: Relation) -> Sql:
    """What a bound asks of every row, in the form the server proves its own condition from.

    Raises:
        Refused: by hash, over several columns, or DEFAULT: the server would look at every row under its lock.
    """
    node = unwrap(getattr(unwrap(parse_script(_ATTACH + bound).statements[0].node.cmds[0]), "def")).bound
    key = _key(parent)
    if node.is_default or node.strategy == "h" or key is None:
        raise Refused(
            f'no CHECK says beforehand what "{parent.name}" ({parent.partition_key}) asks of a partition {bound}: '
            "attaching it would look at every row while others wait",
            hint="create an empty partition with CREATE TABLE … PARTITION OF, and move the rows into it in batches",
        )
    name, column_type = key
    if node.strategy == "l":
        values = [_value(each, column_type) for each in node.listdatums]
        listed = ", ".join(value for value in values if value != "NULL")
        among = f"{name} = ANY (ARRAY[{listed}])"
        if "NULL" not in values:
            return Sql(f"{name} IS NOT NULL AND {among}")
        return Sql(f"{name} IS NULL OR {among}" if listed else f"{name} IS NULL")
    parts = [f"{name} IS NOT NULL"]
    for operator, (datum,) in ((">=", node.lowerdatums), ("<", node.upperdatums)):
        if not _is_open(datum):
            parts.append(f"{name} {operator} {_value(datum, column_type)}")
    return Sql(" AND ".join(parts))


def index_like(definition: str, table: TableName, name: str) -> Sql:
    """``CREATE INDEX CONCURRENTLY`` of an index of a partitioned table, on another table."""
    statement = parse_script(definition).statements[0]
    node = pb.IndexStmt()
    node.CopyFrom(statement.node)
    node.idxname, node.concurrent = name, True
    node.relation.schemaname, node.relation.relname, node.relation.inh = table.schema, table.name, True
    return statement_sql(statement.kind, node)


def _key(parent: Relation) -> tuple[Sql, Sql | None] | None:
    """The one column or expression a table is divided by, and its type if it is a column; None: several."""
    script = parse_script(f"CREATE TABLE t (a integer) PARTITION BY {parent.partition_key}")
    parts = script.statements[0].node.partspec.part_params
    if len(parts) != 1:
        return None
    part = unwrap(parts[0])
    if part.name:
        column = parent.column(part.name)
        return ident(part.name), type_name(column.type_name) if column else None
    return Sql(f"({deparse_expression(part.expr)})"), None


def _value(node: Any, column_type: Sql | None) -> Sql:
    text = Sql(deparse_expression(node))
    if text == "NULL" or column_type is None:
        return text
    return Sql(f"CAST({text} AS {column_type})")


def _is_open(node: Any) -> bool:
    """MINVALUE or MAXVALUE."""
    inner = unwrap(node)
    return isinstance(inner, pb.ColumnRef) and unwrap(inner.fields[-1]).sval.lower() in ("minvalue", "maxvalue")
