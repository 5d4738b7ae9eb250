"""Create an index without blocking writes."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Kind, OnTable, require_table
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import MAX_NAME_BYTES, Sql, bounded_name, ident, qualified
from migrator.sql.parser import pb, unwrap
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

    What is refused
        Indexes on partitioned tables, which cannot be built concurrently.

    Limits
        The build waits for transactions that were open when it started. A unique build fails on duplicates: they are
        named, nothing is left behind, and contract goes on when they are gone.

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
            keys = [unwrap(part).name or "expr" for part in node.index_params]
            node.idxname = _default_name(target, keys)
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
        relation = require_table(change, context, or_view=True)
        if relation is not None and any(index.name == change.index for index in relation.indexes):
            raise Refused(f'index "{change.index}" of table "{change.target}" exists already')
        if change.unique and _is_on_view(change, context):
            yield f"refreshing {change.table} fails from here on where its query yields duplicates for {change.index}"
        if self._refuses_old_code(change, context):
            yield f"unique index {change.index} is built by contract: until then old code may write duplicates"

    def expand(self, change: Indexing, context: Context) -> Iterator[Draft]:
        """The index, if it refuses nothing to old code."""
        if self._refuses_old_code(change, context):
            return
        yield Draft(f"index-{slug(change.index)}", Sql(change.definition), "built while reads and writes go on")

    def contract(self, change: Indexing, context: Context) -> Iterator[Draft]:
        """The unique index."""
        if self._refuses_old_code(change, context):
            yield Draft(
                f"index-{slug(change.index)}",
                Sql(change.definition),
                "refuses duplicates from here on; built while reads and writes go on",
            )

    def makes(self, change: Indexing) -> tuple[str, ...]:
        """The index; a unique one is there only after contract."""
        return () if change.unique else ("INDEX", change.schema, change.index)

    def rollback(self, change: Indexing, context: Context) -> Iterator[Draft]:
        """The index goes."""
        if not self._refuses_old_code(change, context) and change.target not in context.created:
            yield Draft(
                f"drop-{slug(change.index)}",
                self.template("drop_index", index=qualified(change.schema, change.index)),
                "only new code needs it",
                undoes=f"index-{slug(change.index)}",
            )

    @staticmethod
    def _refuses_old_code(change: Indexing, context: Context) -> bool:
        return change.unique and change.target not in context.created and not _is_on_view(change, context)


def _is_on_view(change: Indexing, context: Context) -> bool:
    relation = context.schema.relation(change.target)
    return relation is not None and relation.kind == "materialized view"


def _default_name(target: TableName, keys: list[str]) -> str:
    """``table_column_idx`` as PostgreSQL would choose, or with a hash where that is too long."""
    name = "_".join([target.name, *keys, "idx"])
    return name if len(name.encode()) <= MAX_NAME_BYTES else bounded_name(name, over=(target.schema, name))
