"""Statements' ends in text that PostgreSQL's grammar does not accept as it stands: psql scripts, templates, mistakes.

A small lexer that knows what the server's knows of quotes, comments and dollar quotes, and besides what other programs
read before the server does: commands to psql and its variables, data behind ``COPY … FROM stdin``, placeholders such
as ``${schema}``. It only says where things are; libpg_query stays the judge of what is SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import cache

from msgspec import Struct


class Mark(Enum):
    """What stands at a place."""

    END = "a semicolon that ends a statement"
    COMMENT = "a comment"
    COMMAND = "a command to psql, up to the end of its line or the next one"
    VARIABLE = "a variable of psql"
    PLACEHOLDER = "something that a runner replaces"
    DATA = "lines behind COPY FROM stdin, with the line that ends them"


class Marked(Struct, frozen=True):
    """A place in a text.

    Attributes:
        start: index of its first character.
        end: index behind its last.
        begun: whether anything but blanks and comments stands between the end of the statement before and ``start``.
    """

    mark: Mark
    start: int
    end: int
    begun: bool


_MARKS = r"""
    (?P<comment>--[^\n]*+)
  | (?P<block>/\*)
  | (?P<escaped>(?<![\w$])[eE]'(?:[^'\\]++|\\.|'')*+(?:'|\Z))
  | (?P<quoted>'[^']*+(?:'|\Z)|"[^"]*+(?:"|\Z))
  | (?P<placeholder>\$\{[^{}'"\n]*+\}|\{\{[^{}'"\n]*+\}\})
  | (?P<dollar>(?<![\w$])\$(?:[^\W\d]\w*+)?+\$)
  | (?P<command>\\(?:[A-Za-z!?]|[.;](?=\s|\Z)))
  | (?P<variable>(?<![:\w]):(?:[^\W\d]\w*+|'[^\W\d]\w*+'|"[^\W\d]\w*+"))
  | (?P<open>[(\[])
  | (?P<close>[)\]])
  | (?P<atomic>\bBEGIN\s++ATOMIC\b)
  | (?P<case>\bCASE\b)
  | (?P<done>\bEND\b)
  | (?P<semicolon>;)
"""


@cache
def _pattern() -> re.Pattern[str]:
    """Compiled for the first text that is cut: most files are parsed as they stand."""
    return re.compile(_MARKS, re.VERBOSE | re.DOTALL | re.IGNORECASE)


_WORD = re.compile(r"\S")
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_COPY = re.compile(r"\s*COPY\b.*\bFROM\s+STDIN\b", re.IGNORECASE | re.DOTALL)
_COPY_WORDS = 4000
"""A COPY with more characters before STDIN than this is not recognised; one that names 60 columns has about 2,000."""
_DATA_END = re.compile(r"^\\\.[ \t\r]*(?:\n|\Z)", re.MULTILINE)


def marks(text: str, start: int = 0) -> Iterator[Marked]:
    """The marks of a text from ``start`` on, where a statement may begin, in order.

    Time and memory grow with the length, whatever the text holds.
    """
    place = begin = start
    depth = blocks = 0
    search = _pattern().search
    while True:
        match = search(text, place)
        if match is None:
            return
        kind, start, place = match.lastgroup, match.start(), match.end()
        begun = _WORD.search(text, begin, start) is not None
        if kind in ("comment", "block"):
            if kind == "block":
                place = _block_end(text, place)
            yield Marked(Mark.COMMENT, start, place, begun)
            begin = begin if begun else place
        elif kind == "dollar":
            end = text.find(match[0], place)
            place = len(text) if end < 0 else end + len(match[0])
        elif kind == "command":
            place = _command_end(text, place)
            yield Marked(Mark.COMMAND, start, place, begun)
            begin = place if not begun or _ends_statement(text[start:place]) else begin
        elif kind == "variable":
            # `a[1:n]` is a slice
            if not depth or text.rfind("[", begin, start) <= text.rfind("]", begin, start):
                yield Marked(Mark.VARIABLE, start, place, begun)
        elif kind == "placeholder":
            yield Marked(Mark.PLACEHOLDER, start, place, begun)
        elif kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(depth - 1, 0)
        elif kind == "atomic" or (kind == "case" and blocks):
            blocks += 1
        elif kind == "done":
            blocks = max(blocks - 1, 0)
        elif kind == "semicolon" and not blocks and (not depth or _clearly_ends(text, place)):
            yield Marked(Mark.END, start, place, begun)
            depth = 0
            if _COPY.match(text[begin : min(start, begin + _COPY_WORDS)]):
                data = text.find("\n", place) + 1 or len(text)
                found = _DATA_END.search(text, data)
                place = found.end() if found else len(text)
                yield Marked(Mark.DATA, data, place, begun=False)
            begin = place


_QUERY_COMMANDS = re.compile(r"\\(?:g|gx|gset|gexec|gdesc|crosstabview|watch|bind|;)(?![A-Za-z])")
_STARTS_STATEMENT = re.compile(
    r"[ \t\r]*\n\s*(?:CREATE|ALTER|DROP|INSERT|COMMIT|BEGIN|GRANT|SET|COMMENT|DO)\b", re.IGNORECASE
)


def _ends_statement(command: str) -> bool:
    return _QUERY_COMMANDS.match(command) is not None


def _clearly_ends(text: str, place: int) -> bool:
    """Whether a semicolon in a parenthesis that was never closed ends the statement all the same."""
    return _STARTS_STATEMENT.match(text, place) is not None


def _command_end(text: str, place: int) -> int:
    if text[place - 1] == ";":
        return place
    line_end = text.find("\n", place)
    line_end = len(text) if line_end < 0 else line_end
    following = text.find("\\", place, line_end)
    # `\gset \echo` are two commands; a backslash in the words of one is not told apart from that
    return following if following > 0 and text[following - 1].isspace() else line_end


def _block_end(text: str, place: int) -> int:
    """Comments of PostgreSQL nest."""
    depth = 1
    for edge in _BLOCK_EDGE.finditer(text, place):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(text)


def blank(text: str) -> str:
    """As many blanks, line ends kept: positions in what is left stay what they are."""
    return _NOT_LINE_END.sub(" ", text)


_NOT_LINE_END = re.compile(r"[^\n]")


_RUN = re.compile(r"/\*[~!@#^&|`?+*/%<>=-]{64}")
"""So long a run of operator characters behind the start of a comment is in none that people write."""
_INSIDE = re.compile(r"[/*]")


def without_runs(text: str) -> str:
    """The text with the marks of comments within comments taken out, if there are long runs of them; as long as before.

    Where a comment starts, the server's scanner (``xcstart`` in scan.l, PostgreSQL 14 to 18) reads all operator
    characters that follow, and goes back: for ``/*/*/*…`` its time grows with the square of the length. 160 kB of that
    take more than a minute.
    """
    if _RUN.search(text) is None:
        return text
    pieces, place = [], 0
    for mark in marks(text):
        if mark.mark is Mark.COMMENT and text.startswith("/*", mark.start):
            is_closed = _is_closed(text, mark)
            end = mark.end - 2 if is_closed else mark.end
            pieces += [text[place : mark.start + 2], _INSIDE.sub("x", text[mark.start + 2 : end])]
            place = end
    return "".join([*pieces, text[place:]])


def _is_closed(text: str, mark: Marked) -> bool:
    """Whether a block comment ends with its own mark; one that does not goes on to the end of the text."""
    if mark.end < len(text):
        return True
    depth = sum(1 if edge[0] == "/*" else -1 for edge in _BLOCK_EDGE.finditer(text, mark.start))
    return depth == 0
