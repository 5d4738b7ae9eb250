"""Rows in the order of a key, where a table has no blocks to go by: a batch is what lies between two values of it.

A position is the key of the last row that is done, so rows that are inserted or deleted meanwhile move no boundary, and
a row that stays is in exactly one span. Values are text as PostgreSQL writes it, and compared by the server alone: by
the type's own order, under the column's collation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from migrator.sql.compose import Sql, expression, ident, literal
from migrator.sql.parser import parse_expression

KeyValue = tuple[str, ...]
"""A value for each column of a key, or for the first of them: then it stands for all rows with these."""


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column of a key and its type, as SQL."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Key:
    """What rows are ordered by.

    Attributes:
        columns: in order.
        is_exact: whether its values read the same under all settings of a session.
        has_versions: whether rows have a place and a version, by which one can be set aside.
        nullable: those of which the catalog does not say that they are never NULL; none may be.
    """

    columns: tuple[KeyColumn, ...]
    is_exact: bool = True
    has_versions: bool = True
    nullable: tuple[str, ...] = ()

    def listed(self, alias: str) -> Sql:
        """Its columns, by which rows are ordered."""
        return Sql(", ".join(self._column(alias, column) for column in self.columns))

    def texts(self, alias: str) -> Sql:
        """An array of its values as text."""
        return Sql(f"ARRAY[{', '.join(f'{self._column(alias, column)}::text' for column in self.columns)}]")

    def named(self, value: KeyValue) -> str:
        """A value for people: ``a = 1, b = x``."""
        return ", ".join(f"{column.name} = {each}" for column, each in zip(self.columns, value, strict=False))

    def compared(self, alias: str, operator: str, value: KeyValue) -> str:
        """A comparison of rows with a value, as SQL."""
        columns = self.columns[: len(value)]
        rows = ", ".join(self._column(alias, column) for column in columns)
        values = ", ".join(f"{literal(each)}::{column.type}" for column, each in zip(columns, value, strict=True))
        return f"({rows}) {operator} ({values})"

    def _column(self, alias: str, column: KeyColumn) -> str:
        return f"{ident(alias)}.{ident(column.name)}"


@dataclass(frozen=True, slots=True)
class KeySpan:
    """Rows whose key comes after ``after`` and not after ``last``.

    Attributes:
        after: None: from the first row.
        last: None: to the end, wherever that is.
        rows: keys of the rows in it, in order; known only where it is narrowed down.
        without: row versions left out: place and the transaction that made them.
    """

    key: Key
    after: KeyValue | None = None
    last: KeyValue | None = None
    rows: tuple[KeyValue, ...] = ()
    without: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """For people."""
        start = f"after {self.key.named(self.after)}" if self.after else "from the first row"
        return f"{start} to {self.key.named(self.last) if self.last else 'the last row'}"

    @property
    def start(self) -> KeyValue | None:
        """As ``Span.start``."""
        return self.after

    @property
    def stop(self) -> KeyValue | None:
        """As ``Span.stop``."""
        return self.last

    @property
    def is_one_row(self) -> bool:
        """Whether it can hold one row only; its rows must be known."""
        return len(self.rows) == 1

    def halves(self) -> tuple[KeySpan, KeySpan]:
        """Two spans that cover this one exactly.

        Raises:
            ValueError: its rows are not known, or there is one.
        """
        if len(self.rows) < 2:
            raise ValueError(f"{self} cannot be halved")
        middle = self.rows[len(self.rows) // 2 - 1]
        return self.until(middle), self.beginning(middle)

    def beginning(self, start: KeyValue | None) -> KeySpan:
        """The part of it after a row of it; None: all."""
        if start is None or start == self.after:
            return self
        return replace(self, after=start, rows=self.rows[self.rows.index(start) + 1 :])

    def until(self, stop: KeyValue) -> KeySpan:
        """The part of it to a row of it."""
        return replace(self, last=stop, rows=self.rows[: self.rows.index(stop) + 1])

    def condition(self, alias: str) -> Any:
        """Whether a row of ``alias`` lies in it, as a tree."""
        parts = [
            self.key.compared(alias, operator, value)
            for operator, value in ((">", self.after), ("<=", self.last))
            if value is not None
        ]
        return parse_expression(expression(" AND ".join(parts) or "true"))
