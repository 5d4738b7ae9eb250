"""Blocks of a table to segments, segments to batches, and narrowing a failure down to one row.

Everything here is arithmetic on half-open ranges: ``start`` belongs to a range, ``stop`` does not.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from migrator.backfill.passes import Parting

SMALLEST_SEGMENT = 128
"""Blocks (1 MB). A claim and its progress cost about a millisecond; a segment should be worth several batches."""

LAST_LINE = 8_192
"""The highest line number a block can have: MaxOffsetNumber of ``storage/off.h`` with the largest block, 32 kB."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a heap: the row version at line ``line`` of block ``block``. Line 0 is before every row."""

    block: int
    line: int = 0

    @property
    def tid(self) -> str:
        """As PostgreSQL writes a ``tid``."""
        return f"({self.block},{self.line})"


@dataclass(frozen=True, slots=True)
class Span:
    """Row versions from ``start`` to before ``stop``, or a part of them.

    Attributes:
        part: number of the part, from 0 to before ``parts``.
        parts: how many there are, a power of two; 1: all rows.
        parting: by what the rows are parted; None: by a hash of their places.
        without: row versions left out: place and the transaction that made them.
    """

    start: Place
    stop: Place
    part: int = 0
    parts: int = 1
    parting: Parting | None = None
    without: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_blocks(cls, start: int, stop: int, part: int = 0, parts: int = 1, parting: Parting | None = None) -> Span:
        """Rows of the blocks from ``start`` to before ``stop``."""
        return cls(Place(start), Place(stop), part, parts, parting)

    @classmethod
    def of_lines(
        cls, block: int, start: int, stop: int | None, part: int = 0, parts: int = 1, parting: Parting | None = None
    ) -> Span:
        """Rows of one block from line ``start`` to before line ``stop``, or to its end."""
        return cls(Place(block, start), Place(block + 1) if stop is None else Place(block, stop), part, parts, parting)

    @property
    def text(self) -> str:
        """For people."""
        return f"from ctid {self.start.tid} to {self.stop.tid}"

    @property
    def is_one_row(self) -> bool:
        """Whether it can hold one row only."""
        if self.start.line == LAST_LINE:
            return self.stop <= Place(self.start.block + 1)
        return self.start.block == self.stop.block and self.stop.line - self.start.line == 1

    def halves(self) -> tuple[Span, Span]:
        """Two spans that cover this one exactly: by blocks while there are several, then by lines.

        Raises:
            ValueError: it is one line, or empty.
        """
        if self.stop.block - self.start.block > 1:
            middle = Place((self.start.block + self.stop.block) // 2)
            return replace(self, stop=middle), replace(self, start=middle)
        stop = self.stop if self.stop.block == self.start.block else Place(self.start.block, LAST_LINE + 1)
        if stop.line - self.start.line < 2:
            raise ValueError(f"{self} cannot be halved")
        middle = Place(self.start.block, (self.start.line + stop.line) // 2)
        return replace(self, stop=middle), replace(self, start=middle, stop=stop)

    def beginning(self, start: Place) -> Span:
        """The part of it from a place on."""
        return replace(self, start=start)

    def until(self, stop: Place) -> Span:
        """The part of it before a place."""
        return replace(self, stop=stop)


@dataclass(frozen=True, slots=True)
class Held:
    """Rows that this transaction has locked, so that each stays where it is until it ends.

    Attributes:
        rows: place and version of each.
        start: number of the first of them that belongs to it.
        stop: number of the first behind it.
        without: row versions left out.
    """

    rows: tuple[tuple[str, str], ...]
    start: int
    stop: int
    without: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """For people."""
        return f"from ctid {self.rows[self.start][0]} to {self.rows[self.stop - 1][0]}"

    @property
    def is_one_row(self) -> bool:
        """Whether it holds one row only."""
        return self.stop - self.start == 1

    def halves(self) -> tuple[Held, Held]:
        """Two that cover this one exactly.

        Raises:
            ValueError: it is one row, or empty.
        """
        if self.stop - self.start < 2:
            raise ValueError(f"{self} cannot be halved")
        middle = (self.start + self.stop) // 2
        return self.until(middle), self.beginning(middle)

    def beginning(self, start: int) -> Held:
        """The part of it from a row on."""
        return replace(self, start=start)

    def until(self, stop: int) -> Held:
        """The part of it before a row."""
        return replace(self, stop=stop)


def split(blocks: int, parts: int, smallest: int = SMALLEST_SEGMENT) -> tuple[tuple[int, int], ...]:
    """Cut ``[0, blocks)`` into at most ``parts`` contiguous ranges of about equal length.

    Args:
        blocks: number of blocks, 0 or more.
        parts: how many ranges are wanted, 1 or more.
        smallest: fewest blocks a range should have; a table with fewer is one range.

    Returns:
        Ranges in order; one empty range for a table without blocks.
    """
    count = max(1, min(parts, blocks // smallest))
    bounds = [blocks * index // count for index in range(count + 1)]
    return tuple(itertools.pairwise(bounds))


def segments_wanted(workers: int) -> int:
    """How many segments a leaf is cut into: several for each worker, and enough for processes that join later."""
    return 4 * max(workers, 2)
