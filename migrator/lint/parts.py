"""A file as lint walks it: the parts that PostgreSQL gets, each parsed, and what in it could not be looked at.

Most files are one part as they stand. A file of another runner is cut into what goes up and what comes down; a script
for psql into what stands before and behind the files it includes; a large file every half megabyte, so that memory
does not grow with its length. What is not SQL is blanked out, never removed: a position in a part is one in the file.

Where a statement does not parse, the statements around it are parsed all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from migrator.lint import runners
from migrator.lint.psql import INCLUDES, QUERIES, TALK, Command
from migrator.lint.salvage import without_errors
from migrator.lint.sources import Source
from migrator.sql.blocks import opened
from migrator.sql.bodies import Powers
from migrator.sql.lexing import Mark, Marked, blank, marks
from migrator.sql.parser import Script, SqlSyntaxError, Statement, parse_script, position

CHUNK = 500_000
"""Characters that are parsed at once. The trees of half a megabyte of SQL take about 50 MB."""

_MOST_AT_ONCE = 2 * CHUNK
_LAST_IN_LINE = re.compile(r";[^\S\n]*\n")
_STDIN = re.compile(r"\bSTDIN\b", re.IGNORECASE)

_PLACEHOLDER_DECIDES = "this statement was not checked: a placeholder decides what it is"

_MOST_ERRORS = 20
"""Per part: more of them are of one cause, and nobody reads them."""


class Unchecked(Struct, frozen=True):
    """Something in a part that was not looked at.

    Attributes:
        start: index of its first character in the part.
        end: index behind its last.
        what: the message of the finding.
    """

    start: int
    end: int
    what: str


class Part(Struct, frozen=True):
    """A part of a file.

    Attributes:
        source: the file, with the text of this part only.
        script: its statements, with lines of the file and offsets into the part.
        continues: whether it runs in one go with the part before it.
        errors: statements that do not parse: reason, line and column in the file, text of the line.
        unchecked: what was not looked at.
        stand_ins: what was put in the place of placeholders, with what stands in the file.
        literal: whether its statements stand in the file as SQL, not in comments or with delimiters of a runner.
        whole: whether it is all that runs in one go.
    """

    source: Source
    script: Script
    continues: bool = False
    errors: Sequence[tuple[str, int, int, str]] = ()
    unchecked: Sequence[Unchecked] = ()
    stand_ins: Sequence[tuple[str, str]] = ()
    literal: bool = True
    whole: bool = True

    def as_written(self, statement: Statement) -> Callable[[str], str]:
        """What puts the placeholders of the file back into words about a statement."""
        if not self.stand_ins:
            return str
        source = self.source.text[statement.offset : statement.offset + len(statement.text)]
        own = [pair for pair in self.stand_ins if pair[1] in source]

        def written(text: str) -> str:
            for stand_in, placeholder in own:
                text = text.replace(stand_in, placeholder)
            return text

        return written


def parts_of(source: Source) -> Iterator[Part]:
    """The parts of a file, in order; includes are followed."""
    return _parts_of(source, ())


def _parts_of(source: Source, including: tuple[str, ...]) -> Iterator[Part]:
    whole = runners.Section(0, len(source.text))
    sections = (whole,) if source.phased else runners.sections(source.name, source.text)
    for section in sections:
        own = source if section == whole else _section_of(source, section)
        for part in _parsed(own, own.text if section.sql is None else section.sql, including):
            yield part if section.sql is None else replace(part, literal=False)
            del part  # its trees must not stay while the next part is parsed


def _section_of(source: Source, section: runners.Section) -> Source:
    start = section.start
    return replace(
        source,
        text=source.text[start : section.end],
        phase=runners.phase_of(section, source.phase),
        wrapped=section.wrapped if source.wrapped is None else source.wrapped,
        first_line=source.first_line + source.text.count("\n", 0, start),
        offset=source.offset + start,
    )


def _parsed(source: Source, sql: str, including: tuple[str, ...]) -> Iterator[Part]:
    if len(sql) <= CHUNK:
        try:
            script = parse_script(sql, source.name, source.first_line)
        except SqlSyntaxError:
            pass
        else:
            yield Part(source, script, unchecked=tuple(_said_by_runner(sql)))
            return
    yield from _Taken(source, sql, including).parts()


def looked_into(part: Part, functions: Powers, *, quiet: bool = False) -> Part:
    """A part with what its DO blocks run.

    Args:
        part: one of a history.
        functions: those made by earlier parts that do more than read and write rows; this part's are added.
        quiet: whether nothing will be said of what could not be looked into.
    """
    script = part.script
    if not functions and not any(statement.kind in _HOLD_CODE for statement in script.statements):
        return part
    script, opaque = opened(script, functions, quiet=quiet)
    if script is part.script and not opaque:
        return part
    unchecked = [Unchecked(each.start, each.end, each.what) for each in opaque if not each.is_error]
    errors = list(part.errors)
    text = part.source.text
    for each in opaque:
        if each.is_error:
            line, column = position(text, each.start)
            errors.append((each.what, script.first_line + line - 1, column, text.split("\n")[line - 1].rstrip("\r")))
    return replace(part, script=script, unchecked=(*part.unchecked, *unchecked), errors=errors)


_HOLD_CODE = frozenset({"do_stmt", "create_function_stmt"})


class _Piece(Struct):
    """Text between two cuts: edits in it and the ends of its statements, all in places of the whole section."""

    start: int
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    placeholders: list[int] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)


class _Taken:
    """A section that PostgreSQL would not take as it stands, or too long to be taken at once."""

    def __init__(self, source: Source, sql: str, including: tuple[str, ...]) -> None:
        self._source = source
        self._sql = sql
        self._including = including
        self._stand_ins: dict[str, str] = {}
        self._piece = _Piece(0)
        self._begun = False
        self._counted = self._lines = 0

    def parts(self) -> Iterator[Part]:
        place: int | None = 0
        while place is not None:
            place = yield from self._as_they_stand(place)
            if place is not None:
                place = yield from self._by_marks(place)

    def _as_they_stand(self, start: int) -> Generator[Part, None, int | None]:
        """Pieces that PostgreSQL takes as they stand; where the first begins that it does not, None if it took all.

        A text that ends with a semicolon and parses ends with a statement, so that the rest can be taken by itself;
        and nothing that has to be marked is in it, because that would not parse. To find marks takes longer than to
        parse.
        """
        sql = self._sql
        while len(sql) > CHUNK:
            end = self._end_of_piece(start)
            if end - start > _MOST_AT_ONCE or _STDIN.search(sql, start, end):
                return start  # what stands behind COPY may look like statements, and is data
            self._piece = _Piece(start)
            try:
                yield from self._cut(end, is_last=end == len(sql), must_parse=True)
            except SqlSyntaxError:
                return start
            if end == len(sql):
                return None
            start = end
        return start  # it was tried as a whole

    def _end_of_piece(self, start: int) -> int:
        """Behind the first line end, more than a piece away, before which a statement may end."""
        sql = self._sql
        for found in _LAST_IN_LINE.finditer(sql, min(start + CHUNK - 200, len(sql))):
            line = sql[sql.rfind("\n", 0, found.start()) + 1 : found.start()]
            if found.end() - 1 - start > CHUNK and "--" not in line:
                return found.end()
        return len(sql)

    def _by_marks(self, start: int) -> Generator[Part, None, int | None]:
        """The piece from ``start`` on, and those behind it up to one that is as long as a piece may be.

        Returns:
            Where that one ends; None at the end of the section.
        """
        sql = self._sql
        self._piece = piece = _Piece(start)
        for mark in marks(sql, start):
            if mark.start < piece.start:
                continue
            if mark.mark is Mark.END:
                piece.ends.append(mark.end)
                line_end = sql.find("\n", mark.end)
                if line_end - piece.start > CHUNK and not sql[mark.end : line_end].strip():
                    yield from self._cut(line_end + 1)
                    return line_end + 1
            elif mark.mark is Mark.DATA:
                yield from self._cut(mark.start)
                self._piece = piece = _Piece(mark.end)
            elif mark.mark is Mark.COMMAND:
                command = Command.of(sql[mark.start : mark.end].rstrip())
                line_start = sql.rfind("\n", 0, mark.start) + 1
                if command.name in INCLUDES and not sql[line_start : mark.start].strip():
                    yield from self._cut(line_start)
                    yield from self._include(command, mark)
                    piece = self._piece
                else:
                    self._take(command, mark)
            elif mark.mark is not Mark.COMMENT:
                self._stand_in(mark)
        yield from self._cut(len(sql), is_last=True)
        return None

    def _cut(self, end: int, *, is_last: bool = False, must_parse: bool = False) -> Iterator[Part]:
        """The piece up to ``end``; the next one starts there.

        Raises:
            SqlSyntaxError: it does not parse, and ``must_parse``.
        """
        piece, self._piece = self._piece, _Piece(end)
        text = self._sql[piece.start : end]
        if text.isspace() or (not text and not (is_last and not self._begun)):
            return
        part = self._part(piece, end, must_parse=must_parse)
        self._begun = True
        yield part

    def _part(self, piece: _Piece, end: int, *, must_parse: bool) -> Part:
        pieces, place = [], piece.start
        for start, stop, instead in piece.edits:
            pieces += [self._sql[place:start], instead]
            place = stop
        sql = "".join([*pieces, self._sql[place:end]])
        source = self._source
        own = replace(
            source,
            text=source.text[piece.start : end],
            first_line=source.first_line + self._lines_before(piece.start),
            offset=source.offset + piece.start,
        )
        unchecked = [Unchecked(each.start - piece.start, each.end - piece.start, each.what) for each in piece.unchecked]
        unchecked += _said_by_runner(sql)
        errors: list[tuple[str, int, int, str]] = []
        try:
            script = parse_script(sql, own.name, own.first_line)
        except SqlSyntaxError:
            if must_parse:
                raise
            cuts = [each - piece.start for each in piece.ends]
            sql, bad = without_errors(sql, cuts)
            held = [each - piece.start for each in piece.placeholders]
            lines = own.text.split("\n")
            for start, stop, error in bad:
                if any(start <= place < stop for place in held):
                    unchecked.append(Unchecked(start, stop, _PLACEHOLDER_DECIDES))
                else:
                    line = own.first_line + error.line - 1
                    errors.append((error.reason, line, error.column, lines[error.line - 1].rstrip("\r")))
            if len(errors) > _MOST_ERRORS:
                reason, line, column, text = errors[_MOST_ERRORS - 1]
                more = f"{reason}; {len(errors) - _MOST_ERRORS:,} more statements do not parse"
                errors[_MOST_ERRORS - 1 :] = [(more, line, column, text)]
            script = parse_script(sql, own.name, own.first_line)
        whole = not self._begun and not self._sql[end:].strip()
        return Part(own, script, self._begun, errors, unchecked, tuple(self._stand_ins.items()), whole=whole)

    def _lines_before(self, place: int) -> int:
        """How many lines end before a place that is not before the one of the call before."""
        self._lines += self._source.text.count("\n", self._counted, place)
        self._counted = place
        return self._lines

    def _include(self, command: Command, mark: Marked) -> Iterator[Part]:
        name = command.argument
        found = None
        why = "the name of the file is not written out"
        if name and not re.search(r"[:`]", name) and self._source.include is not None:
            found = self._source.include(name, command.name in ("ir", "include_relative"))
            why = "there is no such file"
        if found is not None and (found.name == self._source.name or found.name in self._including):
            found, why = None, "it includes itself"
        if found is None:
            what = f"the file {name} was not checked: {why}" if name else f"\\{command.name} names no file"
            self._piece.unchecked.append(Unchecked(mark.start, mark.end, what))
            self._piece.edits.append((mark.start, mark.end, blank(self._sql[mark.start : mark.end])))
            return
        self._piece = _Piece(self._sql.find("\n", mark.end) + 1 or len(self._sql))
        inside = replace(found, phase=self._source.phase, phased=self._source.phased, standing=self._source.standing)
        for part in _parts_of(inside, (*self._including, self._source.name)):
            continues = self._begun and part.source.phase is self._source.phase
            yield replace(part, continues=part.continues or continues)
            self._begun = True

    def _take(self, command: Command, mark: Marked) -> None:
        text = self._sql[mark.start : mark.end]
        runs_query = command.name in QUERIES and mark.begun
        self._piece.edits.append((mark.start, mark.end, ";" + blank(text[1:]) if runs_query else blank(text)))
        if runs_query:
            self._piece.ends.append(mark.start + 1)
        if command.name == "gexec":
            what = "the statements that this query writes for \\gexec were not checked"
        elif command.name == "!":
            what = "the command that \\! runs was not checked"
        elif command.name not in QUERIES and command.name not in TALK:
            what = f"\\{command.name} was not checked: psql may run SQL for it"
        else:
            return
        if command.name in INCLUDES:
            what = f"the file {command.argument} was not checked: \\{command.name} does not begin its line"
        self._piece.unchecked.append(Unchecked(mark.start, mark.end, what))

    def _stand_in(self, mark: Marked) -> None:
        """Put a name, or a text, in the place of a variable; of the same length, so that positions stay."""
        written = self._sql[mark.start : mark.end]
        if mark.mark is Mark.PLACEHOLDER:
            instead = "p" + re.sub(r"\W", "_", written[1:]).lower()
            self._stand_ins[instead] = written
        elif written[1] in "'\"":
            instead = " " + written[1:]
        else:
            instead = "_" + written[1:].lower()
            if len(instead) > _LEAST_NAME:
                self._stand_ins[instead] = written
        self._piece.edits.append((mark.start, mark.end, instead))
        self._piece.placeholders.append(mark.start)


_LEAST_NAME = 3
"""``_id`` may well be a part of other words of a message; longer names hardly are."""


_SAID = re.compile(
    r"^--[ \t]*(?:THIS OPERATION|MIGRATION NOW PERFORMS OPERATION THAT) CANNOT BE WRITTEN AS SQL\b[^\n]*", re.MULTILINE
)


def _said_by_runner(sql: str) -> Iterator[Unchecked]:
    """What Django's sqlmigrate says it could not write; the second form is that of Django 3 and before."""
    if "CANNOT BE WRITTEN AS SQL" in sql:
        for match in _SAID.finditer(sql):
            yield Unchecked(match.start(), match.end(), "an operation in Python was not checked")
