"""Build an index anew."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.index import OnIndex, table_of
from migrator.changes.kind import Context, Draft, Kind, require_table
from migrator.changes.options import value_of
from migrator.changes.tablespace import before, require_tablespace
from migrator.errors import Refused
from migrator.model.schema import Index, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, qualified
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import slug


class Rebuilding(OnIndex, frozen=True):
    """Parameters of ``reindex``.

    Attributes:
        tablespace: where it is built; an empty string: where it is.
    """

    tablespace: str = ""


class Reindex(Kind[Rebuilding]):
    """Build an index anew.

    What happens
        For an index that is bloated, damaged, invalid or of an old version of a collation. Expand builds it anew
        CONCURRENTLY, with no lock that blocks reads or writes; the old one serves queries until the new one takes its
        place. A build that was cut off leaves an invalid index with ``_ccnew`` or ``_ccold`` in its name: the next run
        drops it and builds anew. There is nothing to contract. With a tablespace, which ALTER INDEX … SET TABLESPACE
        asks for too, it is built there, and rollback builds it where it was; without one there is nothing to undo.

    What is refused
        The index of an exclusion constraint, which the server does not build concurrently. REINDEX TABLE, SCHEMA,
        DATABASE and SYSTEM: name each index, so that a run that was cut off knows which are done. A tablespace that is
        not there, or where this role may create nothing.

    Limits
        It needs room for a second index, and waits for transactions that were open when it started. The index of a
        partitioned table is built partition by partition; a run that was cut off begins with the first one anew.

    Example:
        REINDEX INDEX orders_number_idx
    """

    name = "reindex"
    spec = Rebuilding

    def recognise(self, action: Action, schema: Schema) -> Rebuilding | None:
        """``REINDEX INDEX [CONCURRENTLY] …``, ``ALTER INDEX … SET TABLESPACE``."""
        command = action.command
        if command is not None and command.subtype == pb.AT_SetTableSpace and action.node.objtype == pb.OBJECT_INDEX:
            named = action.node.relation
            table = table_of(schema, named.schemaname or None, named.relname)
            return Rebuilding(schema=table.schema, table=table.name, index=named.relname, tablespace=command.name)
        if action.kind != "reindex_stmt" or "phase" in action.options:
            return None
        node = action.node
        if node.kind != pb.REINDEX_OBJECT_INDEX:
            raise Refused(
                "REINDEX of more than one index cannot go on where it was cut off",
                hint="write REINDEX INDEX for each index",
            )
        given = {each.defname: each for each in map(unwrap, node.params)}
        tablespace = value_of(unwrap(given["tablespace"].arg)) if "tablespace" in given else ""
        table = table_of(schema, node.relation.schemaname or None, node.relation.relname)
        return Rebuilding(schema=table.schema, table=table.name, index=node.relation.relname, tablespace=tablespace)

    def touched(self, change: Rebuilding) -> dict[TableName, tuple[str, ...]]:
        """Nothing but the table itself."""
        return {change.target: ()}

    def validate(self, change: Rebuilding, context: Context) -> Iterator[str]:
        """It is there, and the server builds its sort concurrently."""
        relation = require_table(change, context, or_view=True, or_partitioned=True, or_partition=True)
        if relation is None:
            return
        index = _index(change, context.schema)
        if index is None:
            known = ", ".join(f'"{each.name}"' for each in relation.indexes) or "none"
            raise Refused(
                f'index "{change.index}" of table "{change.target}" does not exist', detail=f"indexes: {known}"
            )
        if index.is_exclusion:
            raise Refused(
                f'index "{change.index}" serves an exclusion constraint, which is not built concurrently: writes to '
                f'"{change.target}" would wait for the build'
            )
        if change.tablespace and relation.partition_key:
            raise Refused(
                f'index "{change.index}" of partitioned table "{change.target}" has no files of its own to move',
                hint="move the index of each partition; for partitions to come, in a migration written by hand: "
                f"ALTER INDEX {qualified(change.schema, change.index)} SET TABLESPACE {ident(change.tablespace)}",
            )
        if relation.partition_key:
            yield f"the index of each partition of {change.table} is built, one after the other"
        if change.tablespace:
            require_tablespace(change.tablespace, index.tablespace, f'index "{change.index}"', context)
        if not index.is_valid:
            yield f"index {change.index} is invalid; it is valid afterwards"

    def expand(self, change: Rebuilding, context: Context) -> Iterator[Draft]:
        """The build."""
        del context
        yield Draft(
            f"reindex-{slug(change.index)}",
            self._build(change, change.tablespace),
            "built while reads and writes go on; the old one serves until then",
        )

    def assumes(self, change: Rebuilding, schema: Schema) -> dict[str, str]:
        """Where rollback builds it."""
        index = _index(change, schema)
        if not change.tablespace or index is None:
            return {}
        return {f'tablespace of index "{change.index}" of table "{change.target}"': before(index.tablespace, schema)}

    def rollback(self, change: Rebuilding, context: Context) -> Iterator[Draft]:
        """The index where it was."""
        index = _index(change, context.schema)
        if change.tablespace and index is not None:
            yield Draft(
                f"reindex-{slug(change.index)}",
                self._build(change, before(index.tablespace, context.schema)),
                "where it was before expand; reads and writes go on",
                undoes=f"reindex-{slug(change.index)}",
            )

    def _build(self, change: Rebuilding, tablespace: str) -> Sql:
        return self.template("reindex", index=qualified(change.schema, change.index), tablespace=tablespace)


def _index(change: Rebuilding, schema: Schema) -> Index | None:
    relation = schema.relation(change.target)
    return next((each for each in relation.indexes if each.name == change.index), None) if relation else None
