"""Statements of a file by kind and table."""

from __future__ import annotations

import pytest

from migrator.lint.neighbours import Neighbours
from migrator.sql.parser import parse_script

SCRIPT = parse_script(
    "ALTER TABLE a ADD x int; SELECT 1; ALTER TABLE s.b ADD x int;"
    "CREATE INDEX ON a (x); ALTER TABLE a ADD y int; SELECT 2;"
)


@pytest.mark.parametrize(
    ("start", "stop", "kinds", "table", "expected"),
    [
        (0, 6, ("alter_table_stmt",), None, [0, 2, 4]),
        (0, 6, ("alter_table_stmt",), "a", [0, 4]),
        (1, 6, ("alter_table_stmt",), "a", [4]),
        (0, 4, ("alter_table_stmt",), None, [0, 2]),
        (0, 6, ("alter_table_stmt",), "b", [2]),
        (0, 6, ("select_stmt", "index_stmt"), None, [1, 5, 3]),
        (2, 5, ("select_stmt",), None, []),
        (0, 6, ("drop_stmt",), None, []),
        (0, 6, ("index_stmt",), "c", []),
    ],
)
def test_statements_are_found_by_kind_and_table_between_two_places(
    start: int, stop: int, kinds: tuple[str, ...], table: str | None, expected: list[int]
):
    found = Neighbours(SCRIPT.statements).between(start, stop, kinds, table)

    assert [SCRIPT.statements.index(each) for each in found] == expected
