"""What a database holds as the application sees it: attributes with values, whatever columns carry them.

An attribute keeps its value while the schema changes around it; each version of the application knows it by a ``View``.
Values are text in a canonical form, or None.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


Values = frozenset[str | None]
ANYTHING: Values = frozenset(["(anything but NULL)"])
"""A value that the server made up."""
COMPUTED: Values = frozenset(["(whatever it is computed from)"])


@dataclass(frozen=True)
class View:
    """The columns that carry an attribute in one version; two of them: the words of its value."""

    columns: tuple[str, ...]

    @property
    def select(self) -> str:
        """An expression for its value."""
        return " || ' ' || ".join(f"{quoted(column)}::text" for column in self.columns)

    def writes(self, value: str | None) -> list[tuple[str, str]]:
        """Columns and their literals."""
        if len(self.columns) == 1 or value is None:
            return [(column, literal(value)) for column in self.columns]
        return [(column, literal(word)) for column, word in zip(self.columns, value.split(" "), strict=True)]


@dataclass
class Attribute:
    """What may be written as a value, and what is there when nothing is.

    Attributes:
        kind: ``word``, ``number``, ``pair``, ``mood``, ``ref`` (the key of a row of ``refers``), ``computed``.
        omitted: what a row holds that was inserted without it.
        fill: what NULL becomes.
        on_delete: of the foreign key; empty: there is none.
        loud: a trigger of the user makes it upper case.
        type: of its one column.
        is_external: whether its column has STORAGE EXTERNAL, which the server forgets when the type changes.
        is_arbiter: whether ON CONFLICT may name it.
    """

    kind: str
    view: View
    type: str = "text"
    nullable: bool = True
    unique: bool = False
    omitted: Values = frozenset([None])
    required: bool = False
    fill: str | None = None
    refers: str = ""
    on_delete: str = ""
    loud: bool = False
    is_external: bool = False
    is_arbiter: bool = False

    @property
    def column(self) -> str:
        return self.view.columns[0]


@dataclass
class Table:
    """A table in one version.

    Attributes:
        key: the column that identifies a row.
        objects: names of what hangs on it, by what it is: ``index``, ``unique``, ``check``, ``fk``, ``trigger`` …; with
            the attribute it is on.
        has_primary_key: whether that is its primary key, and not a column that is unique.
    """

    schema: str
    name: str
    key: str
    key_type: str
    attributes: dict[str, Attribute] = field(default_factory=dict)
    objects: list[tuple[str, str, str]] = field(default_factory=list)
    plain: bool = True
    has_primary_key: bool = True

    @property
    def sql(self) -> str:
        return f"{self.schema}.{quoted(self.name)}"

    def named(self, *kinds: str) -> list[tuple[str, str, str]]:
        return [each for each in self.objects if each[0] in kinds]

    def columns(self) -> set[str]:
        return {self.key, *(column for each in self.attributes.values() for column in each.view.columns)}


@dataclass
class State:
    """A version of the schema.

    Attributes:
        names: how many were given.
        has_lost: whether the enum has the value that no row holds.
    """

    tables: dict[str, Table] = field(default_factory=dict)
    names: int = 0
    has_lost: bool = True

    def copy(self) -> State:
        return copy.deepcopy(self)


@dataclass
class Row:
    """What was committed.

    Attributes:
        values: by attribute, one of which every version reads.
        touched: which expand was the last before any write to it; ``written``: before an attribute was given a value.
    """

    values: dict[str, Values]
    touched: int
    written: dict[str, int] = field(default_factory=dict)
