"""SQL that another file makes when it runs: which place of that file each line comes from."""

from __future__ import annotations

import re
from bisect import bisect_right

from msgspec import Struct
from msgspec.structs import replace

from migrator.model.finding import Finding

_LINE = re.compile(r"\bline (\d+)\b")
"""How rules name another statement of the same file."""


class Place(Struct, frozen=True):
    """Where in another file a statement comes from; 1-based, ``end_line`` inclusive."""

    line: int
    end_line: int
    column: int
    length: int


class WrittenIn(Struct, frozen=True):
    """A file that makes SQL when it runs.

    Attributes:
        text: its text.
        places: first line of SQL, and where it and the following ones come from; in order, the first is line 1.
        stopped: a line from which on something is not known, and why; None: all of it is.
    """

    text: str
    places: tuple[tuple[int, Place], ...]
    stopped: tuple[int, str] | None = None

    def place_of(self, line: int) -> Place:
        """Where a line of SQL comes from."""
        return self.places[bisect_right(self.places, line, key=lambda pair: pair[0]) - 1][1]

    def moved(self, finding: Finding) -> Finding:
        """A finding about the SQL as one about this file, also where it names another line."""
        place = self.place_of(finding.line)

        def told(text: str) -> str:
            return _LINE.sub(lambda match: f"line {self.place_of(int(match[1])).line}", text)

        return replace(
            finding,
            line=place.line,
            column=place.column,
            end_line=place.end_line,
            length=place.length,
            message=told(finding.message),
            why=told(finding.why),
            fix=told(finding.fix),
        )

    def is_waived(self, code: str, line: int) -> bool:
        """Whether a comment right above a line waives a rule there, with a reason."""
        above = self.text.split("\n")[line - 2] if line > 1 else ""
        return re.search(rf"#\s*migrator:\s*allow\s+{code}\s+because\s+\S", above) is not None
