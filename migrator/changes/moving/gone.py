"""The keys of rows that new code deletes before contract, so that the backfill does not make those rows again.

A row of the old table that has none in the new one is either still to be done, or new code has deleted what there was.
Neither table tells which: what the old one held there is cleared, as it is where nothing was ever given.
"""

from __future__ import annotations

from migrator.changes.kind import Draft
from migrator.changes.moving.sides import Sides
from migrator.changes.moving.triggers import Names
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, qualified
from migrator.sql.rewrite import slug
from migrator.templating import render


def table(sides: Sides, names: Names) -> Sql:
    """Its name, beside the new table."""
    return qualified(sides.new.schema, names.gone)


def created(sides: Sides, names: Names, old: Relation) -> Draft:
    """The step that makes it."""
    key = {
        new: Sql(column.type_name + (f" COLLATE {column.collation}" if column.collation else ""))
        for name, new in zip(sides.old_key, sides.new_key, strict=True)
        if (column := old.column(name)) is not None
    }
    return Draft(
        "create-gone",
        Sql(render("changes/moving/create_gone.sql.mako", gone=table(sides, names), key=key)),
        "remembers which rows new code deleted, so that the backfill does not make them again",
        slug(sides.new.name),
    )


def dropped(sides: Sides, names: Names, *, undoing: bool = False) -> Draft:
    """The step that undoes ``created``."""
    return Draft(
        "drop-gone",
        Sql(render("changes/moving/drop_table.sql.mako", table=table(sides, names))),
        "only the triggers and the backfill needed it",
        slug(sides.new.name),
        undoes="create-gone" if undoing else None,
    )
