"""Partitioned tables between which columns move: rows that an UPDATE takes to another partition.

For triggers it is a DELETE there and an INSERT here (PostgreSQL documentation, "Overview of Trigger Behavior"). The
foreign key that points to such a row takes its rows along behind both, from PostgreSQL 15 on; in 14 it deletes them
before (release notes of 15, "foreign key behavior of updates on partitioned tables"). So where the trigger on the
DELETE still finds rows that point to what goes, its key will be another one: it is remembered for the trigger on the
INSERT, the next to fire, which takes them along itself, with what the same statement wrote. Where none points to it, a
trigger that fires before the UPDATE, the DELETE and the INSERT of one row, in this order, knows them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from migrator.changes.kind import Context
from migrator.changes.moving.sides import ForeignKey, Sides, changed, differs, foreign_keys, is_row, row_of
from migrator.changes.moving.triggers import Names, Sync
from migrator.errors import Refused
from migrator.model.schema import Relation, TableName
from migrator.sql.compose import Sql, field, ident, qualified, type_name
from migrator.templating import render

FOLLOWS = 15
"""First version whose foreign keys follow a row to another partition."""


@dataclass(frozen=True, slots=True)
class Pointing:
    """The foreign key by which rows of both tables find each other.

    Attributes:
        key: it.
        is_on_new: whether it is on the new table; False: on the old one.
    """

    key: ForeignKey
    is_on_new: bool


def pointing(old: Relation, new: Relation, sides: Sides) -> Pointing | None:
    """The foreign key between two tables that are there; None: they have none over the keys."""
    for here, there, columns, is_on_new in ((new, old, sides.new_key, True), (old, new, sides.old_key, False)):
        for each in foreign_keys(here):
            if TableName(each.to.schema or here.name.schema, each.to.name) == there.name and each.columns == columns:
                return Pointing(each, is_on_new)
    return None


def leaving(found: Pointing | None, pointed_to: Relation | None) -> Sync | None:
    """The trigger on the table that the foreign key points to; None: it needs none."""
    if found is None or pointed_to is None or not pointed_to.partition_key or found.key.on_update != "c":
        return None
    why = "remembers the key of a row that is on its way to another partition"
    return Sync("left", not found.is_on_new, "AFTER DELETE", why, "moving")


def coming(found: Pointing | None, old: Relation) -> Sync | None:
    """The trigger by which a row of the old table that changes its partition is none that is new; None: it needs none.

    Where the foreign key points to it, no row of the new table is there before.
    """
    if not old.partition_key or (found is not None and found.is_on_new and not found.key.is_deferrable):
        return None
    why = "takes what a row holds that comes to another partition, where it belongs to another row of the new table"
    return Sync("way", False, "BEFORE INSERT OR UPDATE OR DELETE", why, "moving")


def function_way(sides: Sides, names: Names) -> dict[str, object]:
    """What the template of the function of ``coming`` is told."""
    return {
        "new": sides.new_sql,
        "columns": sides.columns,
        "left": names.left,
        "key": Sql(f"'from ' || {row_of('OLD', sides.old_key)}::text"),
        "rekeyed": changed(sides.old_key, ()),
        "found": sides.found_by_old("NEW"),
        "disagrees": differs("n", "NEW", sides.columns),
    }


def require_sound(relation: Relation, found: Pointing | None, *, is_pointed_to: bool, is_old: bool) -> None:
    """Refuse a partitioned table whose rows could not be followed.

    Raises:
        Refused: a row that goes cannot be told from one that is deleted, or one that is taken along from one that
            old code takes elsewhere.
    """
    if is_pointed_to and relation.partition_key and found and (found.key.on_update, found.key.on_delete) == ("c", "a"):
        raise Refused(
            f'a row of "{relation.name}" that an UPDATE takes to another partition is deleted and inserted for '
            "triggers, and with a foreign key ON UPDATE CASCADE and no action ON DELETE this looks like a row that "
            "another one takes the place of",
            hint="replace the foreign key by one with ON DELETE RESTRICT, or CASCADE, in a migration before this one",
        )
    if is_old and relation.partition_key and found and not found.is_on_new and found.key.on_update == "c":
        raise Refused(
            f'a row of "{relation.name}" comes to another partition where old code gives it to another row, and where '
            "the foreign key takes it along, ON UPDATE CASCADE: triggers cannot tell the two apart",
            hint="replace the foreign key by one without ON UPDATE CASCADE, in a migration before this one",
        )


def notes(sides: Sides, old: Relation, new: Relation | None) -> Iterator[str]:
    """What the author should know."""
    for relation in (old, new):
        if relation is not None and relation.partition_key:
            yield (
                f"a partition that is attached to {relation.name} with rows, once the backfill has been, is not kept "
                "in step: contract counts what differs; attach it before, or empty, and INSERT the rows"
            )
            for trigger in relation.partition_triggers:
                yield f"{trigger} fires on writes that are taken across, with the rights of the role that expands"
    if old.partition_key and new is None:
        yield (
            f"DETACH PARTITION of {old.name} fails from expand on while rows of {sides.new} belong to rows there: "
            "delete these first"
        )


def note_of_deletes(pointed_to: Relation | None, sides: Sides, context: Context) -> Iterator[str]:
    """What the author should know of a server whose foreign keys do not follow a row, and delete with it."""
    if pointed_to is not None and context.schema.server_version < FOLLOWS:
        other = sides.new if pointed_to.name == sides.old else sides.old
        yield (
            f"on PostgreSQL {context.schema.server_version} an UPDATE that takes a row of {pointed_to.name} to another "
            f"partition, by {pointed_to.partition_key}, deletes its rows of {other} through the foreign key, and after "
            "contract what they held is lost: let no code do so, or upgrade first"
        )


def function_left(sides: Sides, names: Names, found: Pointing) -> dict[str, object]:
    """What the template of the function of ``leaving`` is told."""
    here, there = (sides.old_key, sides.new_key) if found.is_on_new else (sides.new_key, sides.old_key)
    return {
        "pointing": sides.new_sql if found.is_on_new else sides.old_sql,
        "found": sides.found_by_old("OLD") if found.is_on_new else sides.found_by_new("OLD"),
        "alias": "n" if found.is_on_new else "o",
        "left": names.left,
        "key": dict(zip(there, here, strict=True)),
    }


def follow(
    sides: Sides,
    names: Names,
    found: Pointing,
    pointed_to: Relation,
    values: Mapping[str, Sql],
    unless: Sql,
) -> Sql:
    """Statements of the function of AFTER INSERT that take along the rows that point to one that was moved.

    Args:
        pointed_to: the partitioned table.
        values: of other columns of these rows, ``o`` or ``n`` as they are in the old and the new table.
        unless: a condition under which they are deleted instead; empty: they never are.
    """
    here, there = (sides.old_key, sides.new_key) if found.is_on_new else (sides.new_key, sides.old_key)
    types = {
        name: type_name(column.type_name)
        for name, of in zip(there, here, strict=True)
        if (column := pointed_to.column(of)) is not None
    }
    alias, other = ("n", "o") if found.is_on_new else ("o", "n")
    return Sql(
        render(
            "changes/moving/follow.sql.mako",
            left=names.left,
            pointing=sides.new_sql if found.is_on_new else sides.old_sql,
            pointed_to=qualified(pointed_to.name.schema, pointed_to.name.name),
            alias=alias,
            other=other,
            own=is_row(other, "NEW", here),
            key={name: Sql(f"NEW.{field(of)}") for name, of in zip(there, here, strict=True)},
            types=types,
            was=Sql(" AND ".join(f"{alias}.{ident(name)} OPERATOR(pg_catalog.=) l.{ident(name)}" for name in there)),
            values=values,
            unless=unless,
        )
    )
