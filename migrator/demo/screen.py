"""The story as text: headings, commands with their output, numbers; colours on a terminal only."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Sequence
from typing import TextIO

_NARROWEST, _WIDEST = 80, 120
_INDENT = "  "


class Screen:
    """Writes to one stream.

    Args:
        stream: a terminal, a pipe or a file.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._colours = stream.isatty() and "NO_COLOR" not in os.environ
        columns = shutil.get_terminal_size((100, 24)).columns
        self.width = min(_WIDEST, max(_NARROWEST, columns))

    def heading(self, text: str) -> None:
        """A part of the story begins."""
        self._write("")
        self._write(self._painted(text, "1"))

    def say(self, text: str) -> None:
        """Prose."""
        for line in textwrap.wrap(text, self.width, break_long_words=False, break_on_hyphens=False):
            self._write(line)

    def command(self, line: str) -> None:
        """What a user would type."""
        self._wrapped(line, f"{_INDENT}$ ", code="36;1")

    def output(self, text: str) -> None:
        """What a command printed, whole; lines too long for the screen go on in the next one."""
        for line in text.splitlines():
            self._wrapped(line, _INDENT)

    def figures(self, text: str, *, good: bool) -> None:
        """Numbers of a part of the story."""
        self._wrapped(text, f"{_INDENT}-> ", code="32" if good else "31;1")

    def verdict(self, mark: str, text: str, evidence: str, *, good: bool | None) -> None:
        """One promise."""
        code = {True: "32", False: "31;1", None: "33"}[good]
        self._wrapped(f"{text}: {evidence}", f"{_INDENT}{mark:<8}", code=code)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], *, bad: Sequence[int] = ()) -> None:
        """Columns; the first one to the left, numbers to the right.

        Args:
            head: titles.
            rows: cells as text.
            bad: numbers of the rows to be seen at once.
        """
        widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
        for number, line in enumerate((head, *rows), start=-1):
            cells = [cell.ljust(width) if not place else cell.rjust(width) for place, (cell, width) in
                     enumerate(zip(line, widths, strict=True))]  # fmt: skip
            text = _INDENT + "  ".join(cells).rstrip()
            self._write(self._painted(text, "1" if number < 0 else "31;1" if number in bad else ""))

    def blank(self) -> None:
        """An empty line."""
        self._write("")

    def _wrapped(self, line: str, lead: str, code: str = "") -> None:
        own = line[: len(line) - len(line.lstrip())]
        later = " " * len(lead) + own + _INDENT
        parts = (
            textwrap.wrap(
                line.lstrip(),
                self.width,
                initial_indent=lead + own,
                subsequent_indent=later,
                break_long_words=False,
                break_on_hyphens=False,
                replace_whitespace=False,
            )
            if len(lead + line) > self.width
            else [lead + line]
        )
        for part in parts:
            self._write(self._painted(part.rstrip(), code))

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours and code and text else text

    def _write(self, text: str) -> None:
        print(text, file=self._stream, flush=True)
