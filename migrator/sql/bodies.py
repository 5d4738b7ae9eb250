"""Bodies in PL/pgSQL: which SQL they run, and which functions do more than read and write rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from migrator.sql import native
from migrator.sql.parser import SqlSyntaxError, Statement, parse_script, unwrap


class Opaque(Struct, frozen=True):
    """Something in a script that could not be looked into, or does not parse.

    Attributes:
        start: index of its first character in the source.
        end: index behind its last.
        what: what is said about it.
        is_error: whether PostgreSQL refuses it.
    """

    start: int
    end: int
    what: str
    is_error: bool = False


class Unread(Struct, frozen=True):
    """A function in PL/pgSQL that was made, whose body nobody asked for yet: what makes it."""

    sql: str


Powers = dict[str, str | Unread]
"""Functions by their names, with what they do besides reading and writing rows; empty: nothing."""


class Run(Struct, frozen=True):
    """A piece of SQL in PL/pgSQL: ``text`` as its parser shows it, on or behind a line of the body."""

    text: str
    line: int
    is_dynamic: bool
    group: int


_STATIC = {"PLpgSQL_stmt_execsql": "sqlstmt", "PLpgSQL_stmt_perform": "expr", "PLpgSQL_stmt_call": "expr"}


def runs(tree: Any) -> Iterator[Run]:
    """What a body runs, in the order of lines; COMMIT and ROLLBACK begin a new group."""
    found: list[tuple[int, str, bool]] = []
    _collect(tree, 1, found)
    group = 0
    for line, text, is_dynamic in sorted(found, key=lambda each: each[0]):
        if not text:
            group += 1
        else:
            yield Run(text, line, is_dynamic, group)


def _collect(node: Any, line: int, found: list[tuple[int, str, bool]]) -> None:
    if isinstance(node, list):
        for item in node:
            _collect(item, line, found)
        return
    if not isinstance(node, dict):
        return
    for kind, value in node.items():
        if kind == "datums" or not isinstance(value, dict | list):
            continue
        if not kind.startswith("PLpgSQL_stmt") or isinstance(value, list):
            _collect(value, line, found)
            continue
        own = value.get("lineno", line)
        if kind in ("PLpgSQL_stmt_commit", "PLpgSQL_stmt_rollback"):
            found.append((own, "", False))
        elif kind in _STATIC:
            found.append((own, _query(value[_STATIC[kind]]), False))
        elif kind in ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"):
            found.append((own, _query(value["query"]), True))
        elif kind == "PLpgSQL_stmt_fors":
            found.append((own, _query(value["query"]), False))
        elif "dynquery" in value:
            found.append((own, _query(value["dynquery"]), True))
        _collect(value, own, found)


def _query(expression: Any) -> str:
    return str(expression.get("PLpgSQL_expr", {}).get("query", ""))


def created(statement: Statement, powers: Powers, *, later: bool) -> Iterator[Opaque]:
    """A function that is made: whether its body parses, and whether it does more than read and write rows.

    Args:
        later: the second only when it is called, and not the first; for PL/pgSQL, which takes long to parse.
    """
    options = {unwrap(item).defname: unwrap(unwrap(item).arg) for item in statement.node.options}
    body = options.get("as")
    language = options["language"].sval.lower() if "language" in options else "sql"
    if body is None or language not in ("sql", "plpgsql") or not body.items:
        return
    text = unwrap(body.items[0]).sval
    name = unwrap(statement.node.funcname[-1]).sval
    powers.pop(name, None)
    place = statement.text.find(text)
    start = statement.offset + max(place, 0)
    if language == "sql":
        try:
            kinds = {each.kind for each in parse_script(text).statements}
        except SqlSyntaxError as error:
            lines = text.split("\n")
            at = sum(len(line) + 1 for line in lines[: error.line - 1]) + error.column - 1 if place >= 0 else 0
            yield Opaque(start + at, start + at + 1, f"in the body of {name}: {error.reason}", is_error=True)
            return
        if kinds - _ROWS:
            powers[name] = "DDL"
        return
    if later:
        powers[name] = Unread(statement.text)
        return
    try:
        power = _power(statement.text)
    except native.PgQueryError as error:
        end = statement.offset + len(statement.text)
        yield Opaque(statement.offset, end, f"the body of {name} was not checked: {error.message}")
        return
    if power:
        powers[name] = power


def _power(sql: str) -> str:
    """What a function in PL/pgSQL does besides reading and writing rows; an empty string if nothing.

    Raises:
        PgQueryError: its body does not parse.
    """
    try:
        tree = native.parse_plpgsql(sql)
    except native.BrokenTree:
        # libpg_query writes bodies that assign to fields of records, as triggers do, as broken JSON
        return "what could not be read"
    power = ""
    for run in runs(tree):
        if run.is_dynamic:
            return "dynamic SQL"
        try:
            kinds = {each.kind for each in parse_script(run.text).statements}
        except SqlSyntaxError:
            continue
        if kinds - _ROWS:
            power = "DDL"
    return power


_ROWS = frozenset(
    {"select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "call_stmt", "variable_set_stmt"}
)


def called(sql: str, offset: int, powers: Powers) -> Iterator[Opaque]:
    """Calls of functions that were made before and do more than read and write rows."""
    for name in powers:
        match = re.search(rf'(?<![\w$]){re.escape(name)}"?\s*\(', sql) if name in sql else None
        if match and (what := _read(name, powers)):
            start = offset + match.start()
            yield Opaque(start, start + len(name), f"{name} runs {what} here, which was not checked")


def _read(name: str, powers: Powers) -> str:
    """What a function does besides reading and writing rows."""
    what = powers[name]
    if isinstance(what, Unread):
        try:
            what = _power(what.sql)
        except native.PgQueryError:
            what = ""  # as if it had been read when it was made
        powers[name] = what
    return what
