"""Columns that move from one table to another, kept in step there and here: what move_column and split_table share.

A trigger on each table takes what changed to the other one. Both write only what differs, so a change that has gone
across and comes back finds nothing to do. They lock the row of the old table before they read it for a row of the new
one, so that a concurrent change of it either was before, and is read, or waits and finds the new row.

The functions are SECURITY DEFINER, because the application need not have rights on both tables, with a fixed
search_path; nobody else may make a trigger of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from migrator.changes.kind import Context, Draft, Kind, Obstacle, OnTable, refuse_dependents
from migrator.changes.moving.sides import Sides, require_movable, row_of, typed
from migrator.changes.removal import require_droppable
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Column, Relation, TableName
from migrator.sql.compose import Sql, bounded_name, qualified
from migrator.sql.rewrite import slug
from migrator.templating import render

MovedT = TypeVar("MovedT", bound=OnTable)

_GUARD = "migrator.syncing"


@dataclass(frozen=True, slots=True)
class Names:
    """What a move makes beside the columns.

    Attributes:
        state: a column of the new table; ``d`` for a row that was made for one of the old table that gave nothing.
        of_old: function of the trigger on the old table.
        before: of the one on the new table that completes a row before it is stored.
        of_new: of the one that takes what was stored to the old table.
        of_delete: of the one that takes a delete there.
    """

    state: str
    trigger: str
    of_old: Sql
    before: Sql
    of_new: Sql
    of_delete: Sql


class Moving(Kind[MovedT]):
    """The phases of a change that moves columns to another table.

    Attributes:
        makes_rows: whether the new table gets a row for each row of the old one.
    """

    relies_on_indexes = True
    makes_rows = False

    def sides(self, change: MovedT, context: Context) -> Sides:
        """Both tables and how their rows find each other.

        Raises:
            Refused: they cannot, or not one to one.
        """
        raise NotImplementedError

    def require_old(self, sides: Sides, relation: Relation) -> Iterator[str]:
        """Refuse an old table whose columns cannot go, and note what goes with them."""
        for table in (relation,):
            self.require_owner_sees_all(table)
        if relation.has_row_security:
            raise Refused(
                f'table "{relation.name}" has row security, which would not hold for what is moved to "{sides.new}"',
                hint="move the columns to a table without it once you have disabled it, or keep them here",
            )
        for name in sides.columns:
            column = relation.column(name)
            if column is None:
                known = ", ".join(f'"{each.name}"' for each in relation.columns)
                raise Refused(f'column "{name}" of table "{relation.name}" does not exist', detail=f"columns: {known}")
            if name in sides.old_key:
                raise Refused(f'column "{name}" of table "{relation.name}" is in the key by which rows are found')
            require_movable(relation, column)
            require_droppable(relation, name)
            yield from _notes(relation, column, sides)

    def require_owner_sees_all(self, relation: Relation) -> None:
        """Refuse a table where the tool would not see every row.

        Raises:
            Refused: row security binds its owner, or a subscription writes it, for which triggers do not fire.
        """
        if relation.forces_row_security:
            raise Refused(
                f'table "{relation.name}" forces row security on its owner, so not every row would be kept in step',
                hint=f"ALTER TABLE {qualified(relation.name.schema, relation.name.name)} NO FORCE ROW LEVEL SECURITY",
            )
        if relation.is_subscribed:
            raise Refused(
                f'table "{relation.name}" is written by a logical subscription, for which triggers do not fire',
                hint="move the columns on the publisher first",
            )

    def sync(self, sides: Sides, names: Names, old: Relation, new: Mapping[str, str]) -> Iterator[Draft]:
        """Functions and triggers, those of the old table first.

        A row of the new table that took its value from the old one before changes of that are taken across would keep
        it, and the backfill would find it filled.

        Args:
            new: defaults of moved columns in the new table, as SQL; those without one left out.
        """
        yield from self._sync_of_old(sides, names, old)
        yield from self._sync_of_new(sides, names, old, new)

    def _sync_of_new(self, sides: Sides, names: Names, old: Relation, new: Mapping[str, str]) -> Iterator[Draft]:
        group, table = f"sync-{slug(sides.new.name)}", sides.new_sql
        values: dict[str, Any] = {
            "old": sides.old_sql,
            "new": table,
            "columns": sides.columns,
            "key": sides.new_key,
            "makes_rows": self.makes_rows,
            "state": names.state,
            "found": sides.found_by_new("NEW"),
        }
        defaults = {
            name: typed(new.get(name), column) for name in sides.columns if (column := old.column(name)) is not None
        }
        yield from self._function("before", names.before, group, defaults=defaults, **values)
        yield from self._function(
            "new", names.of_new, group,
            changed=_changed(sides.columns, ()), differs=_differs("o", "NEW", sides.columns), **values,
        )  # fmt: skip
        if self.makes_rows:
            cleared = {
                name: Sql("DEFAULT" if column is not None and column.not_null else "NULL")
                for name in sides.columns
                for column in [old.column(name)]
            }
            values["found"] = sides.found_by_new("OLD")
            yield from self._function("delete", names.of_delete, group, cleared=cleared, guard=Sql(_GUARD), **values)
        for timing, what, function in (
            ("BEFORE INSERT OR UPDATE", "before", names.before),
            ("AFTER INSERT OR UPDATE", "new", names.of_new),
            *([("AFTER DELETE", "delete", names.of_delete)] if self.makes_rows else []),
        ):
            yield Draft(
                f"trigger-{what}",
                self._made(
                    "trigger", trigger=f"{names.trigger}_{what}", timing=Sql(timing), table=table, function=function
                ),
                "fires on every write of the new table; named to fire after your own triggers",
                group,
            )

    def _sync_of_old(self, sides: Sides, names: Names, old: Relation) -> Iterator[Draft]:
        group = f"sync-{slug(sides.old.name)}"
        given = [typed(column.default, column) for name in sides.columns if (column := old.column(name)) is not None]
        yield from self._function(
            "old", names.of_old, group,
            old=sides.old_sql, new=sides.new_sql, columns=sides.columns, key=sides.old_key, new_key=sides.new_key,
            makes_rows=self.makes_rows, state=names.state, found=sides.found_by_old("NEW"), link=sides.link,
            changed=_changed(sides.columns, sides.old_key), guard=_GUARD,
            given=Sql(f"record_image_ne({row_of('NEW', sides.columns)}, ROW({', '.join(given)}))"),
            differs=_differs("n", "NEW", sides.columns),
            conflicts=_differs("n", "EXCLUDED", sides.columns),
            disagrees=_differs("o", "n", sides.columns),
        )  # fmt: skip
        yield Draft(
            "trigger-old",
            self._made(
                "trigger",
                trigger=f"{names.trigger}_old",
                timing=Sql("AFTER INSERT OR UPDATE"),
                table=sides.old_sql,
                function=names.of_old,
            ),
            "fires on every write of the old table, so that no row falls behind",
            group,
        )

    def drop_sync(self, sides: Sides, names: Names, *, undoing: bool = False) -> Iterator[Draft]:
        """All triggers and functions go, first those of the old table, which nobody needs once its code is gone.

        Two transactions: one that locks both tables would wait for writers that have the one and wait for the other.
        """
        new_group = slug(sides.new.name)
        parts = [("old", sides.old_sql, names.of_old, f"sync-{slug(sides.old.name)}")]
        parts += [("before", sides.new_sql, names.before, new_group), ("new", sides.new_sql, names.of_new, new_group)]
        if self.makes_rows:
            parts.append(("delete", sides.new_sql, names.of_delete, new_group))
        for what, table, function, group in parts:
            yield Draft(
                f"drop-trigger-{what}",
                self._made("drop_trigger", trigger=f"{names.trigger}_{what}", table=table),
                "before what it writes goes",
                group,
                undoes=f"trigger-{what}" if undoing else None,
            )
            yield Draft(
                f"drop-function-{what}",
                self._made("drop_function", function=function),
                "no trigger calls it any more",
                group,
                undoes=f"function-{what}" if undoing else None,
            )

    def obstacles(self, change: MovedT, context: Context) -> Iterator[Obstacle]:
        """Values that contract would lose."""
        old = context.schema.relation(change.target)
        if old is None or context.schema.relation(self.new_table(change)) is None:
            return
        sides = self.sides(change, context)
        if any(old.column(name) is None for name in sides.columns):
            return
        columns = ", ".join(sides.columns)
        values = {"old": sides.old_sql, "new": sides.new_sql, "link": sides.link, "columns": sides.columns}
        defaults = {
            name: typed(column.default, column) if column is not None and column.not_null else None
            for name in sides.columns
            for column in [old.column(name)]
        }
        yield Obstacle(
            self._made("without", key=sides.new_key, defaults=defaults, **values),
            f"rows of {sides.old} hold values of {columns} and have no row in {sides.new}: contract would lose them",
            f"insert their rows into {sides.new}, or clear the values, in {sides.old}",
            Phase.CONTRACT,
        )
        yield Obstacle(
            self._made("apart", disagrees=_differs("o", "n", sides.columns), **values),
            f"rows of {sides.old} and {sides.new} that belong together differ in {columns}",
            f"write the right value into {sides.new}; a transaction at REPEATABLE READ can leave such rows behind",
            Phase.CONTRACT,
        )

    def new_table(self, change: MovedT) -> TableName:
        """The table the columns move to."""
        raise NotImplementedError

    def before_contract(self, change: MovedT, context: Context) -> None:
        """Nothing came to rely on the old columns since expand."""
        relation = context.schema.relation(change.target)
        if relation is None:
            return
        for name in self.sides(change, context).columns:
            if relation.column(name) is None:
                continue
            require_droppable(relation, name)
            refuse_dependents(
                relation,
                name,
                ["trigger function"],
                "every write to the table would fail",
                "replace the function by one that does without the column",
            )

    def drop_columns(self, sides: Sides) -> Iterator[Draft]:
        """The columns go where old code had them."""
        group = slug(sides.old.name)
        for name in sides.columns:
            yield Draft(
                f"drop-{slug(name)}",
                self._made("drop_column", table=sides.old_sql, column=name),
                f"no code uses it any more; what it held is in {sides.new.name}",
                group,
            )

    def lost_by_rollback(self, sides: Sides) -> Sql:
        """How many rows of the new table hold values that the old one does not."""
        return self._made(
            "ahead", old=sides.old_sql, new=sides.new_sql, link=sides.link, columns=sides.columns,
            disagrees=_differs("o", "n", sides.columns),
        )  # fmt: skip

    def _function(self, what: str, function: Sql, group: str, **values: Any) -> Iterator[Draft]:
        yield Draft(
            f"function-{what}",
            self._made(f"function_{what}", function=function, **values),
            {
                "old": "takes what old code writes to the new table",
                "before": "gives a row of the new table what the old one holds, where its writer gives nothing",
                "new": "takes what new code writes to the old table",
                "delete": "clears in the old table what new code deletes",
            }[what],
            group,
        )
        yield Draft(
            f"revoke-{what}",
            self._made("revoke", function=function),
            "it runs with the rights of its owner: nobody else makes a trigger of it",
            group,
        )

    @staticmethod
    def _made(name: str, **values: Any) -> Sql:
        return Sql(render(f"changes/moving/{name}.sql.mako", **values))


def names_of(sides: Sides, context: Context) -> Names:
    """Names that no other migration uses."""
    over = (context.migration, str(sides.old), str(sides.new), *sides.columns, "move")

    def function(what: str, table: TableName) -> Sql:
        return qualified(table.schema, bounded_name("migrator", table.name, what, over=(*over, what)))

    return Names(
        state=bounded_name("migrator", "state", over=over),
        trigger=bounded_name("zzz_migrator_5", f"{context.level:05d}", over=over),
        of_old=function("old", sides.old),
        before=function("before", sides.new),
        of_new=function("new", sides.new),
        of_delete=function("delete", sides.new),
    )


def _changed(columns: tuple[str, ...], key: tuple[str, ...]) -> Sql:
    names = (*columns, *key)
    return Sql(f"record_image_ne({row_of('NEW', names)}, {row_of('OLD', names)})")


def _differs(one: str, other: str, columns: tuple[str, ...]) -> Sql:
    return Sql(f"record_image_ne({row_of(one, columns)}, {row_of(other, columns)})")


def _notes(relation: Relation, column: Column, sides: Sides) -> Iterator[str]:
    name = column.name
    if column.not_null:
        yield f"{name} is NOT NULL in {relation.name}: until contract, new code cannot write NULL there in {sides.new}"
    for constraint in relation.constraints:
        if constraint.columns == (name,) and constraint.type != "not null":
            yield (
                f"{constraint.type} {constraint.name} binds what new code writes until contract, and goes with {name} "
                f"of {relation.name}"
            )
    for index in relation.indexes:
        if index.columns == (name,) and index.constraint is None:
            yield f"index {index.name} goes with {name}: create one on {sides.new} if new code needs it"
    for each in relation.dependents:
        if each.column == name and each.kind == "trigger function":
            yield f"function {each.name} reads NEW.{name} or OLD.{name}: contract is refused until it does not"
