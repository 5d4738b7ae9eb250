"""Around statements that do not parse, the others are parsed all the same."""

from __future__ import annotations

from collections.abc import Sequence

from migrator.sql.lexing import blank
from migrator.sql.parser import SqlSyntaxError, parse_script


def without_errors(sql: str, cuts: Sequence[int]) -> tuple[str, list[tuple[int, int, SqlSyntaxError]]]:
    """The text with the statements blanked that do not parse, and those, with their errors as of the whole text."""
    bad: list[tuple[int, int, SqlSyntaxError]] = []
    pieces = []
    line, start = 0, 0
    for end in [*cuts, len(sql)]:
        text = sql[start:end]
        try:
            parse_script(text)
        except SqlSyntaxError as error:
            last_line = text.rfind("\n", 0, _index(text, error)) + 1
            column = error.column if last_line else error.column + start - (sql.rfind("\n", 0, start) + 1)
            error.line, error.column = line + error.line, column
            bad.append((start + len(text) - len(text.lstrip()), end, error))
            text = blank(text)
        pieces.append(text)
        line += text.count("\n")
        start = end
    return "".join(pieces), bad


def _index(text: str, error: SqlSyntaxError) -> int:
    place = 0
    for _ in range(error.line - 1):
        place = text.index("\n", place) + 1
    return place + error.column - 1
