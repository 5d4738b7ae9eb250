"""Columns that the policies, triggers, publications and functions of a change name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from migrator.changes.kind import Spec
from migrator.changes.kinds.alter_policy import PolicyAlteration
from migrator.changes.kinds.alter_publication import PublicationAlteration
from migrator.changes.kinds.create_policy import PolicyCreation
from migrator.changes.kinds.create_publication import PublicationCreation
from migrator.changes.kinds.create_statistics import StatisticsCreation, columns_of_statistics
from migrator.changes.kinds.create_trigger import TriggerCreation
from migrator.changes.kinds.raw_sql import RawSql
from migrator.changes.replication import published_in
from migrator.changes.routine import DefinedRoutine, routine_statement
from migrator.changes.trigger import trigger_statement
from migrator.model.schema import TableName
from migrator.sql.mentions import mentions
from migrator.sql.parser import parse_script, pb, unwrap, walk
from migrator.sql.rewrite import columns_in

_QUERIES = {
    pb.SelectStmt: "select_stmt",
    pb.InsertStmt: "insert_stmt",
    pb.UpdateStmt: "update_stmt",
    pb.DeleteStmt: "delete_stmt",
}


@dataclass(frozen=True, slots=True)
class Use:
    """An object that names a column.

    Attributes:
        what: ``policy "own_rows"``.
        table: its schema is empty where the text has none.
        follows: whether it goes on with the column when that takes another name.
    """

    what: str
    table: TableName
    column: str
    follows: bool = True


def column_uses(spec: Spec) -> Iterator[Use]:
    """What a change makes that the server keeps by the number of a column."""
    if isinstance(spec, (PolicyCreation, PolicyAlteration)):
        for text in filter(None, (spec.using, spec.check)):
            for column in sorted(columns_in(text)):
                yield Use(f'policy "{spec.policy}"', spec.target, column)
    elif isinstance(spec, TriggerCreation):
        node = trigger_statement(spec.definition)
        named = {unwrap(each).sval for each in node.columns}
        if node.HasField("when_clause"):
            named |= {unwrap(each.fields[-1]).sval for each in walk(node.when_clause) if isinstance(each, pb.ColumnRef)}
        for column in sorted(named):
            yield Use(f'trigger "{spec.trigger}"', spec.target, column)
    elif isinstance(spec, StatisticsCreation):
        yield from _of_statistics(parse_script(spec.definition).statements[0].node)
    elif isinstance(spec, RawSql):
        yield from _of_statistics(parse_script(spec.statement).statements[0].node)
    elif isinstance(spec, (PublicationCreation, PublicationAlteration)):
        for table in published_in(spec.tables if isinstance(spec, PublicationCreation) else spec.add):
            # Subscribers know a column by its name.
            for column in sorted({*table.columns, *table.condition_columns}):
                yield Use(f'publication "{spec.publication}"', table.name, column, follows=False)
    elif isinstance(spec, DefinedRoutine):
        node = routine_statement(spec.definition)
        for inner in walk(node.sql_body) if node.HasField("sql_body") else ():
            for mention in mentions(_QUERIES[type(inner)], inner) if type(inner) in _QUERIES else ():
                for column in sorted(mention.reads | mention.possible | mention.writes):
                    yield Use(f'function "{spec.target}"', TableName(mention.schema or "", mention.relation), column)


def _of_statistics(node: Any) -> Iterator[Use]:
    """CREATE STATISTICS, of which an author may have said the phase."""
    if not isinstance(node, pb.CreateStatsStmt):
        return
    (relation,) = map(unwrap, node.relations)
    for column in columns_of_statistics(node):
        name = ".".join(unwrap(part).sval for part in node.defnames)
        yield Use(f'statistics "{name}"', TableName(relation.schemaname, relation.relname), column)
