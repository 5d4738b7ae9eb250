"""Create a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from migrator.changes.kind import Context, Draft, Expression, Kind, OnTable
from migrator.changes.trial import is_on_its_own, tried
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, qualified
from migrator.sql.parser import parse_script, pb, relation_parts, unwrap, walk
from migrator.sql.rewrite import slug, statement_sql

_ATTRIBUTES = frozenset(
    {
        pb.CONSTR_ATTR_DEFERRABLE,
        pb.CONSTR_ATTR_NOT_DEFERRABLE,
        pb.CONSTR_ATTR_DEFERRED,
        pb.CONSTR_ATTR_IMMEDIATE,
    }
)


class Creation(OnTable, frozen=True):
    """Parameters of ``create_table``.

    Attributes:
        definition: ``CREATE TABLE …`` with its own name and those it refers to qualified.
        references: other tables its foreign keys point to, qualified, as SQL.
    """

    definition: str
    references: tuple[str, ...] = ()


_OF_OTHERS = ("partition", "from", "unnest", "extract")
"""Directives of partition_table, split_table, unnest_column and extract_junction."""


class CreateTable(Kind[Creation]):
    """Create a table.

    What happens
        Expand creates it; old code does not see it. There is nothing to contract. With IF NOT EXISTS, a table that is
        there stays as it is: the statement is left out with a note.

    What is refused
        Temporary tables, partitions of existing tables and children of existing tables: each locks another table for
        longer or differently than it seems.

    Limits
        A foreign key locks the table it points to for a moment, and from the first row on it refuses deletes there: old
        code that deletes such rows must expect it. Rolling back drops the rows; it says how many and needs --yes.

    Example:
        CREATE TABLE invoices (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total numeric NOT NULL)
    """

    name = "create_table"
    spec = Creation

    def recognise(self, action: Action, schema: Schema) -> Creation | None:
        """``CREATE TABLE …``."""
        if action.kind != "create_stmt" or not action.options.keys().isdisjoint(_OF_OTHERS):
            return None
        node = pb.CreateStmt()
        node.CopyFrom(action.node)
        name = node.relation.relname
        if node.relation.relpersistence == "t":
            raise Refused(f'table "{name}" would be temporary: it would be gone with the connection that runs the step')
        if node.HasField("partbound"):
            raise Refused(
                f'table "{name}" would be a partition of an existing table, which locks all of it',
                hint="create it on its own and attach it later",
            )
        if node.inh_relations:
            raise Refused(f'table "{name}" would inherit from an existing table')
        node.if_not_exists = False
        target = TableName(node.relation.schemaname or schema.search_path[0], name)
        ident(name)
        node.relation.schemaname = target.schema
        references = set()
        for each in walk(node):
            if isinstance(each, pb.Constraint) and each.contype == pb.CONSTR_FOREIGN:
                each.pktable.schemaname = schema.resolve(each.pktable.schemaname, each.pktable.relname).schema
                references.add(qualified(each.pktable.schemaname, each.pktable.relname))
            elif isinstance(each, pb.TableLikeClause):
                each.relation.schemaname = schema.resolve(each.relation.schemaname, each.relation.relname).schema
        return Creation(
            schema=target.schema,
            table=target.name,
            definition=statement_sql("create_stmt", node),
            references=tuple(sorted(references - {qualified(target.schema, target.name)})),
        )

    def touched(self, change: Creation) -> dict[TableName, tuple[str, ...]]:
        """The name must be free, and what foreign keys point to must be there."""
        return {change.target: (), **dict.fromkeys(_referenced(change), ())}

    def validate(self, change: Creation, context: Context) -> Iterator[str]:
        """The name is free, and what foreign keys point to is there."""
        relation = context.schema.relation(change.target)
        if relation is not None or change.target in context.created:
            kind = relation.kind if relation else "table"
            raise Refused(f'{kind} "{change.target}" exists already', hint=_partitioned_instead(change))
        for name in _referenced(change) if context.schema.is_known else ():
            if name not in context.created and context.schema.relation(name) is None:
                raise Refused(f'table "{name}" does not exist')
        for reference in change.references:
            yield f"a row here refuses the delete of the row of {reference} it points to, for old code too"

    def expressions(self, change: Creation, context: Context) -> Iterator[Expression]:
        """Whether the server makes it: as a temporary table, without foreign keys, which would lock other tables."""
        if not context.schema.is_known or not is_on_its_own(context):
            return
        node = pb.CreateStmt()
        node.CopyFrom(parse_script(change.definition).statements[0].node)
        node.relation.schemaname, node.relation.relpersistence = "", "t"
        columns = [each for each in map(unwrap, node.table_elts) if isinstance(each, pb.ColumnDef)]
        for constraints in (*(each.constraints for each in columns), node.table_elts):
            kept = list(_without_foreign_keys(constraints))
            del constraints[:]
            constraints.extend(kept)
        yield tried(f'table "{change.target}"', statement_sql("create_stmt", node))

    def expand(self, change: Creation, context: Context) -> Iterator[Draft]:
        """The table."""
        del context
        yield Draft(
            f"create-{slug(change.table)}",
            Sql(change.definition),
            "old code does not see it",
            slug(change.table),
        )

    def makes(self, change: Creation) -> tuple[str, ...]:
        """What it creates."""
        return ("TABLE", change.schema, change.table)

    def rollback(self, change: Creation, context: Context) -> Iterator[Draft]:
        """The table goes, with the rows new code wrote."""
        del context
        yield Draft(
            f"drop-{slug(change.table)}",
            self.template("drop_table", table=change.sql),
            "only new code knows it",
            slug(change.table),
            undoes=f"create-{slug(change.table)}",
            loses=self.template("loses", table=change.sql),
        )


def _without_foreign_keys(elements: Iterable[Any]) -> Iterator[Any]:
    """Elements of a table, or constraints of a column, where a node of its own behind a foreign key is DEFERRABLE."""
    is_left_out = False
    for wrapped in elements:
        element = unwrap(wrapped)
        if isinstance(element, pb.Constraint):
            is_left_out = element.contype == pb.CONSTR_FOREIGN or (is_left_out and element.contype in _ATTRIBUTES)
            if is_left_out:
                continue
        kept = pb.Node()
        kept.CopyFrom(wrapped)
        yield kept


def _partitioned_instead(change: Creation) -> str | None:
    if " PARTITION BY " not in change.definition:
        return None
    return (
        "to make what is there its first partition, write before it, as partition_table says:"
        f" -- migrator: partition = {change.table}_old FOR VALUES FROM (MINVALUE) TO (…)"
    )


def _referenced(change: Creation) -> list[TableName]:
    parts = (relation_parts(reference) for reference in change.references)
    return [TableName(schema or change.schema, name) for schema, name in parts]
