"""What speaks against merging a table into another, and what its author should know."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kinds.merge_tables.merging import Merging, column, foreign_key, moved, required
from migrator.changes.moving.sides import Sides, is_unique, require_movable, to_be_unique
from migrator.changes.removal import require_droppable_table
from migrator.errors import Refused
from migrator.model.schema import Relation
from migrator.sql.compose import ident, ident_list


def require_one_to_one(change: Merging, old: Relation, sides: Sides) -> None:
    """Refuse a foreign key by which rows do not belong together, or which new code would stumble over.

    Raises:
        Refused: with what to do about it.
    """
    key = foreign_key(change, old)
    if not is_unique(old, key.columns):
        raise Refused(
            f"several rows of {old.name} may have the same {', '.join(key.columns)}, so they do not belong to rows of "
            f"{sides.new} one to one",
            hint=to_be_unique(old, key.columns),
        )
    constraint = next(each for each in old.constraints if each.type == "foreign key" and each.columns == key.columns)
    if key.on_delete != "c" or key.is_deferrable or not constraint.is_valid:
        reason = (
            f"new code that deletes a row of {sides.new} would fail for the row of {old.name} that it does not know"
            if key.on_delete != "c"
            else f"a row of {old.name} may be there before its row of {sides.new}"
        )
        raise Refused(
            f"{reason}, by foreign key {constraint.name}: {constraint.definition}",
            hint=f"replace it in a migration before this one by REFERENCES {sides.new_sql} ON DELETE CASCADE, "
            "validated and not DEFERRABLE",
        )


def require_unused(old: Relation, sides: Sides) -> None:
    """Refuse a table that others point to.

    Raises:
        Refused: with what a foreign key can point to instead.
    """
    keys = [each for each in old.references if each.table != old.name]
    if keys:
        raise Refused(
            f'table "{old.name}", which goes, is pointed to by foreign keys of other tables',
            detail="\n".join(f"{each.name} of {each.table}: {each.definition}" for each in keys),
            hint=f"let them point to {sides.new_sql} ({ident_list(sides.new_key)}) in a migration before this one: "
            f"where they point to {ident_list(sides.old_key)}, it is the same value; else add a column for it first",
        )
    require_droppable_table(old)


def require_all_said(change: Merging, old: Relation, sides: Sides) -> None:
    """Refuse columns of which it is not said whether they go, and those that cannot go where it is said.

    Raises:
        Refused: with the directive that is missing.
    """
    for name in (*change.columns, *change.without, *change.nullable):
        column(old, name)
    said = {*change.columns, *change.without, *sides.old_key}
    rest = [each.name for each in old.columns if each.name not in said]
    if rest or not change.columns:
        raise Refused(
            f"columns of {old.name} are neither moved nor left behind: {', '.join(rest)}"
            if rest
            else f"no column of {old.name} goes into {sides.new}",
            hint="write the migration anew" if rest else "DROP TABLE alone drops it",
        )
    for name in sides.old_key:
        if column(old, name).identity == "always":
            raise Refused(f'column "{name}" of table "{old.name}" draws its values by itself, so no row can be made')
    for each in moved(change, old):
        try:
            require_movable(old, each)
        except Refused as refusal:
            hint = f"leave it behind: -- migrator: without = {ident(each.name)}"
            raise Refused(refusal.message, hint=hint) from None
    for left in (column(old, name) for name in change.without):
        if left.name in sides.old_key:
            raise Refused(f'column "{left.name}" of table "{old.name}" is the key by which rows are found')
        if left.not_null and not (left.default or left.identity or left.generated):
            raise Refused(
                f'column "{left.name}" of table "{old.name}" is left behind, and NOT NULL without a default: rows '
                "that new code makes could not be given to old code",
                hint="give it a default, or drop its NOT NULL, in a migration before this one",
            )
    for name in change.nullable:
        if name not in change.columns or not column(old, name).not_null:
            raise Refused(f'column "{name}" of table "{old.name}" is not NOT NULL, or does not go into {sides.new}')


def notes(change: Merging, old: Relation, new: Relation) -> Iterator[str]:
    """What the author should know."""
    strict = required(change, old)
    if strict:
        yield (
            f"{', '.join(strict)} of {new.name} will be NOT NULL: contract is refused while a row holds NULL there, "
            f"as rows without one in {old.name.name} do, but for those with a default; -- migrator: nullable = "
            f"{strict[0]} lets it be NULL"
        )
    if change.without:
        yield f"what stands in {', '.join(change.without)} of {old.name} is gone after contract"
    for each in old.constraints:
        if each.type in ("check", "unique", "exclusion", "foreign key") and each.columns != change.key:
            yield f"{each.type} {each.name} binds what new code writes until contract, and goes with {old.name}"
    for index in old.indexes:
        if index.constraint is None:
            yield f"index {index.name} goes with {old.name}: create one on {new.name} if new code needs it"
    readers = {each.grantee or "PUBLIC" for each in old.grants if each.privilege == "SELECT"}
    more = sorted({each.grantee or "PUBLIC" for each in new.grants if each.privilege == "SELECT"} - readers)
    if more:
        columns = ", ".join(change.columns)
        yield f"roles that may read {new.name}, but not {old.name}, may read {columns}: {', '.join(more)}"
    for function in old.functions:
        yield f"function {function} mentions {change.table} in its text: if that is this table, contract breaks it"
