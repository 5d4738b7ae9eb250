"""What stands around the current statement in its file: its neighbours, and the words that its tree was read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from migrator.lint.clauses import clause_end, naming_clause
from migrator.lint.neighbours import Neighbours
from migrator.sql.parser import Script, Statement, unwrap

NOTHING = Script("", "", (), ())


class Surroundings:
    """The file that is looked at, and the place in it.

    Attributes:
        statements: those of the current file.
        index: number of the current statement in it.
    """

    def __init__(self) -> None:
        self.statements: Sequence[Statement] = ()
        self.index = 0
        self._script = NOTHING
        self._neighbours: Neighbours | None = None

    def _look_at(self, script: Script) -> None:
        self._script, self.statements, self.index = script, script.statements, 0
        self._neighbours = None

    @property
    def current(self) -> Statement:
        """The statement being looked at."""
        return self.statements[self.index]

    @property
    def source(self) -> str:
        """The text that the current statement is in."""
        return self._script.source

    @property
    def following(self) -> Sequence[Statement]:
        """The statements after the current one in its file; for those of a kind ask ``following_of``."""
        return self.statements[self.index + 1 :]

    def following_of(self, *kinds: str, table: str | None = None) -> Iterator[Statement]:
        """The statements after the current one in its file of these node types, one type after the other.

        Args:
            kinds: node types.
            table: only those whose ``relation`` has this name, in whatever schema.
        """
        return self._near.between(self.index + 1, len(self.statements), kinds, table)

    def earlier_of(self, *kinds: str, table: str | None = None) -> Iterator[Statement]:
        """Likewise the statements before the current one."""
        return self._near.between(0, self.index, kinds, table)

    def all_of(self, *kinds: str, table: str | None = None) -> Iterator[Statement]:
        """Likewise all statements of its file."""
        return self._near.between(0, len(self.statements), kinds, table)

    @property
    def _near(self) -> Neighbours:
        if self._neighbours is None:
            self._neighbours = Neighbours(self.statements)
        return self._neighbours

    def span_at(self, location: int) -> tuple[int, int] | None:
        """The clause that starts at a node's ``location`` (a byte offset into the source)."""
        if location < 0:
            return None
        start = self._script.character(location)
        return start, self._clause_end(start)

    def clause(self, location: int) -> str:
        """The text of the clause that starts at a node's ``location``."""
        span = self.span_at(location)
        return self._script.source[span[0] : span[1]] if span else ""

    def written_type(self, column: Any) -> str:
        """The type of a ``ColumnDef`` as written."""
        text = self.clause(column.type_name.location)
        first = min((unwrap(item).location for item in column.constraints if unwrap(item).location >= 0), default=None)
        if first is None:
            return text
        return self._between(column.type_name.location, first)

    def column_without(self, column: Any, constraint: Any) -> str:
        """A ``ColumnDef`` as written, with one of its constraints left out."""
        whole = self.clause(column.location)
        following = [unwrap(item).location for item in column.constraints]
        behind = min((place for place in following if place > constraint.location), default=None)
        removed = self.clause(constraint.location) if behind is None else self._between(constraint.location, behind)
        return " ".join(whole.replace(removed, "", 1).split())

    def _between(self, location: int, end_location: int) -> str:
        script = self._script
        return script.source[script.character(location) : script.character(end_location)].strip()

    def span_of(self, name: str) -> tuple[int, int] | None:
        """The clause of the current statement that names ``name`` after a keyword."""
        start = naming_clause(self.current.text, name)
        if start is None:
            return None
        start += self.current.offset
        return start, self._clause_end(start)

    def _clause_end(self, start: int) -> int:
        statement = self.current
        return statement.offset + clause_end(statement.text, start - statement.offset)
