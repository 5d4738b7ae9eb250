"""What goes into the other table, and by which key: read off the parameters and the catalog."""

from __future__ import annotations

from collections.abc import Mapping

from migrator.changes.kind import OnTable
from migrator.changes.moving.sides import ForeignKey, foreign_keys, row_of, typed
from migrator.errors import Refused
from migrator.model.schema import Column, Relation, TableName
from migrator.sql.compose import Sql, field, qualified


class Merging(OnTable, frozen=True):
    """Parameters of ``merge_tables``.

    Attributes:
        columns: those that go into the other table; they keep their names.
        into: the other table.
        into_schema: its schema; an empty string: that of the table that goes.
        key: columns of the table that goes which are its foreign key to the other one; none: those of the only one.
        without: columns that go with the table; no other code needs what they hold.
        nullable: columns that are NOT NULL in the table that goes, and may be NULL in the other one.
    """

    columns: tuple[str, ...]
    into: str
    into_schema: str = ""
    key: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    nullable: tuple[str, ...] = ()

    @property
    def other(self) -> TableName:
        """The table it is merged into."""
        return TableName(self.into_schema or self.schema, self.into)


def given(row: str, columns: list[Column], defaults: Mapping[str, str]) -> Sql:
    """Whether a row of the other table holds anything that has to be kept: a value that is not its default."""
    return Sql(
        " OR ".join(
            f"{row}.{field(each.name)} IS NOT NULL"
            + (
                f" AND record_image_ne({row_of(row, (each.name,))}, ROW({typed(defaults[each.name], each)}))"
                if each.name in defaults
                else ""
            )
            for each in columns
        )
    )


def column(relation: Relation, name: str) -> Column:
    """A column that must be there.

    Raises:
        Refused: it is not.
    """
    column = relation.column(name)
    if column is None:
        known = ", ".join(f'"{each.name}"' for each in relation.columns)
        raise Refused(f'column "{name}" of table "{relation.name}" does not exist', detail=f"columns: {known}")
    return column


def moved(change: Merging, old: Relation) -> list[Column]:
    """What goes into the other table."""
    return [column(old, name) for name in change.columns]


def required(change: Merging, old: Relation) -> list[str]:
    """What becomes NOT NULL."""
    return [each.name for each in moved(change, old) if each.not_null and each.name not in change.nullable]


def foreign_key(change: Merging, old: Relation) -> ForeignKey:
    """The one by which rows find their rows of the other table.

    Raises:
        Refused: there is none, or there are several.
    """
    keys = [
        each
        for each in foreign_keys(old)
        if TableName(each.to.schema or old.name.schema, each.to.name) == change.other
        and change.key in ((), each.columns)
    ]
    if len(keys) != 1:
        raise Refused(
            f"how rows of {change.target} find their rows of {change.other} cannot be told: there "
            + ("are several foreign keys" if keys else "is no foreign key"),
            hint="name its columns: -- migrator: key = user_id"
            if keys
            else "add it in a migration before this one: "
            f"ALTER TABLE {change.sql} ADD FOREIGN KEY (…) REFERENCES "
            f"{qualified(change.other.schema, change.other.name)} ON DELETE CASCADE",
        )
    return keys[0]
