"""A few rows in every table, so that scans and rewrites have something to do.

On empty tables much goes well that fails in production (ADD COLUMN NOT NULL without a default), and nothing is read.
Values are made from the catalog's types: the n-th row has the value n in every column, in whatever form its type has,
so that foreign keys find each other. Labels of enums, and constants that a CHECK names, are used where they are needed.
A table whose constraints cannot be met this way stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from migrator.postgres.queries import load
from migrator.postgres.session import ServerError, Session
from migrator.sql.compose import ident, literal, qualified

_SQL = load("migrator.trace.queries", "samples.sql")

ROWS = 3
"""More than one, so that orders and duplicates can matter; few, so that nothing takes long."""

_FORMS: Mapping[str, str] = {
    "uuid": "'00000000-0000-4000-8000-' || lpad(n::text, 12, '0')",
    "bool": "(n % 2 = 1)::text",
    "date": "(DATE '2026-01-01' + n)::text",
    "timestamp": "(TIMESTAMP '2026-01-01' + n * INTERVAL '1 day')::text",
    "timestamptz": "(TIMESTAMP '2026-01-01' + n * INTERVAL '1 day')::text",
    "time": "(TIME '10:00' + n * INTERVAL '1 minute')::text",
    "timetz": "(TIME '10:00' + n * INTERVAL '1 minute')::text",
    "interval": "n || ' days'",
    "json": "'{\"n\": ' || n || '}'",
    "jsonb": "'{\"n\": ' || n || '}'",
    "bytea": "'\\x' || lpad(n::text, 4, '0')",
    "inet": "'10.0.0.' || n",
    "cidr": "'10.0.0.' || n || '/32'",
    "macaddr": "'08:00:2b:01:02:' || lpad(n::text, 2, '0')",
    "macaddr8": "'08:00:2b:01:02:03:04:' || lpad(n::text, 2, '0')",
    "point": "'(' || n || ',' || n || ')'",
    "box": "'((0,0),(' || n || ',' || n || '))'",
    "xml": "'<n>' || n || '</n>'",
    "tsvector": "'word' || n",
    "tsquery": "'word' || n",
    "bit": "repeat('1', {length})",
    "varbit": "'1'",
    "money": "n::text",
    "ltree": "'a' || n",
    "hstore": "'n => ' || n",
    "pg_lsn": "'0/' || n",
}
_BY_CATEGORY: Mapping[str, str] = {
    "N": "n::text",
    "S": "n::text",
    "A": "'{}'",
    "R": "'[' || n || ',' || n + 1 || ')'",
    "U": "n::text",
}
_DATE_RANGES = frozenset({"daterange", "tsrange", "tstzrange"})
_DATE_RANGE = "'[' || (DATE '2026-01-01' + n) || ',' || (DATE '2026-01-01' + n + 1) || ')'"
_CONSTANT = re.compile(r"'((?:[^']|'')*)'|(?<![\w.])(-?\d+(?:\.\d+)?)")
_LONGEST_TEXT = "left({form}, {length})"


def sample_value(session: Session, type_name: str, number: int) -> str:
    """A value of a type as an SQL literal: the same that the row of this number has in columns of the type.

    Args:
        session: any.
        type_name: as the server writes it.
        number: 1 to 99.
    """
    (column,) = session.query(_SQL["type"], {"name": type_name})
    form = _form(column)
    if form is None:
        return "NULL"
    # Composed of a type as the server writes it and of the forms above.
    query = f"SELECT CAST({form} AS {type_name})::text AS value FROM (VALUES ({number})) AS number (n)"  # noqa: S608
    return literal(session.one(query).value)


class Samples:
    """Fills tables of one database once each; ``session`` is a superuser's, in autocommit mode."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._done: set[int] = set()

    def fill(self) -> None:
        """Put rows into tables that were not looked at before and are empty."""
        tables = [row for row in self._session.query(_SQL["tables"], {}) if row.oid not in self._done]
        if not tables:
            return
        self._session.set("session_replication_role", "replica")
        filled = False
        for row in tables:
            self._done.add(row.oid)
            filled = self._fill(row) or filled
        self._session.set("session_replication_role", "origin")
        if filled:
            for view in self._session.query(_SQL["materialized_views"]):
                _tried(self._session, f"REFRESH MATERIALIZED VIEW {view.name}")

    def clear(self) -> None:
        """Empty all tables; the next ``fill`` starts anew."""
        names = [qualified(row.schema, row.name) for row in self._session.query(_SQL["tables"], {})]
        if names:
            _tried(self._session, f"TRUNCATE {', '.join(names)} CASCADE")
        self._done.clear()

    def _fill(self, table: Any) -> bool:
        name = qualified(table.schema, table.name)
        if self._session.one(f"SELECT EXISTS (SELECT FROM ONLY {name}) AS found").found:  # noqa: S608 - composed
            return False
        columns = [row for row in self._session.query(_SQL["columns"], {"oid": table.oid}) if not row.generated]
        if not columns:
            return any(_tried(self._session, f"INSERT INTO {name} DEFAULT VALUES") for _ in range(ROWS))
        checks = self._session.query(_SQL["checks"], {"oid": table.oid})
        fixed = _bound_values(table.bound, table.keys)
        forms = {row.name: fixed.get(row.name) or _form(row) for row in columns}
        for attempt in _attempts(forms, _constants(checks)):
            inserted = [_tried(self._session, _insert(name, columns, attempt, n)) for n in range(1, ROWS + 1)]
            if any(inserted):
                return True
        return False


def _attempts(forms: Mapping[str, str | None], constants: Mapping[str, list[str]]) -> Iterator[dict[str, str | None]]:
    """Values by column: as they come, then with each constant that a CHECK names, then with NULL."""
    yield dict(forms)
    longest = max(map(len, constants.values()), default=0)
    for number in range(longest):
        chosen = {column: literal(values[min(number, len(values) - 1)]) for column, values in constants.items()}
        yield {**forms, **chosen}
    yield {**forms, **dict.fromkeys(constants)}
    yield {column: form if form and "'{}'" not in form else None for column, form in forms.items()}


def _insert(name: str, columns: list[Any], forms: Mapping[str, str | None], number: int) -> str:
    names = ", ".join(ident(row.name) for row in columns)
    values = ", ".join(
        f"CAST({form} AS {row.written})" if (form := forms[row.name]) is not None else "NULL" for row in columns
    )
    # Composed of identifiers, of types as the server writes them, and of the forms above.
    return f"INSERT INTO {name} ({names}) SELECT {values} FROM (VALUES ({number})) AS number (n)"  # noqa: S608


def _form(column: Any) -> str | None:
    """An expression over ``n`` whose text is a value of the column's type; None: NULL is all there is."""
    if column.labels:
        labels = ", ".join(map(literal, column.labels))
        return f"(ARRAY[{labels}])[1 + (n - 1) % {len(column.labels)}]"
    if column.kind == "c":
        return None
    if column.type in _DATE_RANGES:
        return _DATE_RANGE
    form = _FORMS.get(column.type) or _BY_CATEGORY.get(column.category)
    if form is None:
        return None
    form = form.replace("{length}", str(column.length or 1))
    is_text = column.type in ("varchar", "bpchar") and column.length
    return _LONGEST_TEXT.format(form=form, length=column.length) if is_text else form


def _constants(checks: list[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for check in checks:
        values = [quoted.replace("''", "'") or number for quoted, number in _CONSTANT.findall(check.definition)]
        whole = [str(int(value) + 1) for value in values if re.fullmatch(r"-?\d+", value)]
        for column in check.columns:
            found.setdefault(column, []).extend([*values, *whole])
    return {column: values for column, values in found.items() if values}


def _bound_values(bound: str | None, keys: list[str | None] | None) -> dict[str, str]:
    """By key column of a partition, a value that lies in its bound; empty where the bound does not say."""
    if not bound or not keys:
        return {}
    clause = re.match(r"FOR VALUES (?:FROM|IN) \((.*?)\)(?: TO|$)", bound)
    if clause is None:
        return {}
    parts = re.findall(r"'(?:[^']|'')*'|[^,\s][^,]*", clause[1])
    if " IN (" in bound:
        parts = parts[:1]
    return {
        key: part
        for key, part in zip(keys, parts, strict=False)
        if key is not None and part not in ("MINVALUE", "MAXVALUE", "NULL")
    }


def _tried(session: Session, statement: str) -> bool:
    try:
        session.execute(statement)
    except ServerError:
        return False
    return True
