"""SQL scripts to statements with positions, by PostgreSQL's own grammar (libpg_query).

Other rooms get ``pb``, which holds PostgreSQL's node types and enumerations as protobuf has them, from here.
"""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate
from typing import Any

from msgspec import Struct

from migrator.errors import Refused
from migrator.sql import native
from migrator.sql.lexing import without_runs
from migrator.sql.native import pb
from migrator.sql.trees import leaves, unwrap, walk

__all__ = [
    "Block",
    "Comment",
    "Script",
    "SqlSyntaxError",
    "Statement",
    "deparse",
    "deparse_expression",
    "deparse_type",
    "function_names",
    "leaves",
    "parse_expression",
    "parse_script",
    "pb",
    "relation_parts",
    "unwrap",
    "walk",
]


class SqlSyntaxError(Refused):
    """The text is not PostgreSQL's SQL.

    Attributes:
        line: 1-based line.
        column: 1-based column in characters.
        source_line: the text of that line.
    """

    def __init__(self, reason: str, *, source: str, offset: int, name: str = "") -> None:
        self.line, self.column = position(source, offset)
        self.source_line = source.split("\n")[self.line - 1].rstrip("\r")
        self.reason = reason
        place = f"{name or 'SQL'}:{self.line}:{self.column}"
        gutter = f"{self.line} | "
        caret = " " * (len(gutter) + self.column - 1) + "^"
        super().__init__(reason, at=place, detail=f"{gutter}{self.source_line}\n{caret}")

    def render(self) -> str:
        """As every error, with the caret under the offending character."""
        gutter = f"  {self.line} | "
        pad = "".join("\t" if char == "\t" else " " for char in self.source_line[: self.column - 1])
        return f"error: {self.message}\n  at: {self.at}\n{gutter}{self.source_line}\n{' ' * len(gutter)}{pad}^"


class Comment(Struct, frozen=True, gc=False):
    """A comment of the source.

    Attributes:
        text: as written, with its ``--`` or ``/* */``.
        line: 1-based line where it starts.
        offset: index of its first character in the source.
    """

    text: str
    line: int
    offset: int

    @property
    def body(self) -> str:
        """The words inside, stripped."""
        if self.text.startswith("--"):
            return self.text[2:].strip()
        return self.text.removeprefix("/*").removesuffix("*/").strip()


class Block(Struct, frozen=True, gc=False):
    """The DO block that runs a statement, and which of its transactions, counted from 0, it is in."""

    statement: Statement
    transaction: int


class Statement(Struct, frozen=True, gc=False):
    """One statement of a script.

    Attributes:
        text: from its first token to its last, without the semicolon.
        kind: PostgreSQL's node type in snake case, ``alter_table_stmt``.
        node: the protobuf message of that type.
        offset: index of its first character in the source.
        line: 1-based line of its first token.
        column: 1-based column of its first token, in characters.
        end_line: 1-based line of its last token.
        comments: comments between the statement before and this one, and inside it.
        block: the DO block that runs it; None if the script does. Such a statement cannot be edited by itself.
    """

    text: str
    kind: str
    node: Any
    offset: int
    line: int
    column: int
    end_line: int
    comments: tuple[Comment, ...] = ()
    block: Block | None = None


class Script(Struct, frozen=True, dict=True):
    """A parsed source.

    Attributes:
        source: the whole text.
        name: file name for messages, or an empty string.
        statements: in order.
        comments: all comments, in order.
        first_line: the line of its file that it starts with.
    """

    source: str
    name: str
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...]
    first_line: int = 1

    @cached_property
    def _places(self) -> _Places:
        return _Places(self.source)

    def character(self, byte_location: int) -> int:
        """Index in the source of the character at a ``location`` in a node (a byte offset into the source)."""
        return byte_location if self.source.isascii() else self._places.character(byte_location)

    def position_of(self, byte_location: int) -> tuple[int, int]:
        """1-based line and column of a ``location`` in a node (a byte offset into the source)."""
        return self._places.position(self._places.character(max(byte_location, 0)))


def position(source: str, offset: int) -> tuple[int, int]:
    """1-based line and column, in characters, of an index into a text."""
    before = source[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


class _Places:
    """Bytes to characters to lines by an index of the lines: a script's length must not count for each question."""

    def __init__(self, source: str) -> None:
        self._ascii = source.isascii()
        self._encoded = source.encode()
        lines = io.StringIO(source, newline="\n").readlines()
        self._characters = [0, *accumulate(map(len, lines))]
        self._bytes = self._characters if self._ascii else [0, *accumulate(len(line.encode()) for line in lines)]

    def character(self, byte_offset: int) -> int:
        """Index of the character that a byte belongs to."""
        if self._ascii:
            return byte_offset
        line = bisect_right(self._bytes, byte_offset) - 1
        return self._characters[line] + len(self._encoded[self._bytes[line] : byte_offset].decode(errors="ignore"))

    def position(self, offset: int) -> tuple[int, int]:
        """As the function ``position``."""
        line = bisect_right(self._characters, offset) - 1
        return line + 1, offset - self._characters[line] + 1


_COMMENTS = frozenset({pb.SQL_COMMENT, pb.C_COMMENT})


def parse_script(source: str, name: str = "", first_line: int = 1) -> Script:
    """Parse a script of any number of statements.

    Args:
        source: the text; node locations are byte offsets into it.
        name: file name for messages.
        first_line: the line of the file that the text starts with. Errors count from the start of the text.

    Raises:
        SqlSyntaxError: with line, column and the line itself.
    """
    if "\0" in source:
        # The parser's text ends there; what follows would be passed over in silence.
        reason = "a NUL character, which PostgreSQL does not accept"
        raise SqlSyntaxError(reason, source=source, offset=source.index("\0"), name=name)
    try:
        tree = native.parse(without_runs(source))
    except native.PgQueryError as error:
        # In characters, unlike the locations in nodes. The end of the input is where its last word ends.
        offset = min(error.cursorpos - 1 if error.cursorpos else len(source), len(source.rstrip()))
        raise SqlSyntaxError(error.message, source=source, offset=offset, name=name) from None

    if source.isascii() and "--" not in source and "/*" not in source:
        return Script(source, name, tuple(_without_comments(tree, source, first_line)), (), first_line)
    places = _Places(source)
    character, above = places.character, first_line - 1
    comments: list[Comment] = []
    statements: list[Statement] = []
    behind = own = 0
    for raw in tree.stmts:
        location, length = raw.stmt_location, raw.stmt_len
        end = character(location + length) if length else len(source)
        start, stop = _words(source[behind:end], behind, character(location), places, above, comments)
        behind, before = end, own
        while own < len(comments) and comments[own].offset < stop:
            own += 1
        line, column = places.position(start)
        text = source[start:stop]
        kind = raw.stmt.WhichOneof("node")
        statements.append(
            Statement(
                text=text,
                kind=kind,
                node=getattr(raw.stmt, kind),
                offset=start,
                line=above + line,
                column=column,
                end_line=above + line + text.count("\n"),
                comments=tuple(comments[before:own]),
            )
        )
    _words(source[behind:], behind, len(source), places, above, comments)
    return Script(source, name, tuple(statements), tuple(comments), first_line)


def _without_comments(tree: Any, source: str, first_line: int) -> Iterator[Statement]:
    """The statements of a text in ASCII that has no comments: as of any other, without asking for its places."""
    line = counted = 0
    for raw in tree.stmts:
        start, length = raw.stmt_location, raw.stmt_len
        text = source[start : start + length if length else len(source)].rstrip(_SPACE)
        start += len(text)
        text = text.lstrip(_SPACE)
        start -= len(text)
        line += source.count("\n", counted, start)
        counted = start
        kind = raw.stmt.WhichOneof("node")
        first = first_line + line
        yield Statement(
            text,
            kind,
            getattr(raw.stmt, kind),
            start,
            first,
            start - source.rfind("\n", 0, start),
            first + text.count("\n"),
        )


_SPACE = " \t\n\r\f\v"
"""What PostgreSQL's scanner takes for white space (scan.l, 18)."""


_LINE_OF_COMMENT = re.compile(r"[; \t\n\r\f\v]*(--[^\n\r]*)")
"""Behind a statement, where only its semicolon can stand before it."""


def _words(text: str, at: int, begin: int, places: _Places, above: int, comments: list[Comment]) -> tuple[int, int]:
    """Where the first word from ``begin`` on starts, and where the last word of a piece of the source stops.

    The scanner is asked only where there may be other comments than lines above the words: it takes a quarter of the
    parser's time. Comments are added.

    Args:
        text: the piece; it starts and ends between statements.
        at: index of its first character in the source.
        begin: index in the source, not before ``at``.
        places: of the source.
        above: lines of the file above the source.
        comments: those before; the ones of this piece are added.
    """
    place = 0
    above_words = []
    while comment := _LINE_OF_COMMENT.match(text, place):
        above_words.append(comment)
        place = comment.end()
    if "--" not in text[place:] and "/*" not in text[place:]:
        for comment in above_words:
            first = at + comment.start(1)
            comments.append(Comment(comment[1], above + places.position(first)[0], first))
        place = max(place, begin - at)
        words = text[place:].rstrip(_SPACE)
        return at + place + len(words) - len(words.lstrip(_SPACE)), at + place + len(words)
    start = stop = begin
    character = _Places(text).character  # of its own: a token's place counts bytes
    for token in native.scan(without_runs(text)).tokens:
        first, last = at + character(token.start), at + character(token.end)
        if token.token in _COMMENTS:
            body = text[first - at : last - at].rstrip("\n")
            comments.append(Comment(body, above + places.position(first)[0], first))
        elif first >= begin:
            if stop == begin:
                start = first
            stop = last
    return start, stop


def deparse(kind: str, node: Any) -> str:
    """SQL text of a statement node of the given kind, in libpg_query's canonical form."""
    tree = pb.ParseResult()
    getattr(tree.stmts.add().stmt, kind).CopyFrom(node)
    return native.deparse(tree)


def deparse_expression(node: Any) -> str:
    """SQL text of an expression ``Node``."""
    tree = pb.ParseResult()
    target = tree.stmts.add().stmt.select_stmt.target_list.add().res_target
    target.val.CopyFrom(node)
    return native.deparse(tree).removeprefix("SELECT ").strip()


def parse_expression(text: str) -> Any:
    """The ``Node`` of one SQL expression.

    Raises:
        SqlSyntaxError: it does not parse.
    """
    statement = parse_script(f"SELECT {text}\n", name="expression").statements[0]
    return unwrap(statement.node.target_list[0]).val


def function_names(node: Any) -> set[str]:
    """Unqualified names of the functions an expression calls, SQL's own keywords for functions left out."""
    return {unwrap(call.funcname[-1]).sval for call in walk(node) if isinstance(call, pb.FuncCall)}


def deparse_type(node: Any) -> str:
    """SQL text of a ``TypeName``."""
    cast = pb.Node()
    cast.type_cast.arg.a_const.isnull = True
    cast.type_cast.type_name.CopyFrom(node)
    return deparse_expression(cast).removeprefix("NULL::")


def relation_parts(text: str) -> tuple[str | None, str]:
    """Schema (None if unqualified) and name of a relation as written in SQL."""
    node = unwrap(parse_script(f"TABLE {text}\n").statements[0].node.from_clause[0])
    return node.schemaname or None, node.relname
