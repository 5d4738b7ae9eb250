"""The words of a piece of SQL, folded as PostgreSQL folds them."""

from __future__ import annotations

from migrator.sql import native
from migrator.sql.lexing import without_runs


def identifiers(text: str) -> frozenset[str] | None:
    """Every word of a piece of SQL or PL/pgSQL as the server would read it; None where it cannot be read."""
    try:
        return frozenset(scan(text)[0])
    except (native.PgQueryError, ValueError):
        return None


def scan(statement: str) -> tuple[list[str], str]:
    """The words, folded as PostgreSQL folds them, and the text with a constant for each parameter."""
    encoded = statement.encode()
    words: list[str] = []
    pieces: list[bytes] = []
    done = 0
    for token in native.scan(without_runs(statement)).tokens:
        raw = encoded[token.start : token.end]
        if raw[:1] == b'"':
            words.append(raw[1:-1].decode().replace('""', '"'))
        elif raw[:3].lower() == b'u&"':
            raise ValueError("an identifier with Unicode escapes")
        elif raw[:1].isalpha() or raw[:1] == b"_" or raw[:1] >= b"\x80":
            words.append(raw.decode().lower())
        elif raw[:1] == b"$" and raw[1:].isdigit():
            pieces += [encoded[done : token.start], b"'1'"]
            done = token.end
    pieces.append(encoded[done:])
    return words, b"".join(pieces).decode()
