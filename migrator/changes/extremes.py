"""Values at the edges of their types, that an author's expression is tried on beside rows that are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from migrator.sql.compose import Sql, ident, literal, type_name
from migrator.sql.rewrite import columns_in

_LONG = "x" * 1000
_INFINITE = (("infinity", "infinity"), ("-infinity", "-infinity"))
_EDGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "text": (("an empty text", ""), ("a text of 1,000 letters", _LONG)),
    "character varying": (("an empty text", ""),),
    "character": (("an empty text", ""),),
    "bytea": (("no bytes", ""),),
    "smallint": (("32767", "32767"), ("-32768", "-32768")),
    "integer": (("2147483647", "2147483647"), ("-2147483648", "-2147483648")),
    "bigint": (("9223372036854775807", "9223372036854775807"), ("-9223372036854775808", "-9223372036854775808")),
    "numeric": (("NaN", "NaN"),),
    "real": (("NaN", "NaN"), *_INFINITE),
    "double precision": (("NaN", "NaN"), *_INFINITE),
    "date": _INFINITE,
    "timestamp without time zone": _INFINITE,
    "timestamp with time zone": _INFINITE,
    "json": (("a JSON null", "null"), ("an empty object", "{}")),
    "jsonb": (("a JSON null", "null"), ("an empty object", "{}")),
}
"""By type without its length: what a value is called, and its text (PostgreSQL: Data Types)."""


def extremes(value: str, types: Mapping[str, str]) -> Iterator[tuple[str, Sql]]:
    """Queries that compute an expression for one value at the edge in each of its columns, NULL in the others.

    Args:
        value: the expression, over unqualified columns.
        types: of the columns it may name, as ``format_type`` writes them.
    """
    named = columns_in(value)
    used = [name for name in types if name in named]
    yield "NULL", _query(value, {name: (None, types[name]) for name in used})
    for name in used:
        base = types[name].partition("(")[0] if not types[name].endswith("]") else "array"
        edges = (("an empty array", "{}"),) if base == "array" else _EDGES.get(base, ())
        for called, text in edges:
            row = {other: (text if other == name else None, types[other]) for other in used}
            yield f"{called} in {name}", _query(value, row)


def _query(value: str, row: Mapping[str, tuple[str | None, str]]) -> Sql:
    cells = ", ".join(
        f"CAST({'NULL' if text is None else literal(text)} AS {type_name(type_)}) AS {ident(name)}"
        for name, (text, type_) in row.items()
    )
    return Sql(f"SELECT {value} FROM (SELECT {cells}) AS edge" if cells else f"SELECT {value}")  # noqa: S608 - composed
