"""Move a small table to another tablespace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrator.changes.kind import Context, OnTable, altered_table
from migrator.changes.statement import OneStatement, require_known
from migrator.changes.tablespace import before, require_tablespace
from migrator.errors import Refused
from migrator.model.schema import Relation, Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb

_MOST_BYTES = 32 * 1024 * 1024
"""So much was copied in 140 to 310 ms, twice as much in 230 to 540 ms (PostgreSQL 18, two cores, fsync on); half a
second, the default of ``lock_timeout``, is the most that anybody may wait."""
_KINDS = frozenset({"table", "partition", "partitioned table", "materialized view"})


class TablespaceChange(OnTable, frozen=True):
    """Parameters of ``set_tablespace``.

    Attributes:
        tablespace: where it goes.
    """

    tablespace: str


class SetTablespace(OneStatement[TablespaceChange]):
    """Move a small table to another tablespace.

    What happens
        The server copies the files of the table while reads and writes wait, and has no other way. So this is for small
        tables and materialized views. Expand moves it, under the limit that holds for every short lock: a copy that
        takes longer is cut off, tried again, and given up with nothing changed. Of a partitioned table no file is
        copied: partitions made from then on go there. There is nothing to contract; rollback moves it back,
        under the same limit.

    What is refused
        A table of more than 32 MB, with its indexes. A tablespace that is not there, or where this role may create
        nothing. ALTER TABLE ALL IN TABLESPACE: name each table.

    Limits
        Its indexes stay where they are: ALTER INDEX … SET TABLESPACE builds each in the other tablespace while reads
        and writes go on, however large it is. For a large table there is no way of the server that does not make others
        wait: pg_repack with --tablespace copies it beside, or new partitions go to the other tablespace and old ones
        are dropped in time.

    Example:
        ALTER TABLE settings SET TABLESPACE fast
    """

    name = "set_tablespace"
    spec = TablespaceChange
    verb = "move"
    why = "cut off if copying takes longer than lock_timeout; its indexes stay where they are"

    def recognise(self, action: Action, schema: Schema) -> TablespaceChange | None:
        """``ALTER TABLE … SET TABLESPACE``, ``ALTER MATERIALIZED VIEW … SET TABLESPACE``."""
        if action.kind == "alter_table_move_all_stmt":
            raise Refused(
                "ALTER … ALL IN TABLESPACE moves one after the other while others wait", hint="name each of them"
            )
        command = action.command
        if command is None or command.subtype != pb.AT_SetTableSpace:
            return None
        if action.node.objtype not in (pb.OBJECT_TABLE, pb.OBJECT_MATVIEW):
            return None
        target = altered_table(action.node.relation, schema)
        return TablespaceChange(schema=target.schema, table=target.name, tablespace=command.name)

    def assumes(self, change: TablespaceChange, schema: Schema) -> dict[str, str]:
        """What rollback restores."""
        relation = schema.relation(change.target)
        return {} if relation is None else {f'tablespace of "{change.target}"': before(relation.tablespace, schema)}

    def validate(self, change: TablespaceChange, context: Context) -> Iterator[str]:
        """It is small, and can be put there."""
        if change.target in context.created:
            raise Refused(
                f'"{change.target}" is created by this migration', hint="write TABLESPACE into the statement that does"
            )
        require_known(context, f'how large table "{change.target}" is')
        relation = context.schema.relation(change.target)
        if relation is None:
            raise Refused(f'table "{change.target}" does not exist')
        if relation.kind not in _KINDS:
            raise Refused(f'"{change.target}" is a {relation.kind}, which has no files of its own')
        require_tablespace(change.tablespace, relation.tablespace, f'{relation.kind} "{change.target}"', context)
        if relation.kind == "partitioned table":
            yield f"partitions of {change.table} stay where they are; those made from then on go to {change.tablespace}"
            return
        if relation.total_bytes > _MOST_BYTES:
            raise Refused(
                f'{relation.kind} "{change.target}" has {relation.total_bytes // 1024**2} MB: reads and writes would '
                "wait until its files are copied, which the server does not do concurrently",
                hint=f"pg_repack --table {change.target} --tablespace {change.tablespace} copies it beside; its "
                "indexes can be moved by ALTER INDEX … SET TABLESPACE",
            )
        yield f"reads and writes of {change.table} wait while its files are copied, for lock_timeout at most"
        if relation.indexes:
            yield f"indexes stay where they are: {', '.join(each.name for each in relation.indexes)}"

    def statement(self, change: TablespaceChange, context: Context) -> Sql:
        """The new place."""
        return self._set(change, context.schema.relation(change.target), change.tablespace)

    def undo(self, change: TablespaceChange, context: Context) -> Iterable[Sql]:
        """The place before."""
        relation = context.schema.relation(change.target)
        if relation is not None:
            yield self._set(change, relation, before(relation.tablespace, context.schema))

    def subject(self, change: TablespaceChange) -> str:
        """The table."""
        return change.table

    def _set(self, change: TablespaceChange, relation: Relation | None, tablespace: str) -> Sql:
        is_view = relation is not None and relation.kind == "materialized view"
        return self.template("set", table=change.sql, tablespace=tablespace, is_view=is_view)
