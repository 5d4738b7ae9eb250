"""The words of SQL as the server's own lexer cuts them: where an edit may be put without touching a comment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from migrator.sql import native
from migrator.sql.lexing import without_runs
from migrator.sql.parser import pb

_COMMENTS = frozenset({pb.SQL_COMMENT, pb.C_COMMENT})


class Token(NamedTuple):
    """One token; ``text`` is in upper case, quoted names and strings with their quotes."""

    text: str
    start: int
    end: int


def tokens(sql: str) -> Sequence[Token]:
    """The tokens of SQL in order, comments left out; places are in characters.

    Args:
        sql: text that the server's lexer takes, such as that of a parsed statement.
    """
    found = [token for token in native.scan(without_runs(sql)).tokens if token.token not in _COMMENTS]
    if sql.isascii():
        return [Token(sql[token.start : token.end].upper(), token.start, token.end) for token in found]
    encoded = sql.encode()
    result, place, characters = [], 0, 0
    for token in found:
        characters += len(encoded[place : token.start].decode())
        text = encoded[token.start : token.end].decode()
        result.append(Token(text.upper(), characters, characters + len(text)))
        place, characters = token.end, characters + len(text)
    return result
