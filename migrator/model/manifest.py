"""What a release of an application uses of a database: the tables and columns that its code reads and writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UsedColumn:
    """A column that code uses.

    Attributes:
        reads: whether it is read as a matter of course, when a row is loaded.
        writes: whether INSERT or UPDATE may name it.
        deferred: whether it is read only where code asks for it.
        type: as PostgreSQL writes it, ``VARCHAR(40)``; empty: not known.
        takes_null: whether code may write NULL to it, also by leaving it unset.
    """

    name: str
    reads: bool
    writes: bool
    deferred: bool = False
    type: str = ""
    takes_null: bool = False


@dataclass(frozen=True, slots=True)
class UsedTable:
    """A table or view that code uses.

    Attributes:
        columns: by name.
        inserts: whether rows may be added by naming ``columns`` alone, as mapped classes do.
        every_column: whether statements may use any of its columns, those that are not listed too.
    """

    schema: str
    name: str
    columns: tuple[UsedColumn, ...] = ()
    inserts: bool = False
    every_column: bool = False

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def uses(self, column: str) -> bool:
        """Whether statements may name a column, or need it without naming it."""
        return self.every_column or any(each.name == column for each in self.columns)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one release uses.

    Attributes:
        service: the application it is of; empty: not said.
        level: schema level of the release; None: not said.
        models: where they were read from, ``app.models:Base``.
        tables: by schema and name.
        statements: number of recorded statements that are taken in; None: none were looked at.
        unseen: what the release may use that stands in no table here, one reason each; empty: nothing is known to be
            missing.
        notes: what is worth knowing about how a table is used.
    """

    service: str
    level: int | None
    models: str
    tables: tuple[UsedTable, ...]
    statements: int | None = None
    unseen: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The release for people: ``web at level 41``."""
        return " ".join(
            filter(None, (self.service or self.models, "" if self.level is None else f"level {self.level}"))
        )

    def table(self, schema: str, name: str) -> UsedTable | None:
        """What it uses of a table; None: nothing."""
        return next((table for table in self.tables if (table.schema, table.name) == (schema, name)), None)

    def uses(self, schema: str, relation: str, column: str | None = None) -> bool:
        """Whether it uses a relation, or a column of one."""
        table = self.table(schema, relation)
        return table is not None and (column is None or table.uses(column))

    def in_schema(self, schema: str) -> Iterator[UsedTable]:
        """The tables it uses of a schema."""
        return (table for table in self.tables if table.schema == schema)
