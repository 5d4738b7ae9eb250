"""Files of other runners: which part goes up and which comes down, in which transaction, in which order.

Recognised by what only they write: the names of files (Flyway, golang-migrate and those that follow it), comments
(dbmate, goose, node-pg-migrate, sqitch, formatted SQL of Liquibase, Atlas). What undoes is judged as rollback.

Source
    The documentation of each as of 2025: Flyway 11, dbmate 2, goose 3, sqitch 1.5, Liquibase 4, golang-migrate 4,
    node-pg-migrate 8, Atlas 0.30.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from msgspec import Struct

from migrator.model.finding import Edit
from migrator.model.phase import Phase
from migrator.sql.lexing import blank
from migrator.sql.parser import Statement


class Section(Struct, frozen=True):
    """Whole lines of a file that run together.

    Attributes:
        start: index of its first character, which begins a line.
        end: index behind its last.
        is_undo: whether it takes back what the section before it did.
        wrapped: whether the runner puts a transaction around it; None: nobody knows.
        sql: what of it is SQL, of the same length, if not all of it as it stands.
    """

    start: int
    end: int
    is_undo: bool = False
    wrapped: bool | None = None
    sql: str | None = None


@cache
def _marker() -> re.Pattern[str]:
    """Compiled for the first file with a comment."""
    return re.compile(
        r"""^[ \t]*--[ \t]*(?:
        migrate:(?P<dbmate>up|down)\b(?P<options>[^\n]*)
      | \+goose[ \t]+(?P<goose>up|down)\b
      | [ \t-]*(?P<node>up|down)[ \t]+migration\b
      | changeset[ \t]+(?P<changeset>[^\n]*)
      | (?P<no_transaction>\+goose[ \t]+no[ \t]+transaction\b|atlas:txmode[ \t]+none\b)
      | (?P<sqitch>deploy|revert|verify)[ \t]+[\w.-]+:\S+[ \t]+(?:to|from|on)[ \t]+pg\b
      | (?P<liquibase>liquibase[ \t]+formatted[ \t]+sql)
    )""",
        re.MULTILINE | re.IGNORECASE | re.VERBOSE,
    )


_BY_NAME = re.compile(r"(?:^|/)(?:(?P<flyway>[VUB])[\d._]+__|(?P<repeatable>R)__|[^/]*\.(?P<way>up|down)\.sql$)")


def is_undo(name: str) -> bool:
    """Whether the name of a file says that it takes back what another does."""
    match = _by_name(name)
    return match is not None and (match["flyway"] == "U" or match["way"] == "down")


def _by_name(name: str) -> re.Match[str] | None:
    """What the name of a file tells of its runner; most tell nothing, which is seen without the pattern."""
    if "__" in name or ".up." in name or ".down." in name:
        return _BY_NAME.search(name.replace("\\", "/"))
    return None


def sections(name: str, text: str) -> Sequence[Section]:
    """The sections of a file in the order in which they are judged; one if nobody cut it.

    Args:
        name: its path as shown; a part of it may tell the runner.
        text: its content.
    """
    whole = Section(0, len(text), is_undo(name))
    found = list(_marker().finditer(text)) if "--" in text else []
    if not found:
        return (whole,)
    kinds = {match.lastgroup for match in found}
    if "liquibase" in kinds:
        return tuple(_changesets(text, [match for match in found if match["changeset"] is not None])) or (whole,)
    outside = "no_transaction" in kinds
    ways = [match for match in found if match["dbmate"] or match["goose"] or match["node"]]
    if ways:
        return tuple(_ups_and_downs(text, ways, outside))
    if match := next((match for match in found if match["sqitch"]), None):
        # psql runs the file; what it needs of BEGIN and COMMIT it says itself
        return (Section(0, len(text), match["sqitch"].lower() == "revert", wrapped=False),)
    return (Section(0, len(text), whole.is_undo, wrapped=False),) if outside else (whole,)


def wrapped_by_name(name: str, statements: Sequence[Statement]) -> bool | None:
    """Whether the runner that a name tells of puts a transaction around a file; None: no name of a runner.

    Flyway runs a file outside one if all of its statements need that, and refuses one that mixes them; golang-migrate
    sends the file as one query, which is one transaction if it holds several statements.
    """
    match = _by_name(name)
    if match is None:
        return None
    if match["way"]:
        return len(statements) > 1
    working = [each for each in statements if each.kind != "variable_set_stmt"]
    return not working or not all(_runs_outside(each) for each in working)


def outside_mark(name: str, text: str, comments: Sequence[tuple[str, int]], *, is_first: bool) -> Edit | str | None:
    """What tells the runner of a section to put no transaction around it.

    Args:
        name: path of the file.
        text: the section.
        comments: those of the section with their places.
        is_first: whether the file begins with it.

    Returns:
        An edit of the section; None where the runner sees it by itself; or in words why there is none.
    """
    for comment, place in comments:
        if match := _DIRECTIVE.match(comment):
            return Edit(place + match.start(1), place + match.end(1), "false") if match[1] == "true" else None
    by_name = _by_name(name)
    if by_name is not None:
        return _SENT_AS_ONE if by_name["way"] else None
    for match in _marker().finditer(text) if "--" in text else ():
        line_end = len(text[: text.find("\n", match.end()) if "\n" in text[match.end() :] else len(text)].rstrip("\r"))
        if match["dbmate"]:
            return Edit(line_end, line_end, " transaction:false")
        if match["changeset"] is not None:
            return Edit(line_end, line_end, " runInTransaction:false")
        if match["goose"]:
            return Edit(match.start(), match.start(), "-- +goose NO TRANSACTION\n") if is_first else _GOOSE_UP_TOO
        if match["node"]:
            return "node-pg-migrate has no word in SQL that keeps a file out of a transaction"
        if match["sqitch"] or match["no_transaction"]:
            return None
    return Edit(0, 0, "-- migrator: transaction = false\n") if is_first else "the file is in several parts"


_DIRECTIVE = re.compile(r"--[ \t]*migrator:[ \t]*transaction[ \t]*=[ \t]*(true|false)[ \t]*\Z")
_SENT_AS_ONE = "its runner sends a file of several statements as one transaction: they need files of their own"
_GOOSE_UP_TOO = "goose would run what goes up outside a transaction as well"


def sent_as_one(name: str, text: str) -> str:
    """Why two statements of a file share a transaction although nothing puts one around it; or an empty string."""
    if name.endswith((".up.sql", ".down.sql")):
        return _SENT_AS_ONE
    if "--" in text and re.search(r"^\s*--\s*\+goose\s+StatementBegin\b", text, re.MULTILINE | re.IGNORECASE):
        return "goose sends what is between StatementBegin and StatementEnd as one transaction"
    if "__" in name and re.search(r"(?:^|/)[VUB][\d._]+__", name.replace("\\", "/")):
        return "Flyway puts a file of such statements into one transaction: they need files of their own"
    return ""


def _runs_outside(statement: Statement) -> bool:
    node, kind = statement.node, statement.kind
    if kind in ("index_stmt", "drop_stmt"):
        return bool(node.concurrent)
    return kind in ("vacuum_stmt", "createdb_stmt", "dropdb_stmt", "alter_system_stmt") or (
        kind == "reindex_stmt" and "concurrently" in statement.text.lower()
    )


def _ups_and_downs(text: str, found: Sequence[re.Match[str]], outside: bool) -> Iterator[Section]:
    ends = [*(match.start() for match in found), len(text)][1:]
    for index, (match, end) in enumerate(zip(found, ends, strict=True)):
        way = (match["dbmate"] or match["goose"] or match["node"]).lower()
        alone = outside or "transaction:false" in (match["options"] or "").replace(" ", "")
        # what stands above the first mark, such as a waiver for the file, belongs to it
        yield Section(0 if index == 0 else match.start(), end, way == "down", wrapped=not alone)


_ROLLBACK_LINE = re.compile(r"^([ \t]*--[ \t]*rollback\b)([^\n]*)", re.MULTILINE | re.IGNORECASE)
_ROLLBACK_BLOCK = re.compile(r"(/\*[ \t]*liquibase[ \t]+rollback\b)(.*?)(\*/|\Z)", re.DOTALL | re.IGNORECASE)
_NO_SQL = re.compile(r"\s*(?:empty|not\s+required|changesetId:.*)\s*;?\s*\Z", re.IGNORECASE)


def _changesets(text: str, found: Sequence[re.Match[str]]) -> Iterator[Section]:
    ends = [*(match.start() for match in found), len(text)][1:]
    for index, (match, end) in enumerate(zip(found, ends, strict=True)):
        start = 0 if index == 0 else match.start()
        attributes = dict(re.findall(r'(\w+):"?([^\s"]+)', match["changeset"]))
        dbms = attributes.get("dbms", "postgresql").lower()
        if "postgres" not in dbms and dbms != "all":
            continue
        wrapped = attributes.get("runInTransaction", "true").lower() != "false"
        body = text[start:end]
        delimiter = attributes.get("endDelimiter", ";")
        sql = None
        if delimiter != ";":
            line = rf"^[ \t]*{re.escape(delimiter.removeprefix(chr(92) + 'n'))}[ \t]*$"
            sql = re.sub(line, lambda each: ";".ljust(len(each[0])), body, flags=re.MULTILINE)
        yield Section(start, end, wrapped=wrapped, sql=sql)
        undo = _undo(body)
        if undo.strip():
            yield Section(start, end, is_undo=True, wrapped=wrapped, sql=undo)


def _undo(body: str) -> str:
    """The SQL in the rollback comments of a changeset, everything else blank."""
    kept = [
        (match.start(2), match.end(2), match[2])
        for pattern in (_ROLLBACK_LINE, _ROLLBACK_BLOCK)
        for match in pattern.finditer(body)
        if not _NO_SQL.match(match[2])
    ]
    parts, place = [], 0
    for start, end, sql in sorted(kept):
        parts += [blank(body[place:start]), sql]
        place = end
    return "".join([*parts, blank(body[place:])])


def phase_of(section: Section, phase: Phase | None) -> Phase | None:
    """The phase a section is judged by, if its file is judged by ``phase``."""
    return Phase.ROLLBACK if section.is_undo and phase is None else phase


_FLYWAY = re.compile(r"(?P<kind>[VUB])(?P<version>\d+(?:[._]\d+)*)__")
_NUMBERED = re.compile(r"\d+")


def order(names: Sequence[str]) -> dict[str, tuple[int, tuple[int, ...], int, str, int]]:
    """A key to sort each name of a folder by: numbers as numbers, what undoes behind what it undoes.

    Flyway's versions come before other names, its repeatable files last.
    """
    flyway = any(_FLYWAY.match(name) for name in names)
    return {name: _key(name, flyway) for name in names}


def _key(name: str, flyway: bool) -> tuple[int, tuple[int, ...], int, str, int]:
    if flyway:
        if match := _FLYWAY.match(name):
            version = tuple(int(part) for part in re.split(r"[._]", match["version"]))
            while version and not version[-1]:
                version = version[:-1]
            return 0, version, "BVU".index(match["kind"]), name, 0
        if name.startswith("R__"):
            return 9, (), 0, name, 0
    is_down = name.endswith(".down.sql")
    base = name.removesuffix(".down.sql" if is_down else ".up.sql")
    base = name if base == name else f"{base}.sql"
    number = _NUMBERED.match(name)
    return (1, (int(number[0]),), 0, base, is_down) if number else (2, (), 0, base, is_down)


def planned(plan: str) -> Iterator[str]:
    """Names of the files of a sqitch plan in its order, without folder and ``.sql``.

    A change that was reworked appears again; the older script is kept as ``NAME@TAG``.
    """
    changes: list[tuple[str, str]] = []
    pending: list[int] = []
    for line in plan.splitlines():
        words = line.split()
        if not words or words[0].startswith(("#", "%")):
            continue
        name = words[0]
        if name.startswith("@"):
            for index in pending:
                changes[index] = (changes[index][0], name)
            pending = []
            continue
        changes.append((name, ""))
        pending.append(len(changes) - 1)
    last = {name: index for index, (name, _) in enumerate(changes)}
    for index, (name, tag) in enumerate(changes):
        yield name if last[name] == index else f"{name}{tag}"
