"""The statements of a file by their kind and their table.

Many rules ask what stands before or behind a statement. If each of them went through the whole file, the time for a
file would grow with the square of its length.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from migrator.sql.parser import Statement


class Neighbours:
    """Statements of one script, found by kind; the lists are made when a kind is first asked for."""

    __slots__ = ("_by_kind", "_by_table", "_statements")

    def __init__(self, statements: Sequence[Statement]) -> None:
        self._statements = statements
        self._by_kind: dict[str, list[int]] | None = None
        self._by_table: dict[str, dict[str, list[int]]] = {}

    def between(self, start: int, stop: int, kinds: Sequence[str], table: str | None = None) -> Iterator[Statement]:
        """Statements from index ``start`` on, up to and without ``stop``: of one kind after the other, each in order.

        Args:
            start: first index.
            stop: index behind the last.
            kinds: node types.
            table: only those whose ``relation`` has this name, in whatever schema; None: all.
        """
        for kind in kinds:
            found = self._of_kind(kind) if table is None else self._on_table(kind).get(table, ())
            for place in range(bisect_left(found, start), len(found)):
                if found[place] >= stop:
                    break
                yield self._statements[found[place]]

    def _of_kind(self, kind: str) -> Sequence[int]:
        if self._by_kind is None:
            self._by_kind = {}
            for index, statement in enumerate(self._statements):
                self._by_kind.setdefault(statement.kind, []).append(index)
        return self._by_kind.get(kind, ())

    def _on_table(self, kind: str) -> dict[str, list[int]]:
        tables = self._by_table.get(kind)
        if tables is None:
            tables = self._by_table[kind] = {}
            for index in self._of_kind(kind):
                tables.setdefault(self._statements[index].node.relation.relname, []).append(index)
        return tables
