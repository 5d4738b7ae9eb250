"""Indexes of partitioned tables, which the server neither builds nor drops CONCURRENTLY.

What is built is the index of the partitioned table alone, which takes a moment; then one on each partition, while reads
and writes go on; each is attached, which takes a moment too. With the last one the index of the table becomes valid
(PostgreSQL documentation, CREATE INDEX, "Notes"). What was done is seen in the catalog, so a run that was cut off goes
on there; partitions that come meanwhile get theirs with them, by the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from migrator.changes.index import default_index_name
from migrator.changes.partition import index_like
from migrator.errors import Refused, StatementFailed
from migrator.model.schema import TableName
from migrator.postgres.catalog import index_is_valid
from migrator.postgres.queries import load
from migrator.postgres.session import UNDEFINED_TABLE, ServerError, Session
from migrator.sql.compose import Sql, bounded_name, ident, qualified
from migrator.sql.parser import Statement, pb
from migrator.sql.rewrite import statement_sql
from migrator.sql.subjects import built_index, dropped_index

_SQL = load("migrator.postgres.queries", "partitioned_index.sql")
_ROUNDS = 10
"""How often partitions are looked for anew, each time after those that were found have theirs."""


@dataclass(frozen=True, slots=True)
class Means:
    """How the statements of a step are run.

    Attributes:
        session: to look at the catalog with.
        briefly: runs some in a transaction of their own with the limits of short locks, as often as it must.
        at_length: runs one that makes nobody wait, outside a transaction.
        tell: says how far it is.
    """

    session: Session
    briefly: Callable[[Sequence[str]], object]
    at_length: Callable[[str], object]
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """A partition, at any level.

    Attributes:
        kind: as in ``pg_class.relkind``: ``r``, ``p`` where it is partitioned itself, ``f`` a foreign table.
        index: the one of it that belongs to the index in question.
    """

    table: TableName
    parent: TableName
    kind: str
    index: TableName | None


def is_partitioned(session: Session, statement: Statement) -> bool:
    """Whether a statement builds an index of a partitioned table CONCURRENTLY, or drops one so."""
    if built_index(statement) is not None:
        target = statement.node.relation
        return bool(session.query(_SQL["partitioned_table"], _key(_table_of(target))))
    index = dropped_index(statement)
    return index is not None and bool(session.query(_SQL["partitioned_index"], _key(TableName(*index))))


def build(means: Means, node: Any) -> None:
    """Build what a ``CREATE INDEX CONCURRENTLY`` of a partitioned table says.

    The server has none ``ON ONLY`` such a table: it is one on each partition by itself, for somebody to make use of.

    Raises:
        Refused: a partition is a foreign table, which has no indexes.
        StatementFailed: partitions came and went all the time.
        ServerError: the server refuses it; parts that are done stay for the next run.
    """
    session, table = means.session, _table_of(node.relation)
    index = TableName(table.schema, node.idxname)
    foreign = [part.table for part in parts_of(session, table, index) if part.kind == "f"]
    if foreign:
        raise Refused(
            f'index "{index}" would never be valid: partition {foreign[0]} is a foreign table, which has no indexes',
            hint="create indexes on the other partitions, one by one",
        )
    if not node.relation.inh:
        _build_apart(means, node, index)
        return
    if index_is_valid(session, index.schema, index.name) is None:
        means.briefly([_alone(node, table, index.name)])
    for _ in range(_ROUNDS):
        parts = parts_of(session, table, index)
        if all(part.index for part in parts):
            break
        _build_missing(means, node, index, parts)
    if not index_is_valid(session, index.schema, index.name):
        raise StatementFailed(
            f'index "{index}" is not valid yet: partitions came and went while it was built',
            hint="run the same command again: it goes on here",
        )


def drop(means: Means, index: TableName) -> None:
    """Drop an index of a partitioned table with all its parts, those that were built and not attached yet first."""
    row = means.session.one(_SQL["partitioned_index"], _key(index))
    for part in parts_of(means.session, TableName(*row), index):
        name = part_name(index, part.table)
        if part.index is None and index_is_valid(means.session, name.schema, name.name) is not None:
            if part.kind == "p":
                means.briefly([f"DROP INDEX {_sql(name)}"])
            else:
                means.at_length(f"DROP INDEX CONCURRENTLY {_sql(name)}")
    means.briefly([f"DROP INDEX {_sql(index)}"])


def part_name(index: TableName, table: TableName) -> TableName:
    """What the part on one partition is called until it is attached."""
    return TableName(table.schema, bounded_name(table.name, index.name, over=(str(index), str(table))))


def _build_apart(means: Means, node: Any, index: TableName) -> None:
    """Build an index on each partition that has rows of its own, part of nothing."""
    leaves = [part for part in parts_of(means.session, _table_of(node.relation), index) if part.kind == "r"]
    for number, part in enumerate(leaves, start=1):
        try:
            _built(means, node, index, part)
        except ServerError as error:
            if error.sqlstate != UNDEFINED_TABLE:
                raise
        means.tell(f"{number} of {len(leaves)} partitions")


def _build_missing(means: Means, node: Any, index: TableName, parts: list[Part]) -> None:
    """Build and attach what partitions lack; a partition that is gone when it is its turn ends that."""
    own = {_table_of(node.relation): index} | {part.table: part.index for part in parts if part.index}
    for part in parts:
        if part.index is not None or part.parent not in own:
            continue
        try:
            made = _built(means, node, index, part)
            means.briefly([*_attached(means.session, node, index, own[part.parent], made, part)])
        except ServerError as error:
            if error.sqlstate != UNDEFINED_TABLE:
                raise
            return
        own[part.table] = made
        means.tell(f"{len(own) - 1} of {len(parts)} partitions")


def _built(means: Means, node: Any, index: TableName, part: Part) -> TableName:
    """The index on one partition: there already, or built now."""
    name = part_name(index, part.table)
    valid = index_is_valid(means.session, name.schema, name.name)
    if part.kind == "p":
        if valid is None:
            means.briefly([_alone(node, part.table, name.name)])
        return name
    if valid is False:
        means.at_length(f"DROP INDEX CONCURRENTLY IF EXISTS {_sql(name)}")
    if valid:
        return name
    if not node.relation.inh:
        means.at_length(index_like(statement_sql("index_stmt", node), part.table, name.name))
        return name
    wanted = _like(_definition(means.session, index), name)
    for each in means.session.query(_SQL["free_indexes"], {"table": _sql(part.table)}):
        if _like(each.definition, name) == wanted:
            return TableName(each.schema, each.name)
    means.at_length(index_like(statement_sql("index_stmt", node), part.table, name.name))
    return name


def _attached(
    session: Session, node: Any, index: TableName, parent: TableName, made: TableName, part: Part
) -> Iterator[str]:
    """Statements that attach a part, under the name that the server would have chosen unless that is taken."""
    yield f"ALTER INDEX {_sql(parent)} ATTACH PARTITION {_sql(made)}"
    chosen = TableName(part.table.schema, default_index_name(part.table, node))
    if made == part_name(index, part.table) and session.one(_SQL["free"], {"name": _sql(chosen)}).is_free:
        yield f"ALTER INDEX {_sql(made)} RENAME TO {ident(chosen.name)}"


def _alone(node: Any, table: TableName, name: str) -> Sql:
    """The statement for a partitioned table alone, without what is below it."""
    alone = pb.IndexStmt()
    alone.CopyFrom(node)
    alone.idxname, alone.concurrent = name, False
    alone.relation.schemaname, alone.relation.relname, alone.relation.inh = table.schema, table.name, False
    return statement_sql("index_stmt", alone)


def parts_of(session: Session, table: TableName, index: TableName) -> list[Part]:
    """Partitions of a table at every level, those above first, with what they have of one of its indexes."""
    return [
        Part(
            TableName(row.schema, row.name),
            TableName(row.parent_schema, row.parent),
            row.kind,
            TableName(row.index_schema, row.index) if row.index else None,
        )
        for row in session.query(_SQL["parts"], {"table": _sql(table), "index": _sql(index)})
    ]


def _definition(session: Session, index: TableName) -> str:
    definition: str = session.one(_SQL["definition"], {"index": _sql(index)}).definition
    return definition


def _like(definition: str, name: TableName) -> str:
    """A definition with the names of table and index taken out."""
    return index_like(definition, name, name.name)


def _table_of(node: Any) -> TableName:
    return TableName(node.schemaname or "public", node.relname)


def _key(name: TableName) -> dict[str, str]:
    return {"schema": name.schema, "name": name.name}


def _sql(name: TableName) -> Sql:
    return qualified(name.schema, name.name)
