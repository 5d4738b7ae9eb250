"""Columns that move from one table to another, and are kept in step there and here: what the kinds that do it share.

A trigger on each table takes what changed to the other one. Both write only what differs, so a change that has gone
across and comes back finds nothing to do. Where they read the old table for a row of the new one, they lock its row
before, so that a concurrent change of it either was before, and is read, or waits and finds the new row. A row of the
new table that is empty is written by every change of its counterpart, also by one that leaves it empty: so a batch that
has read an older value does not find the version of the row that it has seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from migrator.changes.kind import Context, Draft, Obstacle, OnTable, refuse_dependents, require_table
from migrator.changes.moving import carried, divided, gone, triggers
from migrator.changes.moving.following import Following, MovedT
from migrator.changes.moving.sides import (
    Sides,
    arriving,
    changed,
    differs,
    is_row,
    notes_on,
    require_insertable,
    require_movable,
    row_of,
    typed,
)
from migrator.changes.moving.triggers import Names, Sync
from migrator.changes.removal import require_droppable
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Relation, TableName
from migrator.sql.compose import Sql, qualified
from migrator.sql.rewrite import slug
from migrator.templating import render

_GUARD = "migrator.syncing"
_OLD = Sync("old", False, "AFTER INSERT OR UPDATE", "takes what old code writes to the new table")
_BEFORE = Sync(
    "before",
    True,
    "BEFORE INSERT OR UPDATE",
    "gives a row of the new table what the old one holds, where its writer gives nothing",
)
_NEW = Sync("new", True, "AFTER INSERT OR UPDATE", "takes what new code writes to the old table")
DELETE = Sync("delete", True, "AFTER DELETE", "clears in the old table what new code deletes")
"""For a new table that has a row for each row of the old one."""


class Moving(Following[MovedT]):
    """The phases of a change that moves columns to another table.

    Attributes:
        makes_rows: whether the new table gets a row for each row of the old one.
        is_new_first: whether rows that old code makes need the triggers of the new table.
    """

    relies_on_indexes = True
    keeps_in_step = True
    makes_rows: ClassVar[bool] = False
    syncs: ClassVar[tuple[Sync, ...]] = (_OLD, _BEFORE, _NEW)
    is_new_first: ClassVar[bool] = False

    def new_table(self, change: MovedT) -> TableName:
        """The table the columns move to."""
        raise NotImplementedError

    def sides(self, change: MovedT, context: Context) -> Sides:
        """Both tables and how their rows find each other.

        Raises:
            Refused: they cannot, or not one to one.
        """
        raise NotImplementedError

    def counterpart(self, change: MovedT, sides: Sides) -> str:
        """What a value needs a row in, for messages."""
        del change
        return str(sides.new)

    def arrive(self, change: MovedT, context: Context, sides: Sides, old: Relation) -> Iterator[Draft]:
        """What new code finds from expand on: columns, or a table with them."""
        raise NotImplementedError

    def settle(self, change: MovedT, context: Context, sides: Sides, old: Relation) -> Iterator[Draft]:
        """What new code finds only once both tables are kept in step."""
        del change, context, sides, old
        yield from ()

    def depart(self, change: MovedT, context: Context, sides: Sides) -> Iterator[Draft]:
        """What old code had goes, once nothing keeps it in step any more."""
        raise NotImplementedError

    def withdraw(self, change: MovedT, context: Context, sides: Sides) -> Iterator[Draft]:
        """What ``arrive`` brought goes again."""
        raise NotImplementedError

    def new_defaults(self, change: MovedT, old: Relation) -> Mapping[str, str]:
        """Defaults of the columns in the new table, as SQL; those without one left out."""
        del change, old
        return {}

    def expand(self, change: MovedT, context: Context) -> Iterator[Draft]:
        """The new shape, and what keeps both in step."""
        old, sides = context.schema.relation(change.target), self.sides(change, context)
        if old is None:
            return
        names = Names.of(sides, context)
        yield from self.arrive(change, context, sides, old)
        values = self.function_values(change, sides, names, old)
        found = self.pointing(change, context, sides)
        pointed_to = self.pointed_to(context, sides, found)
        follow = None
        if found is not None and pointed_to is not None:
            values["left"] = divided.function_left(sides, names, found)
            follow = divided.follow(sides, names, found, pointed_to, *self.followed(change, sides, names, found, old))
        values = {what: {**each, "follow": follow} for what, each in values.items()}
        values["way"] = divided.function_way(sides, names)
        yield from triggers.made(
            self.form(change)[0],
            self.kept_by(change, context, sides),
            sides,
            names,
            values,
            is_new_first=self.is_new_first,
        )
        yield from self.settle(change, context, sides, old)

    def contract(self, change: MovedT, context: Context) -> Iterator[Draft]:
        """What takes old writes across, what takes new ones back, and then what old code had."""
        sides = self.sides(change, context)
        yield from triggers.dropped(self.kept_by(change, context, sides), sides, Names.of(sides, context))
        yield from self.depart(change, context, sides)

    def rollback(self, change: MovedT, context: Context) -> Iterator[Draft]:
        """Triggers and new shape go; what new code wrote is where old code reads it."""
        sides = self.sides(change, context)
        syncs = self.kept_by(change, context, sides)
        yield from triggers.dropped(syncs, sides, Names.of(sides, context), undoing=True)
        yield from self.withdraw(change, context, sides)

    def require_two(self, change: MovedT, context: Context) -> tuple[Relation, Relation]:
        """Both tables, where both are there before.

        Raises:
            Refused: one is not, or is no plain table.
        """
        other = self.new_table(change)
        if change.target == other:
            raise Refused(f'"{change.target}" is the table the columns are in')
        for table in (change.target, other):
            if table in context.created:
                raise Refused(
                    f'table "{table}" is created by this migration', hint="write the columns you want into it"
                )
        old, new = (
            require_table(change, context, or_partitioned=True),
            require_table(OnTable(schema=other.schema, table=other.name), context, or_partitioned=True),
        )
        if old is None or new is None:
            raise Refused(
                f'how rows of "{change.target}" and "{other}" belong together is not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        return old, new

    def notes_on_two(self, sides: Sides, *relations: Relation) -> Iterator[str]:
        """What is to be known of columns that are in two tables, and of triggers that fire for both versions."""
        yield (
            f"from expand on both tables have {', '.join(sides.columns)}: statements that join {sides.old.name} and "
            f"{sides.new.name} must write the table before the name"
        )
        for relation in relations:
            for trigger in relation.triggers:
                yield (
                    f"trigger {trigger} of {relation.name} fires on writes that are taken across, with the rights of "
                    "the role that expands"
                )

    def add_columns(self, sides: Sides, old: Relation) -> Iterator[Draft]:
        """The columns in a table that is there, with what hangs on each."""
        group = slug(sides.new.name)
        for name in sides.columns:
            column = old.column(name)
            if column is None:
                continue
            yield Draft(
                f"add-{slug(name)}",
                self._made(
                    "add_column",
                    table=sides.new_sql,
                    column=name,
                    type=Sql(column.type_name),
                    collation=Sql(column.collation),
                ),
                f"kept in step with that of {sides.old.name} from here on",
                group,
            )
        yield from carried.grants(sides, old)
        yield from carried.settings(sides, old)

    def add_state(self, sides: Sides, names: Names, why: str, type_sql: Sql | None = None) -> Draft:
        """A column of the new table that tells rows apart of which the values do not."""
        type_sql = type_sql or Sql('"char"')
        text = self._made("add_column", table=sides.new_sql, column=names.state, type=type_sql, collation=Sql(""))
        return Draft("add-state", text, why, slug(sides.new.name))

    def drop_state(self, sides: Sides, names: Names, *, undoing: bool = False) -> Draft:
        """Undoes ``add_state``."""
        return Draft(
            "drop-state",
            self._made("drop_column", table=sides.new_sql, column=names.state),
            "only the triggers needed it",
            slug(sides.new.name),
            undoes="add-state" if undoing else None,
        )

    def drop_new_columns(self, sides: Sides, loses: Sql) -> Iterator[Draft]:
        """Undoes ``add_columns``."""
        for number, name in enumerate(sides.columns):
            yield Draft(
                f"drop-{slug(name)}",
                self._made("drop_column", table=sides.new_sql, column=name),
                f"its values are in {sides.old.name}, but for those counted here",
                slug(sides.new.name),
                undoes=f"add-{slug(name)}",
                loses=loses if number == 0 else None,
            )

    def require_old(self, sides: Sides, relation: Relation) -> Iterator[str]:
        """Refuse an old table whose columns cannot go, and note what goes with them."""
        self.require_owner_sees_all(relation)
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
            require_insertable(relation, column)
            require_droppable(relation, name)
            yield from notes_on(relation, column, sides)

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

    def function_values(self, change: MovedT, sides: Sides, names: Names, old: Relation) -> dict[str, dict[str, Any]]:
        """What the templates of the functions are told, by trigger."""
        defaults = self.new_defaults(change, old)
        moved = [column for name in sides.columns if (column := old.column(name)) is not None]
        given = Sql(", ".join(typed(column.default, column) for column in moved))
        both: dict[str, Any] = {
            "old": sides.old_sql,
            "new": sides.new_sql,
            "columns": sides.columns,
            "makes_rows": self.makes_rows,
            "state": names.state,
        }
        on_new = {
            **both,
            "gone": gone.table(sides, names),
            "key": sides.new_key,
            "found": sides.found_by_new("NEW"),
            "moved": changed(sides.new_key, ()),
        }
        return {
            "old": {
                **both,
                "key": sides.old_key,
                "new_key": sides.new_key,
                "found": sides.found_by_old("NEW"),
                "link": sides.link_in_function,
                "changed": changed(sides.columns, sides.old_key),
                "guard": _GUARD,
                "given": Sql(f"record_image_ne({row_of('NEW', sides.columns)}, ROW({given}))"),
                "own": sides.own_old,
                "gone": gone.table(sides, names),
                "arriving": {each.name: arriving(each) for each in moved},
                "rekeyed": changed(sides.old_key, ()),
                "written": changed(sides.columns, ()),
                "was_gone": sides.found_by_old("OLD"),
                "conflicts": differs("n", "EXCLUDED", sides.columns),
                "disagrees": differs("o", "n", sides.columns),
            },
            "before": {
                **on_new,
                "own": sides.own,
                "defaults": {each.name: typed(defaults.get(each.name), each) for each in moved},
            },
            "new": {
                **on_new,
                "own": sides.own,
                "changed": changed(sides.columns, ()),
                "disagrees": differs("o", "n", sides.columns),
            },
            "delete": {
                **on_new,
                "found": sides.found_by_new("OLD"),
                "again": is_row("n", "OLD", sides.new_key),
                "cleared": {each.name: Sql("DEFAULT" if each.not_null else "NULL") for each in moved},
                "guard": _GUARD,
            },
        }

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
        counterpart = self.counterpart(change, sides)
        yield Obstacle(
            self._made("without", key=sides.new_key, defaults=defaults, **values),
            f"rows of {sides.old} hold values of {columns} and have no row in {counterpart}: contract would lose them",
            f"give each of them a row in {counterpart}, or clear the values, in {sides.old}",
            Phase.CONTRACT,
        )
        yield Obstacle(
            self._made("apart", disagrees=differs("o", "n", sides.columns), **values),
            f"pairs of rows of {sides.old} and {sides.new} differ in {columns}",
            f"write the right value into {sides.new}; a transaction at REPEATABLE READ can leave such rows behind",
            Phase.CONTRACT,
        )

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
            disagrees=differs("o", "n", sides.columns),
        )  # fmt: skip

    @staticmethod
    def _made(name: str, **values: Any) -> Sql:
        return Sql(render(f"changes/moving/{name}.sql.mako", **values))
