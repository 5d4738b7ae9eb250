"""Reading keys from the server: which one a table has, the rows that come next, and where it is cut for workers."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from migrator.backfill import trees
from migrator.backfill.keys import Key, KeyColumn, KeySpan, KeyValue
from migrator.backfill.statements import LeafName
from migrator.errors import Refused
from migrator.postgres.queries import load
from migrator.postgres.session import Session
from migrator.sql.compose import ident, ident_list
from migrator.sql.parser import deparse_expression

_SQL = load("migrator.backfill.queries", "keyset.sql")

SMALLEST_PART = 10_000
"""Rows below which a table is not cut further: a segment should be worth several batches."""

_EXACT = {"dates": "ISO, YMD", "intervals": "iso_8601", "digits": "1"}
"""Settings under which what a type writes is what it reads, whatever the settings then are."""


class NoKey(Refused):
    """Rows of a relation cannot be put into an order."""


def key_of(session: Session, leaf: LeafName, wanted: Sequence[str]) -> Key | None:
    """The key by which batches on a leaf go; None: it has blocks to go by.

    Args:
        leaf: the relation; must exist.
        wanted: columns that the author names; none: its own key is taken if it needs one.

    Raises:
        NoKey: it needs one and has none, or not the one that is wanted.
    """
    shape = session.one(_SQL["shape"], {"relation": leaf.sql})
    is_heap = shape.kind in "rm" and shape.access_method == "heap"
    if is_heap and not wanted:
        return None
    facts = {row.name: row for row in session.query(_SQL["columns"], {"relation": leaf.sql})}
    for name in wanted:
        if name not in facts:
            raise NoKey(f'{leaf.sql} has no column "{name}" to go by')
    columns = _of_table(session, leaf, wanted, shape) if shape.kind == "r" else list(wanted)
    if not columns:
        raise NoKey(f"{leaf.sql} has no blocks to go by", hint="add -- key: COLUMN, its key, under -- step:")
    found = tuple(KeyColumn(name, facts[name].type) for name in columns)
    nullable = tuple(name for name in columns if not facts[name].is_never_null)
    return Key(found, all(facts[name].is_exact for name in columns), is_heap, nullable)


def check_nulls(session: Session, leaf: LeafName, key: Key) -> None:
    """Whether every row has its place in the order; reads the relation, where nothing else says so.

    Raises:
        NoKey: a row has not.
    """
    nulls = " OR ".join(f"{ident(name)} IS NULL" for name in key.nullable)
    if nulls and session.maybe(f"SELECT 1 FROM {leaf.sql} WHERE {nulls} LIMIT 1"):  # noqa: S608 - composed
        raise NoKey(
            f"the key ({ident_list(key.nullable)}) of {leaf.sql} is NULL in some rows, which have no place in it"
        )


def _of_table(session: Session, leaf: LeafName, wanted: Sequence[str], shape: Any) -> list[str]:
    keys = [list(row.columns) for row in session.query(_SQL["unique_keys"], {"relation": leaf.sql})]
    if wanted:
        if list(wanted) in keys:
            return list(wanted)
        raise NoKey(
            f"{leaf.sql} has no unique index on ({ident_list(wanted)}) that orders all rows",
            hint="all of these columns must be NOT NULL, in this order, with the columns' own collations and default"
            " operator classes; an index of some rows or of expressions does not do",
        )
    if not keys:
        raise NoKey(
            f'{leaf.sql} uses access method "{shape.access_method}", so it has no blocks to go by, and it has no unique'
            " index on columns that are NOT NULL",
            hint="CREATE UNIQUE INDEX CONCURRENTLY one, or ALTER TABLE … SET ACCESS METHOD heap",
        )
    return keys[0]


def ahead(session: Session, leaf: LeafName, span: KeySpan, rows: int) -> tuple[int, KeyValue | None]:
    """How many rows come next in a span, at most ``rows``, and the key of the last of them."""
    found = _read(
        session,
        span.key,
        f"WITH ahead AS ({_ordered(leaf, span, rows)})"  # noqa: S608 - composed
        " SELECT key, number FROM ahead ORDER BY number DESC LIMIT 1",
    )
    return (found[0].number, tuple(found[0].key)) if found else (0, None)


def rows_of(session: Session, leaf: LeafName, span: KeySpan) -> tuple[KeyValue, ...]:
    """Keys of the rows of a span, in order."""
    return tuple(tuple(row.key) for row in _read(session, span.key, _ordered(leaf, span, None)))


def version_of(session: Session, leaf: LeafName, span: KeySpan) -> Any | None:
    """``tid`` and ``version`` of the row of a span that has one; None: it is gone."""
    condition = deparse_expression(trees.within("t", span))
    return session.maybe(
        f"SELECT t.ctid::text AS tid, t.xmin::text AS version FROM ONLY {leaf.sql} AS t WHERE {condition} LIMIT 1"  # noqa: S608 - composed
    )


def bounds(session: Session, leaf: LeafName, key: Key, parts: int) -> list[KeyValue]:
    """Where a leaf is cut into ``parts``, or fewer: each value ends a part; in order.

    Must be called in a transaction.
    """
    with _exact_texts(session, key):
        row = session.maybe(_SQL["bounds"], {"relation": leaf.sql, "column": key.columns[0].name})
    if row is None or not row.values:
        return []
    inner, count = row.values[1:-1], min(parts, row.rows // SMALLEST_PART)
    chosen = [inner[len(inner) * number // count] for number in range(1, count)] if inner and count > 1 else []
    return [(value,) for value, _ in itertools.groupby(chosen)]


def _ordered(leaf: LeafName, span: KeySpan, most: int | None) -> str:
    key, condition = span.key, deparse_expression(trees.within("t", span))
    return (
        f"SELECT {key.texts('t')} AS key, row_number() OVER (ORDER BY {key.listed('t')}) AS number"  # noqa: S608 - composed
        f" FROM ONLY {leaf.sql} AS t WHERE {condition} ORDER BY {key.listed('t')}"
        + ("" if most is None else f" LIMIT {most}")
    )


def _read(session: Session, key: Key, query: str) -> list[Any]:
    if not session.in_transaction:
        with session.transaction(read_only=True):
            return _read(session, key, query)
    with _exact_texts(session, key):
        return session.query(query)


@contextlib.contextmanager
def _exact_texts(session: Session, key: Key) -> Iterator[None]:
    """Have values written so that they can be read under all settings; the author's expressions meet the session's own.

    An error leaves the settings to the end of the transaction, which it ends.
    """
    if key.is_exact:
        yield
        return
    own = session.one(_SQL["texts"])._asdict()
    session.query(_SQL["set_texts"], _EXACT)
    yield
    session.query(_SQL["set_texts"], own)
