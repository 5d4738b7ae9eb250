"""Create an index without blocking writes."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.index import default_index_name, is_dropped_beside
from migrator.changes.kind import Context, Draft, Expression, Kind, OnTable, require_table
from migrator.changes.partitioned import TRIAL, index_locks, tried_on_copy
from migrator.changes.trial import added_before, copy_of, is_among_its_like, on_copy
from migrator.errors import Refused
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, bounded_name, ident, qualified
from migrator.sql.parser import parse_script, pb
from migrator.sql.rewrite import slug, statement_sql


class Indexing(OnTable, frozen=True):
    """Parameters of ``create_index``.

    Attributes:
        index: its name.
        definition: ``CREATE INDEX CONCURRENTLY …`` with the table qualified.
        unique: whether it refuses duplicates.
    """

    index: str
    definition: str
    unique: bool = False


class CreateIndex(Kind[Indexing]):
    """Create an index without blocking writes.

    What happens
        Expand builds it CONCURRENTLY, outside a transaction, with no lock that blocks reads or writes. A build that was
        cut off leaves an invalid index; the next run drops it and builds anew. A unique index also refuses what old
        code may still write, so it is built by contract, unless this migration creates the table. No code writes a
        materialized view: its unique index is built by expand, and REFRESH … CONCURRENTLY works from then on.

        One that takes the name of an index which the same migration drops is built under another name, and gets its own
        at contract, when the old one is gone. ALTER INDEX … RENAME of one that is created before it in the same
        migration only says what that is called.

        The server builds no index of a partitioned table concurrently. There, one is made for that table alone, which
        takes a moment, then one is built concurrently on each partition that has none like it, and attached. Which
        partitions there are is asked when it runs; a run that was cut off goes on with those that are left.

    What is refused
        A partition that is a foreign table. A unique index of a partitioned table without the columns that divide it.

    Limits
        The build waits for transactions that were open when it started. A unique build fails on duplicates: they are
        named, nothing is left behind, and contract goes on when they are gone; partitions that are done stay done.

    Example:
        CREATE INDEX orders_customer_idx ON orders (customer_id)
    """

    name = "create_index"
    spec = Indexing

    def recognise(self, action: Action, schema: Schema) -> Indexing | None:
        """``CREATE [UNIQUE] INDEX [CONCURRENTLY] …``."""
        if action.kind != "index_stmt":
            return None
        node = pb.IndexStmt()
        node.CopyFrom(action.node)
        if not node.relation.inh:
            raise Refused("CREATE INDEX … ON ONLY builds one part of a partitioned index", hint="leave ONLY out")
        target = schema.resolve(node.relation.schemaname, node.relation.relname)
        node.relation.schemaname = target.schema
        node.concurrent = True
        node.if_not_exists = False
        if not node.idxname:
            node.idxname = default_index_name(target, node)
        ident(node.idxname)
        return Indexing(
            schema=target.schema,
            table=target.name,
            index=node.idxname,
            definition=statement_sql("index_stmt", node),
            unique=node.unique,
        )

    def touched(self, change: Indexing) -> dict[TableName, tuple[str, ...]]:
        """Nothing but the table itself."""
        return {change.target: ()}

    def validate(self, change: Indexing, context: Context) -> Iterator[str]:
        """The table is there and the name is free."""
        relation = require_table(change, context, or_view=True, or_partitioned=True, or_partition=True)
        if _replaces(change, context):
            _require_replaceable(change, relation, context)
        elif relation is not None and any(index.name == change.index for index in relation.indexes):
            raise Refused(f'index "{change.index}" of table "{change.target}" exists already')
        if change.unique and _is_on_view(change, context):
            yield f"refreshing {change.table} fails from here on where its query yields duplicates for {change.index}"
        if self._refuses_old_code(change, context):
            yield f"unique index {change.index} is built by contract: until then old code may write duplicates"

    def expressions(self, change: Indexing, context: Context) -> Iterator[Expression]:
        """Whether the server makes the index, on a table that is partitioned in this way too; an empty copy tells."""
        relation = context.schema.relation(change.target)
        if relation is None:
            return
        node = pb.IndexStmt()
        node.CopyFrom(parse_script(change.definition).statements[0].node)
        if not relation.partition_key or not change.unique:
            if is_among_its_like(context):
                node.relation.schemaname, node.concurrent = copy_of(change.target).schema, False
                yield on_copy(f'index "{change.index}"', change.target, statement_sql("index_stmt", node))
            return
        (node.relation.schemaname, node.relation.relname), node.concurrent = TRIAL, False
        columns = added_before(context, change.target, qualified(*TRIAL))
        yield tried_on_copy(relation, statement_sql("index_stmt", node), f"unique index {change.index}", columns)

    def _built(self, change: Indexing, context: Context, why: str) -> Draft:
        relation = context.schema.relation(change.target)
        if relation is None or not relation.partition_key:
            return Draft(f"index-{slug(change.index)}", _definition(change, context), why)
        return Draft(
            f"index-{slug(change.index)}",
            Sql(change.definition),
            f"{why}: on each partition by itself, since the server builds none of a partitioned table so",
            locks=index_locks(change.sql),
        )

    def expand(self, change: Indexing, context: Context) -> Iterator[Draft]:
        """The index, if it refuses nothing to old code."""
        if self._refuses_old_code(change, context):
            return
        yield self._built(change, context, "built while reads and writes go on")

    def contract(self, change: Indexing, context: Context) -> Iterator[Draft]:
        """The unique index."""
        if self._refuses_old_code(change, context):
            yield self._built(change, context, "refuses duplicates from here on; built while reads and writes go on")
        if _replaces(change, context):
            yield Draft(
                f"drop-{slug(change.index)}",
                self.template("drop_index", index=qualified(change.schema, change.index)),
                "no code needs it any more, and another one takes its name; reads and writes go on",
            )
            yield Draft(
                f"rename-{slug(change.index)}",
                self.template("rename", index=qualified(change.schema, _beside(change)), new_name=change.index),
                "no query names an index",
                slug(change.table),
            )

    def makes(self, change: Indexing) -> tuple[str, ...]:
        """The index; a unique one is there only after contract."""
        return () if change.unique else ("INDEX", change.schema, change.index)

    def rollback(self, change: Indexing, context: Context) -> Iterator[Draft]:
        """The index goes."""
        if not self._refuses_old_code(change, context) and change.target not in context.created:
            yield Draft(
                f"drop-{slug(change.index)}",
                self.template("drop_index", index=qualified(change.schema, _built_as(change, context))),
                "only new code needs it",
                undoes=f"index-{slug(change.index)}",
            )

    @staticmethod
    def _refuses_old_code(change: Indexing, context: Context) -> bool:
        return change.unique and change.target not in context.created and not _is_on_view(change, context)


def _replaces(change: Indexing, context: Context) -> bool:
    return is_dropped_beside(context, change.schema, change.index)


def _beside(change: Indexing) -> str:
    return bounded_name("migrator", change.index, over=(change.schema, change.table, change.index, "index"))


def _built_as(change: Indexing, context: Context) -> str:
    """What it is called when it is built: by another name while one that goes has its own."""
    return _beside(change) if _replaces(change, context) else change.index


def _definition(change: Indexing, context: Context) -> Sql:
    if not _replaces(change, context):
        return Sql(change.definition)
    node = pb.IndexStmt()
    node.CopyFrom(parse_script(change.definition).statements[0].node)
    node.idxname = _beside(change)
    return statement_sql("index_stmt", node)


def _require_replaceable(change: Indexing, relation: Relation | None, context: Context) -> None:
    """Refuse what cannot take the name of an index that goes.

    Raises:
        Refused: it is on a partitioned table, or a comment of the same migration would go with the old one.
    """
    if relation is not None and relation.partition_key:
        raise Refused(
            f'index "{change.index}" of partitioned table "{change.target}" would be replaced by one of its name',
            hint="give the new one another name; ALTER INDEX … RENAME is for a later migration",
        )
    for kind, spec in context.beside:
        about = [getattr(spec, name, "") for name in ("on", "schema", "name")]
        if kind == "comment" and about == ["index", change.schema, change.index]:
            raise Refused(
                f'a comment on index "{change.index}" would go with the one that is dropped',
                hint="write COMMENT ON INDEX in a later migration",
            )


def _is_on_view(change: Indexing, context: Context) -> bool:
    relation = context.schema.relation(change.target)
    return relation is not None and relation.kind == "materialized view"
