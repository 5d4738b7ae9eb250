"""Columns that have other names in the new table, and what is asked of those that are there already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from migrator.changes.kind import Context
from migrator.changes.moving.made_table import MadeColumn, MadeTable
from migrator.changes.moving.sides import ForeignKey, Sides, canonical_type, foreign_keys, primary_key, row_of
from migrator.errors import Refused
from migrator.model.schema import Relation, TableName
from migrator.sql.compose import Sql, ident, ident_list, qualified

_BLOCKING = "ar"
"""NO ACTION and RESTRICT."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Columns of the old table and what they are called in the new one, that of the key first.

    Attributes:
        called: the names there, by those here.
    """

    called: dict[str, str]

    @property
    def first(self) -> str:
        """The one that is part of the primary key there."""
        return self.old[0]

    @property
    def rest(self) -> dict[str, str]:
        """The others."""
        return {name: there for name, there in self.called.items() if name != self.first}

    @property
    def old(self) -> tuple[str, ...]:
        """The names here."""
        return tuple(self.called)

    @property
    def new(self) -> tuple[str, ...]:
        """The names there."""
        return tuple(self.called.values())

    def differ(self, old: str, new: str) -> Sql:
        """Whether a row of the old table and one of the new one have different values, whatever their types."""
        return Sql(f"record_image_ne({row_of(old, self.old)}, {row_of(new, self.new)})")

    def differ_there(self, one: str, other: str) -> Sql:
        """Whether two rows of the new table have different values."""
        return Sql(f"record_image_ne({row_of(one, self.new)}, {row_of(other, self.new)})")


def require_sound(pairs: Pairs, made: MadeTable, sides: Sides, old: Relation, context: Context) -> None:
    """Refuse columns whose values could not be rows of the new table, whoever writes them.

    Raises:
        Refused: with what is in the way.
    """
    _require_free(old, pairs.first)
    _require_alike(pairs, {each.name: each for each in made.columns}, old)
    _require_keys_to_stay(pairs, sides, old)
    if made.lookup is not None:
        _require_pointing_likewise(made.lookup, pairs, sides, old, context)


def _require_free(old: Relation, value: str) -> None:
    """Refuse a key that rows of new code, which does not name it, would have.

    Raises:
        Refused: it is NOT NULL or has a default.
    """
    column = old.column(value)
    if column is not None and (column.not_null or column.default is not None):
        raise Refused(
            f'column "{value}" of table "{old.name}" '
            + ("is NOT NULL" if column.not_null else f"has the default {column.default}")
            + ": new code inserts rows that belong to nothing yet",
            hint="in a migration before this one: ALTER TABLE "
            f"{qualified(old.name.schema, old.name.name)} ALTER COLUMN {ident(value)} DROP "
            + ("NOT NULL" if column.not_null else "DEFAULT"),
        )


def _require_alike(pairs: Pairs, made: Mapping[str, MadeColumn], old: Relation) -> None:
    """Refuse columns that could not hold what those of the old table hold.

    Args:
        made: the columns of the new table, by name.

    Raises:
        Refused: another type or collation, or NOT NULL that the old one is not.
    """
    for name, called in pairs.called.items():
        column, there = old.column(name), made[called]
        if column is None:
            continue
        if column.collation or canonical_type(column.type_name) != canonical_type(there.type):
            raise Refused(
                f'column "{called}" is of type {there.type} in the new table, and "{name}" of {old.name} of type '
                f"{column.type_name}{' COLLATE ' + column.collation if column.collation else ''}",
                hint="move it as it is, and change it in a later migration",
            )
        if there.not_null and not column.not_null and name != pairs.first:
            raise Refused(
                f'column "{called}" is NOT NULL in the new table, and "{name}" of {old.name} is not: a write of old '
                "code could fail",
                hint="leave NOT NULL out here, and set it in a later migration",
            )


def _require_pointing_likewise(key: ForeignKey, pairs: Pairs, sides: Sides, old: Relation, context: Context) -> None:
    """Refuse a foreign key of the key that moves, if it does not allow what the one that is there allows.

    Args:
        key: that of the new table.

    Raises:
        Refused: there is none like it, or it would stop deletes or changed keys that old code may do.
    """
    to = qualified(key.to.schema, key.to.name)
    if key.columns != (pairs.called[pairs.first],):
        raise Refused(
            f"the foreign key of {sides.new} to {key.to} must be one of {pairs.called[pairs.first]} alone",
            hint="leave it out here, and add it in a later migration",
        )
    alike = [
        each for each in _pointing_from(pairs.first, old) if _place(each, old, context) == _place(key, old, context)
    ]
    valid = {each.columns for each in old.constraints if each.type == "foreign key" and each.is_valid}
    sound = [each for each in alike if not each.is_deferrable and each.columns in valid]
    if not sound:
        raise Refused(
            f"the foreign key of {sides.new} to {key.to} would refuse what old code may write into {sides.old}, which "
            + ("has one that is DEFERRABLE or not valid" if alike else "has none like it"),
            hint="leave it out here, and add it in a later migration",
        )
    for clause, action, was in (
        ("ON DELETE", key.on_delete, sound[0].on_delete),
        ("ON UPDATE", key.on_update, sound[0].on_update),
    ):
        if action != "c" and not (action in _BLOCKING and was in _BLOCKING):
            raise Refused(
                f"the foreign key of {sides.new} to {key.to} would stop what that of {sides.old} allows, {clause}: old "
                "code would fail for rows that it does not know",
                hint=f"FOREIGN KEY ({ident_list(key.columns)}) REFERENCES {to} {clause} CASCADE",
            )


def _require_keys_to_stay(pairs: Pairs, sides: Sides, old: Relation) -> None:
    """Refuse a key of the table itself that follows changed keys: both columns of a row of the new one would change.

    Raises:
        Refused: it does, and keys can change.
    """
    follows = [
        each
        for each in _pointing_from(pairs.first, old)
        if _table(each, old) == old.name and each.on_update not in _BLOCKING
    ]
    fixed = all((column := old.column(name)) is not None and column.identity == "always" for name in sides.old_key)
    if follows and not fixed:
        raise Refused(
            f"a changed key of {old.name} goes to {pairs.first} of its own rows: what changes first is not known",
            hint="let that foreign key have no ON UPDATE action until contract, or make the key GENERATED ALWAYS AS "
            "IDENTITY",
        )


def _pointing_from(name: str, old: Relation) -> list[ForeignKey]:
    return [each for each in foreign_keys(old) if each.columns == (name,)]


def _table(key: ForeignKey, old: Relation) -> TableName:
    return TableName(key.to.schema or old.name.schema, key.to.name)


def _place(key: ForeignKey, old: Relation, context: Context) -> tuple[TableName, tuple[str, ...]]:
    """The table and the columns it points to; those left out are its primary key."""
    relation = context.schema.relation(_table(key, old))
    return _table(key, old), key.referenced or (primary_key(relation) if relation is not None else ())
