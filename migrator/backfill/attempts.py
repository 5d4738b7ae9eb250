"""What the next batch of a segment is about: which rows, and how many, by what the batches before it took."""

from __future__ import annotations

from dataclasses import dataclass, replace

from migrator.backfill import keyset, passes, target
from migrator.backfill.checkpoint import Claim
from migrator.backfill.keys import Key, KeySpan, KeyValue
from migrator.backfill.passes import Parting, Place
from migrator.backfill.segments import Span
from migrator.backfill.sizing import FIRST_ROWS, LONG_MS, Size, after_refusal, first_blocks, most_blocks, next_size
from migrator.backfill.statements import AnySpan, BackfillStatement
from migrator.backfill.target import Leaf
from migrator.postgres.session import Session


class Rewritten(Exception):
    """The leaf is gone, or has another file."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a batch is about.

    Attributes:
        span: the rows.
        size: of it.
        stop_block: where it ends, with ``stop_line``, exclusive; with a key the rows of the segment then thought done.
        rows_in_block: where it is in one block, the rows of that, or of what was left of it.
        key_stop: with a key, the last one in it; None: to the end.
        by_key: whether it goes by a key.
    """

    span: AnySpan
    size: Size
    stop_block: int
    stop_line: int = 0
    rows_in_block: int = 0
    key_stop: KeyValue | None = None
    by_key: bool = False

    def place_after(self, place: Place, *, rows: int, hot: int) -> Place:
        """Where the segment is when it is done.

        Args:
            place: where it was, decided.
            rows: it updated.
            hot: those of them that were HOT.
        """
        if self.by_key:
            return replace(place, next_block=self.stop_block, window_start=self.stop_block)
        return passes.after(place, self.stop_block, rows=rows, hot=hot, line=self.stop_line)


class Attempts:
    """Chooses batches on one session, and remembers how large they may be.

    Args:
        session: the worker's.
        statement: what is run.
    """

    def __init__(self, session: Session, statement: BackfillStatement) -> None:
        self._session = session
        self._statement = statement
        self._sizes: dict[str, Size] = {}
        self._leaves: dict[str, Leaf] = {}

    def leaf(self, claimed: Claim) -> Leaf:
        """The leaf of a segment.

        Raises:
            Rewritten: it is gone.
        """
        if claimed.leaf not in self._leaves:
            found = target.leaf(self._session, self._statement.columns, claimed.leaf, self._statement.key)
            if found is None:
                raise Rewritten
            # Passes make room for new versions, and there are none.
            self._leaves[claimed.leaf] = found if self._statement.into is None else replace(found, passes=1)
        return self._leaves[claimed.leaf]

    def forget(self, leaf: str) -> None:
        """A leaf may be another one from now on."""
        self._leaves.pop(leaf, None)

    def place(self, claimed: Claim) -> Place:
        """Where the segment is, with the passes of its window decided."""
        leaf = self.leaf(claimed)
        fills = not claimed.verifies and claimed.sweep == 1
        return passes.decided(claimed.place, leaf.passes if fills else 1)

    def wanted(self, claimed: Claim) -> Size:
        """How large the next batch should be."""
        leaf, kind = self.leaf(claimed), self._kind(claimed)
        if leaf.key is not None:
            return self._sizes.setdefault(kind, Size(1, FIRST_ROWS))
        size = self._sizes.setdefault(kind, Size(first_blocks(leaf.bytes_per_block)))
        return replace(size, blocks=min(most_blocks(leaf.bytes_per_block), size.blocks))

    def following(self, claimed: Claim) -> Attempt:
        """The next batch of a segment."""
        leaf, place, size = self.leaf(claimed), self.place(claimed), self.wanted(claimed)
        if leaf.key is not None:
            return self._by_key(claimed, leaf.key, size.rows)
        if size.rows or place.line:
            return self._in_block(claimed, place, size)
        stop = min(place.window_stop, place.next_block + size.blocks)
        span = Span.of_blocks(place.next_block, stop, *place.part, self._parting(claimed))
        return Attempt(span, Size(stop - place.next_block), stop)

    def took(self, claimed: Claim, attempt: Attempt, took_ms: float, target_ms: float, rows: int) -> None:
        """Choose the size after a batch that was committed.

        Args:
            took_ms: by the batch.
            target_ms: it should have taken.
            rows: it updated.
        """
        if attempt.size.rows and not attempt.by_key:
            target_ms = max(target_ms, LONG_MS)
        # The last batch of a window, a block or a segment is short for another reason than its time.
        if attempt.size.reaches(self.wanted(claimed)) or took_ms > target_ms:
            in_block = attempt.rows_in_block or (rows if attempt.size == Size(1) else 0)
            self._sizes[self._kind(claimed)] = next_size(attempt.size, took_ms, target_ms, in_block)

    def refused(self, claimed: Claim, attempt: Attempt) -> None:
        """Choose the size after one that was rolled back."""
        in_block = attempt.rows_in_block
        if attempt.size == Size(1) and not in_block and isinstance(attempt.span, Span):
            in_block = len(target.lines(self._session, self.leaf(claimed), attempt.span))
        self._sizes[self._kind(claimed)] = after_refusal(attempt.size, in_block)

    def narrow(self, claimed: Claim) -> None:
        """Make the next batch so small that all its rows may be locked while those at fault are found."""
        wanted = self.wanted(claimed)
        self._sizes[self._kind(claimed)] = Size(1, min(wanted.rows, FIRST_ROWS))

    def _in_block(self, claimed: Claim, place: Place, size: Size) -> Attempt:
        leaf, block, part = self.leaf(claimed), place.next_block, place.part
        rest = Span.of_lines(block, place.line, None, *part, self._parting(claimed))
        lines = target.lines(self._session, leaf, rest)
        if size.rows and len(lines) > size.rows:
            stop = lines[size.rows]
            span = Span.of_lines(block, place.line, stop, *part, self._parting(claimed))
            return Attempt(span, size, block, stop, len(lines))
        return Attempt(rest, Size(1, len(lines)) if place.line else Size(1), block + 1, 0, len(lines))

    def _by_key(self, claimed: Claim, key: Key, rows: int) -> Attempt:
        span = KeySpan(key, claimed.key_after, claimed.key_last)
        found, last = keyset.ahead(self._session, self.leaf(claimed).name, span, rows)
        size = Size(1, max(1, found))
        if last is None or found < rows:
            return Attempt(span, size, claimed.place.stop_block, key_stop=span.last, by_key=True)
        # Of more rows than there were thought to be, the last one stands for all that follow.
        done = min(claimed.place.stop_block - 1, claimed.place.next_block + found)
        return Attempt(replace(span, last=last), size, done, key_stop=last, by_key=True)

    def _parting(self, claimed: Claim) -> Parting | None:
        """As planned, unless the column has gone meanwhile: then rows are parted anew, and the last pass takes all."""
        planned = claimed.parting
        return planned if planned is not None and planned.column in self.leaf(claimed).numbers else None

    def _kind(self, claimed: Claim) -> str:
        """Batches of one kind cost alike for each block."""
        place, by_key = self.place(claimed), self.leaf(claimed).key is not None
        if claimed.verifies or place.passes == 1:
            return ("verify" if claimed.verifies else "only pass") + (" by key" if by_key else "")
        return "later pass" if place.number else "first pass"
