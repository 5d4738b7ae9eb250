"""Change storage parameters of a table: fillfactor, autovacuum and the like."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from msgspec import structs

from migrator.changes.kind import Context, Expression, OnTable, altered_table
from migrator.changes.options import names_in, options_of, written
from migrator.changes.statement import OneStatement, require_known
from migrator.changes.trial import copy_of, on_copy
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb, unwrap

_VACUUM = frozenset({
    "autovacuum_enabled", "autovacuum_vacuum_threshold", "autovacuum_vacuum_max_threshold",
    "autovacuum_vacuum_scale_factor", "autovacuum_vacuum_insert_threshold", "autovacuum_vacuum_insert_scale_factor",
    "autovacuum_vacuum_cost_delay", "autovacuum_vacuum_cost_limit", "autovacuum_freeze_min_age",
    "autovacuum_freeze_max_age", "autovacuum_freeze_table_age", "autovacuum_multixact_freeze_min_age",
    "autovacuum_multixact_freeze_max_age", "autovacuum_multixact_freeze_table_age", "log_autovacuum_min_duration",
    "vacuum_index_cleanup", "vacuum_truncate", "vacuum_max_eager_freeze_failure_rate",
})  # fmt: skip
_OF_TABLES = _VACUUM | {
    "autovacuum_analyze_threshold", "autovacuum_analyze_scale_factor", "fillfactor", "toast_tuple_target",
    "parallel_workers",
}  # fmt: skip
_NAMES = _OF_TABLES | {f"toast.{name}" for name in _VACUUM}
"""Storage parameters of tables on PostgreSQL 14 to 18 (CREATE TABLE, Storage Parameters), but for
``user_catalog_table``, which is for output plug-ins of logical decoding and locks the table for reads too."""


class TableOptions(OnTable, frozen=True):
    """Parameters of ``set_table_options``: ``options`` or ``reset``.

    Attributes:
        options: ``NAME=VALUE`` each.
        reset: names of those that go back to what the server is set to.
    """

    options: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()


class SetTableOptions(OneStatement[TableOptions]):
    """Change storage parameters of a table: fillfactor, autovacuum and the like.

    What happens
        Expand sets or resets them: no row changes, reads and writes go on, only vacuum and other schema changes wait
        for a moment. There is nothing to contract. Rollback sets what stood there and resets what was not set.

    What is refused
        A parameter that tables do not have, ``user_catalog_table``, views and indexes. Without a database: what
        rollback restores is not known.

    Limits
        ``fillfactor`` is for pages that are written from here on. Partitions have parameters of their own; a
        partitioned table has none. A value out of range is refused by the server when expand runs, with nothing
        changed.

    Example:
        ALTER TABLE events SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)
    """

    name = "set_table_options"
    spec = TableOptions
    verb = "set-options"
    why = "no row changes; vacuum goes by it, and pages written from here on"

    def recognise(self, action: Action, schema: Schema) -> TableOptions | None:
        """``ALTER TABLE … SET (…)`` and ``… RESET (…)``, and the same of materialized views."""
        command = action.command
        if command is None or command.subtype not in (pb.AT_SetRelOptions, pb.AT_ResetRelOptions):
            return None
        if action.node.objtype not in (pb.OBJECT_TABLE, pb.OBJECT_MATVIEW):
            return None
        target = altered_table(action.node.relation, schema)
        given = options_of(unwrap(getattr(command, "def")))
        if command.subtype == pb.AT_SetRelOptions:
            return TableOptions(schema=target.schema, table=target.name, options=given)
        return TableOptions(schema=target.schema, table=target.name, reset=names_in(given))

    def assumes(self, change: TableOptions, schema: Schema) -> dict[str, str]:
        """What rollback restores."""
        had, names = _had(change, schema), _names(change)
        return {f'options of table "{change.target}"': ", ".join(had[name] for name in names if name in had) or "none"}

    def validate(self, change: TableOptions, context: Context) -> Iterator[str]:
        """It is a table, and tables have such parameters."""
        if bool(change.options) == bool(change.reset):
            raise Refused(f'table "{change.target}": options or reset, one of them', hint="options=fillfactor=80")
        for name in _names(change):
            if name not in _NAMES:
                near = difflib.get_close_matches(name, _NAMES, n=1)
                raise Refused(
                    f'a table has no storage parameter "{name}"', hint=f'did you mean "{near[0]}"?' if near else None
                )
        if change.target in context.created:
            return
        require_known(context, f'what is set on table "{change.target}"')
        relation = context.schema.relation(change.target)
        if relation is None:
            raise Refused(f'table "{change.target}" does not exist')
        if relation.kind not in ("table", "partition", "materialized view"):
            raise Refused(
                f'"{change.target}" is a {relation.kind}, which has no storage parameters',
                hint="set them on each partition" if relation.kind == "partitioned table" else None,
            )
        yield from ()

    def expressions(self, change: TableOptions, context: Context) -> Iterator[Expression]:
        """Whether the server takes the values."""
        relation = context.schema.relation(change.target)
        if change.options and relation is not None and relation.kind in ("table", "partition"):
            there = structs.replace(change, schema=copy_of(change.target).schema)
            yield on_copy(", ".join(change.options), change.target, self._set(there, change.options))

    def statement(self, change: TableOptions, context: Context) -> Sql:
        """The new values."""
        del context
        return self._set(change, change.options) if change.options else self._reset(change, change.reset)

    def undo(self, change: TableOptions, context: Context) -> Iterable[Sql]:
        """The values before."""
        if change.target in context.created:
            return
        had, names = _had(change, context.schema), _names(change)
        if restored := tuple(had[name] for name in names if name in had):
            yield self._set(change, restored)
        if change.options and (new := tuple(name for name in names if name not in had)):
            yield self._reset(change, new)

    def subject(self, change: TableOptions) -> str:
        """The table."""
        return change.table

    def _set(self, change: TableOptions, options: tuple[str, ...]) -> Sql:
        return self.template("set", table=change.sql, options=written(options))

    def _reset(self, change: TableOptions, names: tuple[str, ...]) -> Sql:
        return self.template("reset", table=change.sql, names=written(names))


def _names(change: TableOptions) -> tuple[str, ...]:
    return change.reset or names_in(change.options)


def _had(change: TableOptions, schema: Schema) -> dict[str, str]:
    relation = schema.relation(change.target)
    return {option.partition("=")[0]: option for option in (relation.options if relation else ())}
