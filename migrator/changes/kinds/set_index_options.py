"""Change storage parameters of an index: fillfactor, fastupdate and the like."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from migrator.changes.index import OnIndex, table_of
from migrator.changes.kind import Context
from migrator.changes.options import names_in, options_of, written
from migrator.changes.statement import OneStatement, require_known
from migrator.errors import Refused
from migrator.model.schema import Index, Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, qualified
from migrator.sql.parser import parse_script, pb, unwrap

_NAMES = {
    "btree": ("fillfactor", "deduplicate_items"),
    "hash": ("fillfactor",),
    "gist": ("fillfactor", "buffering"),
    "spgist": ("fillfactor",),
    "gin": ("fastupdate", "gin_pending_list_limit"),
    "brin": ("pages_per_range", "autosummarize"),
}
"""Storage parameters by access method on PostgreSQL 14 to 18 (CREATE INDEX, Index Storage Parameters)."""


class IndexOptions(OnIndex, frozen=True):
    """Parameters of ``set_index_options``: ``options`` or ``reset``.

    Attributes:
        options: ``NAME=VALUE`` each.
        reset: names of those that go back to what the server is set to.
    """

    options: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()


class SetIndexOptions(OneStatement[IndexOptions]):
    """Change storage parameters of an index: fillfactor, fastupdate and the like.

    What happens
        Expand sets or resets them: no answer changes, reads and writes go on, only vacuum and other schema changes wait
        for a moment. There is nothing to contract. Rollback sets what stood there and resets what was not set.

    What is refused
        A parameter that indexes of its access method do not have. An index of a partitioned table: those of its
        partitions have parameters of their own. Without a database: what rollback restores is not known.

    Limits
        What is there keeps its form: ``REINDEX INDEX CONCURRENTLY`` writes it anew. A value out of range is refused by
        the server when expand runs, with nothing changed.

    Example:
        ALTER INDEX orders_customer SET (fillfactor = 70)
    """

    name = "set_index_options"
    spec = IndexOptions
    verb = "set-options"
    why = "no answer changes; what is written from here on goes by it"

    def recognise(self, action: Action, schema: Schema) -> IndexOptions | None:
        """``ALTER INDEX … SET (…)`` and ``… RESET (…)``."""
        command = action.command
        if command is None or command.subtype not in (pb.AT_SetRelOptions, pb.AT_ResetRelOptions):
            return None
        if action.node.objtype != pb.OBJECT_INDEX:
            return None
        relation = action.node.relation
        table = table_of(schema, relation.schemaname or None, relation.relname)
        given = options_of(unwrap(getattr(command, "def")))
        place = {"schema": table.schema, "table": table.name, "index": relation.relname}
        if command.subtype == pb.AT_SetRelOptions:
            return IndexOptions(**place, options=given)
        return IndexOptions(**place, reset=names_in(given))

    def assumes(self, change: IndexOptions, schema: Schema) -> dict[str, str]:
        """What rollback restores."""
        had, names = _had(change, schema), _names(change)
        return {
            f'options of index "{change.schema}.{change.index}"': ", ".join(had[name] for name in names if name in had)
            or "none"
        }

    def validate(self, change: IndexOptions, context: Context) -> Iterator[str]:
        """It is there, and has such parameters."""
        if bool(change.options) == bool(change.reset):
            raise Refused(f'index "{change.index}": options or reset, one of them', hint="options=fillfactor=70")
        require_known(context, f'what is set on index "{change.index}"')
        relation = context.schema.relation(change.target)
        index = _index(change, context.schema)
        if relation is None or index is None:
            raise Refused(f'index "{change.index}" of table "{change.target}" does not exist')
        if relation.kind == "partitioned table":
            raise Refused(
                f'index "{change.index}" is of a partitioned table and has no pages of its own',
                hint="set them on the index of each partition",
            )
        method = _node(index).access_method
        for name in _names(change) if method in _NAMES else ():
            if name not in _NAMES[method]:
                near = difflib.get_close_matches(name, _NAMES[method], n=1)
                raise Refused(
                    f'index "{change.index}", a {method} index, has no parameter "{name}"',
                    hint=f'did you mean "{near[0]}"?' if near else None,
                )
        yield from ()

    def statement(self, change: IndexOptions, context: Context) -> Sql:
        """The new values."""
        del context
        how, options = ("SET", change.options) if change.options else ("RESET", change.reset)
        return self._alter(change, how, options)

    def undo(self, change: IndexOptions, context: Context) -> Iterable[Sql]:
        """The values before."""
        had, names = _had(change, context.schema), _names(change)
        if restored := tuple(had[name] for name in names if name in had):
            yield self._alter(change, "SET", restored)
        if change.options and (new := tuple(name for name in names if name not in had)):
            yield self._alter(change, "RESET", new)

    def subject(self, change: IndexOptions) -> str:
        """The index."""
        return change.index

    def _alter(self, change: IndexOptions, how: str, options: tuple[str, ...]) -> Sql:
        index = qualified(change.schema, change.index)
        return self.template("alter", index=index, how=Sql(how), options=written(options))


def _names(change: IndexOptions) -> tuple[str, ...]:
    return change.reset or names_in(change.options)


def _index(change: IndexOptions, schema: Schema) -> Index | None:
    relation = schema.relation(change.target)
    return next((each for each in relation.indexes if each.name == change.index), None) if relation else None


def _node(index: Index) -> Any:
    return parse_script(index.definition).statements[0].node


def _had(change: IndexOptions, schema: Schema) -> dict[str, str]:
    """What its definition says behind WITH, by name."""
    index = _index(change, schema)
    return {option.partition("=")[0]: option for option in (options_of(_node(index).options) if index else ())}
