"""What runs inside DO blocks: their statements as statements of the script, at their places in the file.

The body of DO is one text to PostgreSQL's grammar. PL/pgSQL's own parser (libpg_query has it) takes it apart; each
static statement then stands in the script behind its DO. So does what EXECUTE runs, where that is a constant: text,
``||`` of texts, ``format()`` and the quoting functions over texts. Whatever remains is named, never passed over.

Bodies of functions that are created do not run: they are only parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from migrator.sql import constants, native
from migrator.sql.bodies import Opaque, Powers, Run, called, created, runs
from migrator.sql.lexing import Mark, blank, marks
from migrator.sql.parser import Block, Script, SqlSyntaxError, Statement, parse_script, unwrap

_NOT_CHECKED = "the statements of this DO block were not checked"
_MADE = "the SQL that this EXECUTE makes was not checked"
_NO_SQL = "the SQL here was not checked: it does not parse, or is a DO of its own"


_CALLS = re.compile(r"(?:SELECT|CALL|WITH)\b", re.IGNORECASE)


class _Laid(Struct, frozen=True):
    """SQL at a place of the source; ``group`` counts the transactions of its block."""

    start: int
    sql: str
    group: int


def opened(script: Script, powers: Powers, *, quiet: bool = False) -> tuple[Script, list[Opaque]]:
    """The script with what its DO blocks run, and what in them, or in functions it runs, could not be looked into.

    Args:
        script: the statements as PostgreSQL's grammar has them.
        powers: functions that were made before and do more than read and write rows, with what they do; those that
            the script makes are added.
        quiet: leave out what only serves to say what could not be looked into.
    """
    opaque: list[Opaque] = []
    laid: dict[int, list[_Laid]] = {}
    source = script.source
    pieces, place = [], 0
    for index, statement in enumerate(script.statements):
        if statement.kind == "create_function_stmt":
            opaque.extend(created(statement, powers, later=quiet))
        elif powers and not quiet and statement.kind in ("select_stmt", "call_stmt"):
            opaque.extend(called(statement.text, statement.offset, powers))
        elif statement.kind == "do_stmt":
            found = list(_inside(statement, source, opaque))
            for each in found:
                if powers and not quiet and _CALLS.match(each.sql):
                    opaque.extend(called(each.sql, each.start, powers))
            if found:
                end = statement.offset + len(statement.text)
                laid[index] = found
                pieces += [source[place : statement.offset], _laid_out(source, statement.offset, end, found)]
                place = end
    if not laid:
        return script, opaque
    flat = parse_script("".join([*pieces, source[place:]]), script.name, script.first_line)
    return replace(flat, statements=tuple(_merged(script, flat, laid))), opaque


def _merged(script: Script, flat: Script, laid: dict[int, list[_Laid]]) -> Iterator[Statement]:
    """The statements of the flat script in blocks, each behind its DO, which stays as it was."""
    flat_statements = iter(flat.statements)
    current = next(flat_statements, None)
    for index, statement in enumerate(script.statements):
        end = statement.offset + len(statement.text)
        if index not in laid:
            if current is not None:
                yield current
                current = next(flat_statements, None)
            continue
        yield statement
        starts = laid[index]
        while current is not None and current.offset < end:
            group = max((each.group for each in starts if each.start <= current.offset), default=0)
            yield replace(current, block=Block(statement, group))
            current = next(flat_statements, None)


def body_of(statement: Statement) -> tuple[str, Any] | None:
    """The body of a DO and its tree, as PL/pgSQL's parser has it; None: it is in another language, or broken."""
    body, language = _written(statement)
    try:
        return (body, _plpgsql(body)) if language == "plpgsql" else None
    except (native.PgQueryError, native.BrokenTree):
        return None


def _written(statement: Statement) -> tuple[str, str]:
    """The body of a DO, and its language."""
    options = [unwrap(item) for item in statement.node.args]
    body = next((unwrap(each.arg).sval for each in options if each.defname == "as"), "")
    return body, next((unwrap(each.arg).sval for each in options if each.defname == "language"), "plpgsql")


def _inside(statement: Statement, source: str, opaque: list[Opaque]) -> Iterator[_Laid]:
    """What a DO block runs; what it runs besides is added to ``opaque``."""
    body, language = _written(statement)
    end = statement.offset + len(statement.text)
    start = source.find(body, statement.offset, end)
    if language != "plpgsql" or start < 0:
        why = "it is not written between $$" if start < 0 else f"it is in {language}"
        opaque.append(Opaque(statement.offset, end, f"{_NOT_CHECKED}: {why}"))
        return
    try:
        tree = _plpgsql(body)
    except (native.PgQueryError, native.BrokenTree) as error:
        why = error.message if isinstance(error, native.PgQueryError) else "its tree cannot be read"
        opaque.append(Opaque(statement.offset, end, f"{_NOT_CHECKED}: {why}"))
        return
    finder = _Finder(body)
    for run in runs(tree):
        place = finder.find(run)
        if place is None:
            opaque.append(Opaque(statement.offset, end, f"{_NOT_CHECKED}: {run.text.split(chr(10))[0][:60]}"))
            continue
        at, words = place
        if not run.is_dynamic:
            if _parses(words):
                yield _Laid(start + at, words, run.group)
            else:
                opaque.append(Opaque(start + at, start + at + len(words), _NO_SQL))
            continue
        found = _constant(run.text, words)
        if found is None:
            opaque.append(Opaque(start + at, start + at + len(words), _MADE))
            continue
        shift, sql = found
        if not _parses(sql):
            opaque.append(Opaque(start + at, start + at + len(words), _NO_SQL))
        elif shift is not None:
            yield _Laid(start + at + shift, sql, run.group)
        elif "\n" not in sql and len(sql) < len(words.split("\n", 1)[0]):
            yield _Laid(start + at, sql, run.group)
        elif (flowed := _flowed(sql, words)) is not None:
            yield _Laid(start + at, flowed, run.group)
        else:
            opaque.append(Opaque(start + at, start + at + len(words), _MADE))


def _plpgsql(body: str, head: str = "FUNCTION f() RETURNS void") -> Any:
    tag = "$migrator$"
    while tag in body:
        tag = tag[:-1] + "_$"
    return native.parse_plpgsql(f"CREATE {head} LANGUAGE plpgsql AS {tag}{body}{tag}")


_BEFORE = re.compile(r"(?:;|>>|\)|\b(?:THEN|ELSE|LOOP|BEGIN|IN|EXECUTE|PERFORM|QUERY|FOR))\Z", re.IGNORECASE)
_LONGEST = len(" execute")


class _Finder:
    """Places in a body of the SQL that PL/pgSQL's parser shows by its text."""

    def __init__(self, body: str) -> None:
        self._body = body
        self._bare = _without_comments(body)
        self._lines = [0]
        while (place := body.find("\n", self._lines[-1])) >= 0:
            self._lines.append(place + 1)
        self._taken: set[int] = set()

    def find(self, run: Run) -> tuple[int, str] | None:
        """Index in the body and the SQL, of the length that it has there; None if it is not found.

        INTO and its targets are blanks in what the parser shows, and PERFORM is SELECT.
        """
        bare = _without_comments(run.text)
        into = re.search(r" {6,}", bare)
        start = self._lines[min(run.line, len(self._lines)) - 1]
        ways = ((bare, run.text), (bare[: into.start()] if into else "", run.text), (bare[6:], run.text[6:]))
        for wanted, text in ways:
            place = self._bare.find(wanted, start) if wanted.strip() else -1
            while place >= 0:
                if place not in self._taken and self._begins(place):
                    self._taken.add(place)
                    if wanted is not bare and text != run.text:
                        # PERFORM has a letter more than SELECT
                        return place - 7, "SELECT " + text
                    return place, text
                place = self._bare.find(wanted, place + 1)
        return None

    def _begins(self, place: int) -> bool:
        """Whether a statement or expression can begin there."""
        while place and self._bare[place - 1].isspace():
            place -= 1
        return not place or _BEFORE.search(self._bare, max(place - _LONGEST, 0), place) is not None


def _without_comments(text: str) -> str:
    parts, place = [], 0
    for mark in marks(text):
        if mark.mark is Mark.COMMENT:
            parts += [text[place : mark.start], blank(text[mark.start : mark.end])]
            place = mark.end
    return "".join([*parts, text[place:]])


def _constant(expression: str, words: str) -> tuple[int | None, str] | None:
    """The text that an expression makes, and where it stands in its words letter by letter; None if not constant."""
    try:
        node = unwrap(parse_script(f"SELECT {expression}\n").statements[0].node.target_list[0]).val
    except SqlSyntaxError:
        return None
    value = constants.text_of(node)
    if value is None:
        return None
    place = words.find(value)
    return (place if place >= 0 else None), value


def _parses(sql: str) -> bool:
    """Whether it is SQL, and no DO inside DO, whose places nobody can tell any more."""
    try:
        statements = parse_script(sql).statements
    except SqlSyntaxError:
        return False
    return bool(statements) and all(each.kind != "do_stmt" for each in statements)


def _flowed(sql: str, words: str) -> str | None:
    """SQL over the lines of the words it is made by; None if it is too long for them."""
    lines = [len(line) for line in words.split("\n")]
    pieces = re.findall(r"(?:'(?:[^']|'')*'|\"[^\"]*\"|[^\s'\"])+", sql)
    flowed = [""]
    for piece in pieces:
        while len(flowed[-1]) + len(piece) + 1 > lines[len(flowed) - 1]:
            if len(flowed) == len(lines):
                return None
            flowed.append("")
        flowed[-1] += piece + " "
    if "\n" in "".join(pieces):
        return None
    return "\n".join([line.ljust(lines[index]) for index, line in enumerate(flowed)])


def _laid_out(source: str, start: int, end: int, laid: Sequence[_Laid]) -> str:
    """What stands between two places, blank but for comments and what is laid there, each with a semicolon."""
    text = source[start:end]
    body = text.find("$")
    kept = [
        (start + mark.start, text[mark.start : mark.end], False) for mark in marks(text) if mark.mark is Mark.COMMENT
    ]
    if body >= 0 and (tag := re.match(r"\$\w*\$", text[body:])):
        inner = body + len(tag[0])
        inside = text[inner : text.rfind(tag[0])]
        kept += [
            (start + inner + mark.start, inside[mark.start : mark.end], False)
            for mark in marks(inside)
            if mark.mark is Mark.COMMENT
        ]
    kept += [(each.start, each.sql, True) for each in laid]
    parts, place = [], start
    for at, words, is_sql in sorted(kept):
        if at < place:
            continue
        parts += [blank(source[place:at]), words]
        place = at + len(words)
        if is_sql:
            while source[place] == "\n":
                parts.append("\n")
                place += 1
            parts.append(";")
            place += 1
    return "".join([*parts, blank(source[place:end])])
