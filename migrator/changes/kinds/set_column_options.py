"""Change how the server samples, stores or compresses a column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from migrator.changes.kind import Context, OnTable, altered_table, require_column
from migrator.changes.options import STORAGES, names_in, options_of, written
from migrator.changes.statement import OneStatement, require_known
from migrator.errors import Refused
from migrator.model.schema import Column, Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb, unwrap

_OPTIONS = ("n_distinct", "n_distinct_inherited")
_MOST_STATISTICS = 10_000
"""``MAX_STATISTICS_TARGET`` (PostgreSQL: ALTER TABLE, SET STATISTICS)."""
_SUBTYPES = frozenset(
    {pb.AT_SetStatistics, pb.AT_SetStorage, pb.AT_SetCompression, pb.AT_SetOptions, pb.AT_ResetOptions}
)


class ColumnOptions(OnTable, frozen=True):
    """Parameters of ``set_column_options``: one of what follows the column.

    Attributes:
        column: its name.
        statistics: how many values ANALYZE samples, 0 to 10000; ``default`` for what the server is set to.
        storage: ``PLAIN``, ``EXTERNAL``, ``EXTENDED`` or ``MAIN``.
        compression: ``pglz``, ``lz4`` or ``default``.
        options: ``n_distinct=VALUE``, ``n_distinct_inherited=VALUE``.
        reset: names of options that go back to their defaults.
    """

    column: str
    statistics: str = ""
    storage: str = ""
    compression: str = ""
    options: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()


class SetColumnOptions(OneStatement[ColumnOptions]):
    """Change how the server samples, stores or compresses a column.

    What happens
        SET STATISTICS, SET STORAGE, SET COMPRESSION and SET or RESET of ``n_distinct`` change no row and no answer, so
        expand does it: STORAGE and COMPRESSION lock the table for a moment, the others make nobody wait but ANALYZE and
        other schema changes. There is nothing to contract. Rollback restores what stood there.

    What is refused
        STORAGE and COMPRESSION of a type that is never kept outside the row, a method the server was not built with,
        statistics of an index. Without a database: what rollback restores is not known.

    Limits
        Rows that are there keep their form until they are written anew. Statistics change with the next ANALYZE.
        On a partitioned table STATISTICS and STORAGE are set on its partitions, too, and are refused where one of them
        has its own; the rest is set on the table alone.

    Example:
        ALTER TABLE events ALTER COLUMN payload SET COMPRESSION lz4
    """

    name = "set_column_options"
    spec = ColumnOptions
    may_follow = frozenset({"add_column", "comment", "set_column_options"})
    verb = "set"
    why = "no row and no answer changes"

    def recognise(self, action: Action, schema: Schema) -> ColumnOptions | None:
        """``ALTER TABLE … ALTER COLUMN … SET STATISTICS``, ``STORAGE``, ``COMPRESSION``, ``SET (…)``, ``RESET (…)``."""
        command = action.command
        if command is None or command.subtype not in _SUBTYPES or action.node.objtype != pb.OBJECT_TABLE:
            return None
        target = altered_table(action.node.relation, schema)
        given = getattr(command, "def")
        place = {"schema": target.schema, "table": target.name, "column": command.name}
        if command.subtype == pb.AT_SetOptions:
            return ColumnOptions(**place, options=options_of(unwrap(given)))
        if command.subtype == pb.AT_ResetOptions:
            return ColumnOptions(**place, reset=names_in(options_of(unwrap(given))))
        if command.subtype == pb.AT_SetStatistics:
            number = unwrap(given).ival if given.WhichOneof("node") else -1
            return ColumnOptions(**place, statistics="default" if number < 0 else str(number))
        value = unwrap(given).sval
        if command.subtype == pb.AT_SetStorage:
            return ColumnOptions(**place, storage=value.upper())
        return ColumnOptions(**place, compression=value.lower())

    def touched(self, change: ColumnOptions) -> dict[TableName, tuple[str, ...]]:
        """The column: a copy that takes its place would lose what is set."""
        return {change.target: (change.column,)}

    def assumes(self, change: ColumnOptions, schema: Schema) -> dict[str, str]:
        """What rollback restores."""
        column = _column(change, schema)
        name = f'settings of column "{change.target}.{change.column}"'
        return {name: "; ".join((f"STORAGE {column.storage}", *column.settings))} if column else {}

    def validate(self, change: ColumnOptions, context: Context) -> Iterator[str]:
        """The column is there, and takes such a value."""
        _require_one(change)
        for name in names_in(change.options) + change.reset:
            if name not in _OPTIONS:
                raise Refused(f'a column has no option "{name}"', hint=f"there are {' and '.join(_OPTIONS)}")
        if change.storage and change.storage not in STORAGES:
            raise Refused(f"storage {change.storage}: there are {', '.join(STORAGES)}")
        if _is_made(change, context):
            return
        require_known(context, f'what is set on column "{change.column}" of table "{change.target}"')
        relation = context.schema.relation(change.target)
        if relation is None or relation.kind not in ("table", "partitioned table", "partition"):
            raise Refused(f'table "{change.target}" does not exist')
        column = require_column(relation, change, change.column)
        _refuse_differing(change, relation)
        methods = context.schema.objects.compressions
        if (
            column is not None
            and not column.is_toastable
            and (change.compression or change.storage not in ("", "PLAIN"))
        ):
            raise Refused(
                f'column "{change.column}" of table "{change.target}" is {column.type_name}, which is always kept in '
                "the row, and not compressed"
            )
        if methods and change.compression not in ("", "default", *methods):
            raise Refused(
                f'this server does not compress with "{change.compression}"', hint=f"it knows {', '.join(methods)}"
            )
        if change.storage or change.compression:
            yield f"rows of {change.target} that are there keep their form until they are written anew"

    def statement(self, change: ColumnOptions, context: Context) -> Sql:
        """The new setting."""
        del context
        if change.statistics:
            return self._set(
                change, f"SET STATISTICS {-1 if change.statistics == 'default' else int(change.statistics)}"
            )
        if change.storage:
            return self._set(change, f"SET STORAGE {change.storage}")
        if change.compression:
            return self._set(change, f"SET COMPRESSION {change.compression}")
        if change.options:
            return self._set(change, f"SET ({written(change.options)})")
        return self._set(change, f"RESET ({written(change.reset)})")

    def undo(self, change: ColumnOptions, context: Context) -> Iterable[Sql]:
        """The setting before."""
        column = _column(change, context.schema)
        if column is None or _is_made(change, context):
            return
        if change.statistics:
            yield self._set(change, _setting(column, "SET STATISTICS") or "SET STATISTICS -1")
        elif change.storage:
            yield self._set(change, f"SET STORAGE {column.storage}")
        elif change.compression:
            yield self._set(change, _setting(column, "SET COMPRESSION") or "SET COMPRESSION default")
        else:
            yield from self._undo_options(change, column)

    def subject(self, change: ColumnOptions) -> str:
        """The column and what is set."""
        what = next(
            name for name in ("statistics", "storage", "compression", "options", "reset") if getattr(change, name)
        )
        return f"{change.column}-{what}"

    def _undo_options(self, change: ColumnOptions, column: Column) -> Iterator[Sql]:
        before = re.fullmatch(r"SET \((.*)\)", _setting(column, "SET (") or "SET ()")
        had = {text.partition("=")[0]: text for text in (before[1].split(", ") if before and before[1] else ())}
        names = change.reset or names_in(change.options)
        restored = tuple(had[name] for name in names if name in had)
        new = tuple(name for name in names if name not in had)
        if restored:
            yield self._set(change, f"SET ({written(restored)})")
        if new and change.options:
            yield self._set(change, f"RESET ({written(new)})")

    def _set(self, change: ColumnOptions, setting: str) -> Sql:
        return self.template("set", table=change.sql, column=change.column, setting=Sql(setting))


def _require_one(change: ColumnOptions) -> None:
    given = [
        name for name in ("statistics", "storage", "compression", "options", "reset") if getattr(change, name)
    ]  # fmt: skip
    if len(given) != 1:
        raise Refused(
            f'column "{change.column}" of table "{change.target}": {", ".join(given) or "nothing"} is given',
            hint="one change sets one of statistics, storage, compression, options, reset",
        )
    if change.statistics and change.statistics != "default":
        number = int(change.statistics) if re.fullmatch(r"[0-9]{1,6}", change.statistics) else -1
        if not 0 <= number <= _MOST_STATISTICS:
            raise Refused(f"statistics {change.statistics}: a number from 0 to {_MOST_STATISTICS}, or default")
    if change.compression and not re.fullmatch(r"[a-z0-9]+", change.compression):
        raise Refused(f"compression {change.compression}: the name of a method, pglz or lz4, or default")


def _refuse_differing(change: ColumnOptions, relation: Relation) -> None:
    """The server sets these on partitions too, and rollback would give all of them what the table had."""
    what = "the statistics target" if change.statistics else "the storage" if change.storage else ""
    own = [text for name, text in relation.below.columns if what and name == change.column and text.startswith(what)]
    if own:
        raise Refused(
            f'partitions have set on column "{change.column}" what the table "{change.target}" has not, and rollback '
            "would not restore it",
            detail="\n".join(own),
            hint="write the change for each partition",
        )


def _is_made(change: ColumnOptions, context: Context) -> bool:
    key = ("COLUMN", change.schema, change.table, change.column)
    return change.target in context.created or key in context.made


def _column(change: ColumnOptions, schema: Schema) -> Column | None:
    relation = schema.relation(change.target)
    return relation.column(change.column) if relation else None


def _setting(column: Column, start: str) -> str | None:
    return next((each for each in column.settings if each.startswith(start)), None)
