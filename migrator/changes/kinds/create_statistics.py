"""Create extended statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from migrator.changes.kind import Context, Expression, OnTable, require_column, require_table
from migrator.changes.statement import OneStatement
from migrator.changes.statistics import placed
from migrator.changes.trial import copy_of, is_on_its_own, on_copy
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import parse_script, pb, unwrap, walk
from migrator.sql.rewrite import slug, statement_sql

_OF = ("table", "partitioned table", "partition", "materialized view")


class StatisticsCreation(OnTable, frozen=True):
    """Parameters of ``create_statistics``.

    Attributes:
        statistics: their name.
        statistics_schema: where they are; an empty string: in the schema of the table.
        definition: ``CREATE STATISTICS …`` with table and name qualified.
    """

    statistics: str
    definition: str
    statistics_schema: str = ""

    @property
    def place(self) -> str:
        """The schema they are in."""
        return self.statistics_schema or self.schema


class CreateStatistics(OneStatement[StatisticsCreation]):
    """Create extended statistics.

    What happens
        Expand creates them: no row and no answer changes, reads and writes go on, only vacuum, ANALYZE and other schema
        changes wait for a moment. Rollback drops them. There is nothing to contract.

    What is refused
        A name that is taken, columns that are not there, statistics without a name, and what the server refuses on an
        empty copy of the table.

    Limits
        The planner goes by them from the next ANALYZE of the table on, which autovacuum runs in its own time.

    Example:
        CREATE STATISTICS orders_by_place (dependencies, mcv) ON city, zip FROM orders
    """

    name = "create_statistics"
    spec = StatisticsCreation
    verb = "statistics"
    why = "no answer changes; filled by the next ANALYZE"
    may_follow = frozenset({"add_column"})
    leaves_columns = True

    def recognise(self, action: Action, schema: Schema) -> StatisticsCreation | None:
        """``CREATE STATISTICS … ON … FROM …``."""
        if action.kind != "create_stats_stmt":
            return None
        node = pb.CreateStatsStmt()
        node.CopyFrom(action.node)
        if not node.defnames:
            raise Refused("statistics without a name cannot be dropped in rollback", hint="give them one")
        if len(node.relations) != 1 or not isinstance(unwrap(node.relations[0]), pb.RangeVar):
            raise Refused("statistics are on one table")
        relation = unwrap(node.relations[0])
        target = schema.resolve(relation.schemaname or None, relation.relname)
        relation.schemaname = target.schema
        place, name = placed(schema, [unwrap(part).sval for part in node.defnames])
        _name(node, place, name)
        node.if_not_exists = False
        return StatisticsCreation(
            schema=target.schema,
            table=target.name,
            statistics=name,
            definition=str(statement_sql("create_stats_stmt", node)),
            statistics_schema="" if place == target.schema else place,
        )

    def touched(self, change: StatisticsCreation) -> dict[TableName, tuple[str, ...]]:
        """The table, with the columns they are about."""
        return {change.target: columns_of_statistics(_node(change))}

    def validate(self, change: StatisticsCreation, context: Context) -> Iterator[str]:
        """The columns are there, and the name is free."""
        node = _node(change)
        named = [unwrap(part).sval for part in node.defnames]
        relation = unwrap(node.relations[0])
        if named != [change.place, change.statistics] or (relation.schemaname, relation.relname) != (
            change.schema,
            change.table,
        ):
            raise Refused(f'the definition does not create statistics "{change.statistics}" on "{change.target}"')
        if (change.place, change.statistics) in context.schema.objects.statistics:
            raise Refused(f'statistics "{change.place}.{change.statistics}" exist already')
        found = require_table(change, context, or_view=True, or_partitioned=True, or_partition=True)
        added = {made[-1] for made in context.made if made[:3] == ("COLUMN", change.schema, change.table)}
        for column in columns_of_statistics(node):
            if column not in added:
                require_column(found, change, column)
        yield from ()

    def expressions(self, change: StatisticsCreation, context: Context) -> Iterator[Expression]:
        """Whether the server makes them, on an empty copy of the table."""
        relation = context.schema.relation(change.target)
        if relation is None or not is_on_its_own(context):
            return
        node = _node(change)
        there = copy_of(change.target)
        unwrap(node.relations[0]).schemaname = there.schema
        _name(node, there.schema, change.statistics)
        yield on_copy(f'statistics "{change.statistics}"', change.target, statement_sql("create_stats_stmt", node))

    def statement(self, change: StatisticsCreation, context: Context) -> Sql:
        """The statistics."""
        del context
        return Sql(change.definition)

    def undo(self, change: StatisticsCreation, context: Context) -> Iterable[Sql]:
        """They go."""
        if change.target not in context.created:
            yield self.template("drop", schema=change.place, statistics=change.statistics)

    def makes(self, change: StatisticsCreation) -> tuple[str, ...]:
        """The statistics."""
        return "STATISTICS", change.place, change.statistics

    def subject(self, change: StatisticsCreation) -> str:
        """Their name."""
        return change.statistics

    def _group(self, change: StatisticsCreation) -> str:
        return f"{slug(change.table)}-{slug(change.statistics)}"


def columns_of_statistics(node: Any) -> tuple[str, ...]:
    """Columns that CREATE STATISTICS names, by themselves or in expressions."""
    elements = [unwrap(each) for each in node.exprs]
    named = {each.name for each in elements if each.name}
    named |= {unwrap(each.fields[-1]).sval for each in walk(node) if isinstance(each, pb.ColumnRef)}
    return tuple(sorted(named))


def _node(change: StatisticsCreation) -> Any:
    statements = parse_script(change.definition, "definition").statements
    if [each.kind for each in statements] != ["create_stats_stmt"]:
        raise Refused("the definition of statistics is one CREATE STATISTICS", detail=change.definition[:300])
    node = pb.CreateStatsStmt()
    node.CopyFrom(statements[0].node)
    return node


def _name(node: Any, place: str, name: str) -> None:
    del node.defnames[:]
    for part in (place, name):
        node.defnames.add().string.sval = part
