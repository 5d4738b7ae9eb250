"""What keeps two tables in step, and rows that are taken along when one they point to changes its partition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, TypeVar

from migrator.changes.kind import Context, Kind, OnTable
from migrator.changes.moving import divided
from migrator.changes.moving.divided import Pointing
from migrator.changes.moving.sides import Sides
from migrator.changes.moving.triggers import Names, Sync
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, ident

MovedT = TypeVar("MovedT", bound=OnTable)


class Following(Kind[MovedT]):
    """The triggers of a change that moves columns to another table.

    Attributes:
        syncs: those on both tables, whether partitioned or not.
        functions: folder of the templates of their functions.
    """

    syncs: ClassVar[tuple[Sync, ...]]
    functions: ClassVar[str] = "moving"

    def form(self, change: MovedT) -> tuple[str, tuple[Sync, ...]]:
        """The folder of the templates of functions, and the triggers that call them."""
        del change
        return self.functions, self.syncs

    def pointing(self, change: MovedT, context: Context, sides: Sides) -> Pointing | None:
        """The foreign key by which rows of both tables find each other; None: there is none."""
        old, new = context.schema.relation(change.target), context.schema.relation(sides.new)
        return divided.pointing(old, new, sides) if old is not None and new is not None else None

    def pointed_to(self, context: Context, sides: Sides, found: Pointing | None) -> Relation | None:
        """The partitioned table whose rows are followed to other partitions; None: neither is."""
        relation = context.schema.relation(sides.old if found is None or found.is_on_new else sides.new)
        return relation if divided.leaving(found, relation) else None

    def kept_by(self, change: MovedT, context: Context, sides: Sides) -> tuple[Sync, ...]:
        """All that keep both tables in step."""
        found = self.pointing(change, context, sides)
        left = divided.leaving(found, self.pointed_to(context, sides, found))
        old = context.schema.relation(sides.old)
        way = divided.coming(found, old) if old is not None and self.goes_by_place(change) else None
        return (*self.form(change)[1], *(each for each in (left, way) if each))

    def goes_by_place(self, change: MovedT) -> bool:
        """Whether a row of the new table that was there before one of the old table wins, unless that was moved."""
        del change
        return False

    def followed(
        self, change: MovedT, sides: Sides, names: Names, found: Pointing, old: Relation
    ) -> tuple[Mapping[str, Sql], Sql]:
        """What rows get besides the key of one they point to that changed its partition, and when they go instead."""
        del change, names, old
        if found.is_on_new:
            return {name: Sql(f"o.{ident(name)}") for name in sides.columns}, Sql("")
        return {name: Sql(f"coalesce(n.{ident(name)}, o.{ident(name)})") for name in sides.columns}, Sql("")

    def require_followed(self, change: MovedT, context: Context, sides: Sides) -> Iterator[str]:
        """Refuse partitioned tables whose rows could not be followed, and note what else is to be known of them."""
        found = self.pointing(change, context, sides)
        tables = {name: context.schema.relation(name) for name in (sides.old, sides.new)}
        for relation in tables.values():
            if relation is not None:
                is_pointed_to = found is not None and relation.name == (sides.old if found.is_on_new else sides.new)
                is_old = relation.name == sides.old and self.goes_by_place(change)
                divided.require_sound(relation, found, is_pointed_to=is_pointed_to, is_old=is_old)
        if found is not None and found.key.on_delete == "c":
            yield from divided.note_of_deletes(self.pointed_to(context, sides, found), sides, context)
        old = tables[sides.old]
        if old is not None:
            yield from divided.notes(sides, old, tables[sides.new])
