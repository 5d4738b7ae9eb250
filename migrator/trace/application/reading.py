"""Statements of an application from a file: SQL written by hand or by a recorder, or a dump of pg_stat_statements.

Accepted are SQL separated by semicolons; CSV, JSON and lines of JSON with a column or key ``query``; psql's aligned
table; and the bare queries that ``psql -At`` prints, where a statement ends where the next line cannot continue it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from migrator.errors import UsageError
from migrator.sql.parser import SqlSyntaxError, Statement, parse_script, pb, walk

_COLUMNS = ("query", "statement", "sql")


@dataclass(frozen=True, slots=True)
class ApplicationStatement:
    """A statement an application sends.

    Attributes:
        text: without a semicolon.
        at: ``file:line``.
        kind: PostgreSQL's node type, ``select_stmt``; an empty string if it does not parse.
        node: the tree; None if it does not parse.
        parameters: the highest ``$n`` in it.
        problem: why it cannot be checked at all; an empty string if it can.
    """

    text: str
    at: str
    kind: str = ""
    node: Any = None
    parameters: int = 0
    problem: str = ""


def read(path: Path) -> list[ApplicationStatement]:
    """All statements of a file, each once.

    Raises:
        UsageError: the file cannot be read, or holds no statement.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f'cannot read "{path}": {error.strerror}') from None
    except UnicodeDecodeError:
        raise UsageError(f'"{path}" is not UTF-8') from None
    found: dict[str, ApplicationStatement] = {}
    for statement in of_text(text, str(path)):
        found.setdefault(statement.text, statement)
    if not found:
        raise UsageError(
            f'no statement in "{path}"',
            hint="SQL separated by semicolons, or pg_stat_statements as CSV or JSON with a column query",
        )
    return list(found.values())


def of_text(text: str, name: str) -> Iterator[ApplicationStatement]:
    """The statements in a text, by its form."""
    queries = _of_json(text) or _of_csv(text) or _of_table(text)
    if queries:
        for line, query in queries:
            yield from _of_sql(query, name, line)
        return
    yield from _of_sql(text, name, 1)


def _of_sql(text: str, name: str, first_line: int) -> Iterator[ApplicationStatement]:
    try:
        statements = parse_script(text, name).statements
    except SqlSyntaxError as error:
        yield from _line_by_line(text, name, first_line, error)
        return
    for statement in statements:
        yield _of_statement(statement, f"{name}:{first_line + statement.line - 1}")


def _of_statement(statement: Statement, at: str) -> ApplicationStatement:
    numbers = [node.number for node in walk(statement.node) if isinstance(node, pb.ParamRef)]
    return ApplicationStatement(statement.text, at, statement.kind, statement.node, max(numbers, default=0))


def _line_by_line(text: str, name: str, first_line: int, error: SqlSyntaxError) -> Iterator[ApplicationStatement]:
    """Statements without semicolons between them: each as long as its lines go together."""
    lines = text.splitlines()
    start = 0
    while start < len(lines):
        if not lines[start].strip():
            start += 1
            continue
        longest = None
        # A statement of more lines than this is taken for one that does not parse: trying every length costs too much.
        for end in range(start + 1, min(len(lines), start + 60) + 1):
            try:
                parsed = parse_script("\n".join(lines[start:end]), name).statements
            except SqlSyntaxError:
                continue
            if len(parsed) > 1 and longest is not None:
                break
            longest = end, parsed
        if longest is None:
            yield ApplicationStatement(lines[start].strip(), f"{name}:{first_line + start}", problem=error.reason)
            start += 1
            continue
        for statement in longest[1]:
            yield _of_statement(statement, f"{name}:{first_line + start + statement.line - 1}")
        start = longest[0]


def _of_json(text: str) -> list[tuple[int, str]]:
    if text.lstrip()[:1] not in ("[", "{"):
        return []
    try:
        document = json.loads(text)
    except ValueError:
        try:
            document = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            return []
    if isinstance(document, dict) and _named(document) is not None:
        document = [document]
    elif isinstance(document, dict):
        document = next((value for value in document.values() if isinstance(value, list)), [document])
    queries = [entry if isinstance(entry, str) else _named(entry) for entry in document]
    return [(number, query) for number, query in enumerate(queries, 1) if query]


def _named(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return None
    value = next((entry[key] for key in _COLUMNS if key in entry), None)
    return value if isinstance(value, str) else None


def _of_csv(text: str) -> list[tuple[int, str]]:
    header = text.split("\n", 1)[0]
    for separator in (",", ";", "\t"):
        names = [name.strip().strip('"').lower() for name in header.split(separator)]
        column = next((name for name in _COLUMNS if name in names), None)
        if column is None or (len(names) == 1 and not header.strip().strip('"').isidentifier()):
            continue
        rows = csv.reader(io.StringIO(text), delimiter=separator)
        next(rows)
        index, found, line = names.index(column), [], 2
        for row in rows:
            if len(row) > index and row[index].strip():
                found.append((line, row[index].replace("\\n", "\n") if separator == "\t" else row[index]))
            line = rows.line_num + 1
        return found
    return []


def _of_table(text: str) -> list[tuple[int, str]]:
    """What psql prints aligned: a header, a ruler, rows whose line ends inside a value are marked by ``+``."""
    lines = text.splitlines()
    ruler = next((number for number, line in enumerate(lines) if re.fullmatch(r"\s*-+(?:\+-+)*\s*", line)), None)
    if ruler is None or ruler == 0:
        return []
    edges = [0, *(match.start() + 1 for match in re.finditer(r"\+", lines[ruler])), len(lines[ruler]) + 10_000]
    spans = list(pairwise(edges))
    names = [lines[ruler - 1][start : end - 1].strip().lower() for start, end in spans]
    index = next((names.index(name) for name in _COLUMNS if name in names), None)
    if index is None:
        return []
    start, end = spans[index]
    found: list[tuple[int, str]] = []
    open_ = False
    for number, line in enumerate(lines[ruler + 1 :], ruler + 2):
        if re.fullmatch(r"\(\d+ rows?\)", line.strip()) or not line.strip():
            continue
        cell = line[start:end].rstrip("|").rstrip()
        continues = cell.endswith("+")
        value = cell.removesuffix("+").strip() if continues else cell.strip()
        if open_:
            found[-1] = (found[-1][0], f"{found[-1][1]}\n{value}")
        else:
            found.append((number, value))
        open_ = continues
    return [(number, query) for number, query in found if query]
