"""Triggers that keep two tables in step, and their functions: made by expand, dropped by contract and rollback.

The functions are SECURITY DEFINER, because the application need not have rights on both tables; nobody else may make a
trigger of them. Their search_path is that of the author, since triggers of the user that they set off may name tables
without a schema; what they write themselves is qualified, operators too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migrator.changes.kind import Context, Draft
from migrator.changes.moving.sides import Sides
from migrator.model.schema import TableName
from migrator.sql.compose import Sql, bounded_name, ident_list, qualified
from migrator.sql.rewrite import slug
from migrator.templating import render


@dataclass(frozen=True, slots=True)
class Sync:
    """A trigger on one of the tables.

    Attributes:
        what: ends its name, and that of its function and of the template of that.
        is_on_new: whether it is on the table where new code has the columns.
        timing: when it fires: ``AFTER INSERT OR UPDATE``.
        why: what its function is for.
        folder: of the template of its function; an empty string: that of the kind.
    """

    what: str
    is_on_new: bool
    timing: str
    why: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """Names of what is made beside the columns, that no other migration uses.

    Attributes:
        state: a column of the new table; ``d`` for a row that was made for one of the old table that gave nothing,
            ``b`` in a row that the backfill is about to make.
        gone: a table of the keys of rows that new code deleted, which the backfill does not make again.
        trigger: how names of triggers begin.
        left: how the name of a setting begins that holds the key of a row on its way to another partition.
        search_path: of the functions.
    """

    state: str
    gone: str
    trigger: str
    left: str
    search_path: Sql
    _over: tuple[str, ...]

    @classmethod
    def of(cls, sides: Sides, context: Context) -> Names:
        """Those of a migration."""
        over = (context.migration, str(sides.old), str(sides.new), *sides.columns, "move")
        trigger = bounded_name("zzz_migrator_5", f"{context.level:05d}", over=over)
        schemas = dict.fromkeys((sides.old.schema, sides.new.schema, *context.schema.search_path))
        search_path = ident_list(("pg_catalog", *(each for each in schemas if each != "pg_catalog"), "pg_temp"))
        state, gone = (bounded_name("migrator", what, over=over) for what in ("state", "gone"))
        left = f"migrator.{bounded_name('left', over=over)}_"
        return cls(state, gone, trigger, left, search_path, over)

    def function(self, sync: Sync, sides: Sides) -> Sql:
        """The function of a trigger, beside its table."""
        table = _table(sync, sides)
        return qualified(table.schema, bounded_name("migrator", table.name, sync.what, over=(*self._over, sync.what)))


def made(
    folder: str,
    syncs: Sequence[Sync],
    sides: Sides,
    names: Names,
    values: Mapping[str, Any],
    *,
    is_new_first: bool = False,
) -> Iterator[Draft]:
    """Functions and triggers, those of the old table first, each table in a transaction of its own.

    A row of the new table that took its value from the old one before changes of that are taken across would keep it,
    and the backfill would find it filled.

    Args:
        folder: of the templates of the functions.
        values: what those templates are told, by ``what``.
        is_new_first: whether those of the new table come first.
    """
    for is_on_new in (True, False) if is_new_first else (False, True):
        here = [each for each in syncs if each.is_on_new is is_on_new]
        for sync in here:
            function, group = names.function(sync, sides), f"sync-{slug(_table(sync, sides).name)}"
            text = render(
                f"changes/{sync.folder or folder}/function_{sync.what}.sql.mako",
                function=function,
                search_path=names.search_path,
                **values[sync.what],
            )
            yield Draft(
                f"function-{sync.what}",
                Sql(text),
                sync.why,
                group,
            )
            yield Draft(
                f"revoke-{sync.what}",
                _template("revoke", function=function),
                "it runs with the rights of its owner: nobody else makes a trigger of it",
                group,
            )
        for sync in here:
            yield Draft(
                f"trigger-{sync.what}",
                _template(
                    "trigger",
                    trigger=f"{names.trigger}_{sync.what}",
                    timing=Sql(sync.timing),
                    table=_table_sql(sync, sides),
                    function=names.function(sync, sides),
                ),
                "fires on every write of the new table; named to fire after your own triggers"
                if is_on_new
                else "fires on every write of the old table, so that no row falls behind",
                f"sync-{slug(_table(sync, sides).name)}",
            )


def dropped(syncs: Sequence[Sync], sides: Sides, names: Names, *, undoing: bool = False) -> Iterator[Draft]:
    """All triggers and functions go, first those of the table whose code is gone, which nobody needs.

    Behind them those of the other table would take back what is no longer kept in step: where code that runs changes a
    key, rows of both are written. What fires BEFORE takes nothing back, and is needed as long as rows come across, for
    the values that they point to. Two transactions, or three: one that locks both tables would wait for writers that
    have the one and wait for the other.
    """

    def takes_back(sync: Sync) -> bool:
        return undoing and sync.is_on_new and sync.timing.startswith("AFTER")

    for sync in sorted(syncs, key=lambda each: (not takes_back(each), each.is_on_new)):
        is_last = sync.is_on_new and not takes_back(sync)
        group = slug(sides.new.name) if is_last else f"sync-{slug(_table(sync, sides).name)}"
        yield Draft(
            f"drop-trigger-{sync.what}",
            _template("drop_trigger", trigger=f"{names.trigger}_{sync.what}", table=_table_sql(sync, sides)),
            "before what it writes goes",
            group,
            undoes=f"trigger-{sync.what}" if undoing else None,
        )
        yield Draft(
            f"drop-function-{sync.what}",
            _template("drop_function", function=names.function(sync, sides)),
            "no trigger calls it any more",
            group,
            undoes=f"function-{sync.what}" if undoing else None,
        )


def _table(sync: Sync, sides: Sides) -> TableName:
    return sides.new if sync.is_on_new else sides.old


def _table_sql(sync: Sync, sides: Sides) -> Sql:
    return sides.new_sql if sync.is_on_new else sides.old_sql


def _template(name: str, **values: Any) -> Sql:
    return Sql(render(f"changes/moving/{name}.sql.mako", **values))
