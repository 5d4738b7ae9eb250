"""Waivers: ``-- migrator: allow CODE[, CODE] [until DATE] because REASON``.

Before a statement, or on one of its lines, a waiver holds for that statement; ``allow-file`` holds for the file. It
needs a reason. One that names an unknown code, has no reason, has run out or waives nothing is itself reported, so
that the list of exceptions stays true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date

from msgspec import Struct, field

from migrator.sql.parser import Comment, Script

_WAIVER = re.compile(r"migrator:\s*(?P<what>allow-file|allow)\b(?P<rest>.*)\Z", re.DOTALL)
_BECAUSE = re.compile(r"\bbecause\b", re.IGNORECASE)
_UNTIL = re.compile(r"\buntil\s+(?P<date>\S+)\s*\Z", re.IGNORECASE)


class Waiver(Struct):
    """One well-formed waiver that has not run out.

    Attributes:
        comment: where it stands.
        codes: codes it waives, upper case.
        first_line: first line of the statement it holds for; None: the whole file.
        last_line: last line of that statement, inclusive.
        used: codes that it has waived something of.
    """

    comment: Comment
    codes: tuple[str, ...]
    first_line: int | None
    last_line: int
    used: set[str] = field(default_factory=set)

    def covers(self, code: str, statement_line: int) -> bool:
        """Whether it waives findings of ``code`` on the statement that starts at ``statement_line``."""
        if code not in self.codes:
            return False
        return self.first_line is None or self.first_line == statement_line


class Complaint(Struct, frozen=True):
    """What is wrong with a waiver.

    Attributes:
        code: of the rule about waivers that reports it.
        message: what is wrong.
        comment: where it stands.
        waived: the code that it waives for nothing, or an empty string.
        is_all: whether it waives no other code.
    """

    code: str
    message: str
    comment: Comment
    waived: str = ""
    is_all: bool = False


def read(
    script: Script, today: date, code_of: Callable[[str], str | None], nearest: Callable[[str], str | None]
) -> tuple[list[Waiver], list[Complaint]]:
    """The waivers of a file and what is wrong with others.

    Args:
        script: the file.
        today: a waiver until this day or later holds.
        code_of: the code for a code or name, None if there is no such rule.
        nearest: a known code or name like a mistyped one.
    """
    waivers: list[Waiver] = []
    complaints: list[Complaint] = []
    for comment in script.comments:
        if "migrator:" not in comment.text:
            continue
        match = _WAIVER.match(comment.body)
        if match is None:
            continue
        found = _parse(comment, match["rest"], today, code_of, nearest)
        if isinstance(found, tuple):
            first, last = (None, 0) if match["what"] == "allow-file" else _statement_lines(script, comment)
            waivers.append(Waiver(comment, found, first, last))
        else:
            complaints.append(found)
    return waivers, complaints


def unused(waivers: list[Waiver]) -> Iterator[Complaint]:
    """A complaint for each code that a waiver names for nothing."""
    for waiver in waivers:
        for code in waiver.codes:
            if code not in waiver.used:
                yield Complaint(
                    "WV004", f"waiver of {code} waives nothing", waiver.comment, code, len(waiver.codes) == 1
                )


def _parse(
    comment: Comment,
    rest: str,
    today: date,
    code_of: Callable[[str], str | None],
    nearest: Callable[[str], str | None],
) -> tuple[str, ...] | Complaint:
    head, *reason = _BECAUSE.split(rest, maxsplit=1)
    if not reason or not reason[0].strip():
        return Complaint("WV001", "waiver without a reason", comment)
    until = _UNTIL.search(head)
    if until:
        head = head[: until.start()]
    names = [name for name in re.split(r"[,\s]+", head.strip()) if name]
    if not names:
        return Complaint("WV002", "waiver without a code", comment)
    codes = []
    for name in names:
        code = code_of(name)
        if code is None:
            near = nearest(name)
            return Complaint("WV002", f'no rule "{name}"' + (f', did you mean "{near}"?' if near else ""), comment)
        codes.append(code)
    if until:
        try:
            last_day = date.fromisoformat(until["date"])
        except ValueError:
            return Complaint("WV001", f'"{until["date"]}" is not a date such as 2027-01-31', comment)
        if last_day < today:
            return Complaint("WV003", f"waiver of {', '.join(codes)} ran out on {last_day}", comment)
    return tuple(codes)


def _statement_lines(script: Script, comment: Comment) -> tuple[int, int]:
    """First and last line of the statement a comment stands on or before; zeros behind the last.

    In a DO block that is one of the statements it runs, if there is one behind the comment.
    """
    around: tuple[int, int] | None = None
    for statement in script.statements:
        if around and statement.block is None:
            break
        on_it = statement.line <= comment.line <= statement.end_line
        if on_it or statement.offset > comment.offset:
            if statement.kind != "do_stmt" or statement.offset > comment.offset:
                return statement.line, statement.end_line
            around = statement.line, statement.end_line
    return around or (0, 0)
