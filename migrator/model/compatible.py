"""What a release uses held against what a database has. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from migrator.model.manifest import Manifest, UsedColumn

_PLAIN_TYPE = re.compile(r'[A-Za-z_"][\w ."]*(\([\w ,]*\))?( WITH(OUT)? TIME ZONE)?(\[\])*')
_STRINGS = frozenset("SEU")
"""Categories whose values pass for one another as text: strings, enums, user-defined types such as citext and uuid."""


class ActualRow(Protocol):
    """A row of the query ``actual``: a column that exists, of a table that a manifest names."""

    @property
    def schema(self) -> str: ...  # noqa: D102 - as the query calls it
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def column(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def category(self) -> str: ...  # noqa: D102
    @property
    def wanted_category(self) -> str | None: ...  # noqa: D102
    @property
    def not_null(self) -> bool: ...  # noqa: D102
    @property
    def has_value(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Missing:
    """What a release uses and the database has not; ``column`` None: the whole table."""

    schema: str
    table: str
    column: str | None = None

    def __str__(self) -> str:
        return ".".join(filter(None, (self.schema, self.table, self.column)))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What does not fit.

    Attributes:
        missing: what is not there.
        required: columns that the release leaves out of its INSERTs and that cannot be left out.
        null: columns that the release may write NULL to, and that refuse it.
        types: columns whose type is of another kind than the release takes it for.
    """

    missing: tuple[Missing, ...] = ()
    required: tuple[str, ...] = ()
    null: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


def wanted(manifest: Manifest) -> str:
    """The parameter of the query ``actual``: the tables, and what each column is taken for."""
    rows = [
        {"schema": table.schema, "name": table.name, "types": {each.name: _plain(each.type) for each in table.columns}}
        for table in manifest.tables
    ]
    return json.dumps(rows)


def _plain(written: str) -> str | None:
    """A type that any server can look up without an error; None: it is not compared."""
    text = written.split(" COLLATE ", maxsplit=1)[0]
    return text if _PLAIN_TYPE.fullmatch(text) else None


def compare(manifest: Manifest, rows: Iterable[ActualRow]) -> Comparison:
    """Hold a manifest against the columns of its tables.

    What is NOT NULL in the models and may be NULL in the database is fine: between expand and contract it has to be.
    """
    actual: dict[tuple[str, str], dict[str, ActualRow]] = {}
    for row in rows:
        actual.setdefault((row.schema, row.name), {})[row.column] = row
    missing: list[Missing] = []
    required: list[str] = []
    null: list[str] = []
    types: list[str] = []
    for table in manifest.tables:
        there = actual.get((table.schema, table.name))
        if there is None:
            missing.append(Missing(table.schema, table.name))
            continue
        used = {each.name: each for each in table.columns}
        missing += [Missing(table.schema, table.name, name) for name in used if name not in there]
        if table.inserts and not table.every_column:
            required += [
                f"{table}.{row.column}"
                for row in there.values()
                if row.not_null and not row.has_value and not (row.column in used and used[row.column].writes)
            ]
        for column, row in _both(used, there):
            if column.writes and column.takes_null and row.not_null:
                null.append(f"{table}.{column.name}")
            if row.wanted_category is not None and not _fits(row.category, row.wanted_category):
                types.append(f"{table}.{column.name} is {row.type}, taken for {column.type}")
    return Comparison(tuple(missing), tuple(required), tuple(null), tuple(types))


def _both(used: dict[str, UsedColumn], there: dict[str, ActualRow]) -> Iterator[tuple[UsedColumn, ActualRow]]:
    return ((column, there[name]) for name, column in used.items() if name in there)


def _fits(one: str, other: str) -> bool:
    return one == other or {one, other} <= _STRINGS
