"""Passes over windows of blocks that leave room for HOT updates, and how many are worth it.

An update of a row on a full page writes the new version elsewhere and a new entry into every index. If the page has
room, the version stays there and no index is touched (HOT; ``src/backend/access/heap/README.HOT``), at about a seventh
of the cost. So a window of blocks is swept in several passes, each of which updates a part of the rows of every page:
the first evicts its part from the full pages; once it is committed and nobody needs the old versions, the next pass
prunes them when it reads the page, and finds room.

The more equal the parts of a page are, the fewer rows find no room. Most tables are filled in the order of a number
that counts up, and its remainder makes equal parts (``Parting``); where there is none, a hash of a row's place makes
parts that differ by chance.

Everything here is arithmetic: it is told what happened, and says what comes next.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

WINDOW = 8_192
"""Blocks (64 MB): large against one batch, so that a pass is over for everybody when the next one comes by."""

MANY, FEW = 8, 4
"""Passes for tables with several indexes, and for those where an update that is not HOT costs little more."""

SMALLEST_TABLE = 256
"""Blocks (2 MB) from which passes are worth their reading."""

_UNEVEN = 0.06
"""Rows of a page beyond equal parts, as a share of all; a hash gives 0.13 with 60 rows on a page, more with fewer."""

_COLD = 0.3
_WARM = 0.8
_PATIENCE = 2
_REST = 50
"""Windows after which passes are tried again where they brought nothing: the snapshot that was held may be gone."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows updated, and those of them that were HOT."""

    rows: int = 0
    hot: int = 0

    def plus(self, rows: int, hot: int) -> Tally:
        """With those of one batch more."""
        return Tally(self.rows + rows, self.hot + hot)

    @property
    def share(self) -> float:
        """HOT share, 0 to 1; 1 for no rows, of which nothing can be concluded."""
        return self.hot / self.rows if self.rows else 1.0


@dataclass(frozen=True, slots=True)
class Parting:
    """By what the rows of a page are parted: those whose ``column / step`` leave the same remainder are one part.

    Attributes:
        column: an integer.
        step: by which its values follow one another, 1 or more.
    """

    column: str
    step: int

    @classmethod
    def by(cls, column: str, pages: Sequence[Sequence[int]], parts: int) -> Self | None:
        """By a column, if that makes about equal parts of some pages.

        Args:
            pages: its values on each of them.
            parts: how many are wanted, a power of two.
        """
        steps = (later - earlier for page in pages for earlier, later in pairwise(sorted(page)))
        step = max(1, math.gcd(*steps))
        rows = beyond = 0
        for page in pages:
            rows += len(page)
            equal = -(-len(page) // parts)
            counts = Counter(value // step % parts for value in page)
            beyond += sum(max(0, count - equal) for count in counts.values())
        return cls(column, step) if rows and beyond <= rows * _UNEVEN else None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a segment is.

    Attributes:
        window_start: first block of the window.
        number: of the pass within the window, from 0.
        passes: how many the window gets; 0 or less: not decided yet, and minus what the window before it had.
        next_block: the first block the pass has not done, or not wholly.
        stop_block: the end of the segment, exclusive.
        cold: windows in a row that brought nothing, and then those that rested since.
        first: what the first pass of the window came to, or of the one before if passes are not decided.
        later: likewise the passes after the first.
        line: lines of ``next_block`` before this one are done.
    """

    window_start: int
    number: int
    passes: int
    next_block: int
    stop_block: int
    cold: int = 0
    first: Tally = Tally()
    later: Tally = Tally()
    line: int = 0

    @classmethod
    def at(cls, start: int, stop: int) -> Place:
        """The beginning of a segment."""
        return cls(start, 0, 0, start, stop)

    @property
    def window_stop(self) -> int:
        """The end of the window, exclusive."""
        return min(self.stop_block, self.window_start + WINDOW)

    @property
    def part(self) -> tuple[int, int]:
        """Which part of the rows the pass is about, and of how many; the last pass is about all that is left."""
        return (self.number, self.passes) if self.number < self.passes - 1 else (0, 1)

    @property
    def is_last_pass(self) -> bool:
        """Whether what this pass leaves stays undone until the segment is swept again."""
        return self.number >= self.passes - 1


def worth_trying(*, blocks: int, indexes: int, is_indexed: bool) -> int:
    """How many passes a table may get, a power of two; 1: none but the one that does the work.

    Args:
        blocks: size of the table.
        indexes: how many it has.
        is_indexed: whether an index mentions a column that is set, so that no update can be HOT.
    """
    if is_indexed or blocks < SMALLEST_TABLE or not indexes:
        return 1
    return MANY if indexes > 1 else FEW


def decided(place: Place, most: int) -> Place:
    """The place with the number of passes of its window decided by what the one before came to."""
    if place.passes > 0:
        return place
    before, cold, passes = -place.passes, place.cold, most
    if before > 1:
        cold = cold + 1 if place.later.share < _COLD else 0
        if cold >= _PATIENCE or place.first.share >= _WARM:
            passes = 1
    elif before == 1 and cold >= _PATIENCE:
        cold += 1
        passes, cold = (1, cold) if cold <= _PATIENCE + _REST else (most, 0)
    elif before == 1 and place.first.share >= _WARM:
        passes = 1
    return replace(place, passes=passes if most > 1 else 1, cold=cold, first=Tally(), later=Tally())


def after(place: Place, next_block: int, *, rows: int, hot: int, line: int = 0) -> Place:
    """Where a segment is after a batch up to ``line`` of ``next_block``.

    Args:
        place: where it was, decided.
        next_block: the end of what the batch did, exclusive; not beyond the window.
        line: of ``next_block``, exclusive; more than 0 only before the end of the window.
        rows: rows the batch updated.
        hot: those of them that were HOT.
    """
    if place.number == 0:
        counted = replace(place, next_block=next_block, line=line, first=place.first.plus(rows, hot))
    else:
        counted = replace(place, next_block=next_block, line=line, later=place.later.plus(rows, hot))
    if next_block < place.window_stop:
        return counted
    if not place.is_last_pass:
        return replace(counted, number=place.number + 1, next_block=place.window_start)
    return replace(counted, window_start=next_block, number=0, passes=-place.passes)
