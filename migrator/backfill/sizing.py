"""How large the next batch is, how long it may take, and what follows when the server refuses it.

A deadlock is found by whoever has waited ``deadlock_timeout`` for a lock, and that one is its victim. The application
can only be it if it has waited for us that long while we wait too. So a batch that may wait ends, one way or the other,
well before ``deadlock_timeout``: by ``statement_timeout`` as a whole and by ``lock_timeout`` for each lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

FIRST_BLOCKS = 32
FEWEST_BLOCKS = 8
MOST_BLOCKS = 4096
"""32 MB: beyond it one transaction is long against the passes of vacuum, and nothing gets faster."""

LONG_MS = 100
"""What batches of few rows aim at, where the target is shorter."""

CONSIDERATE_MS = 8
"""What batches aim at while others write to their table. They take a quarter longer for it than with 20 ms or more, for
each spends 1 to 2 ms on its beginning and end; the p99 of the others is lower by as much again."""

LOOK_EVERY_S = 0.05
"""How often a worker looks for others who write: at most, and at the end of a batch."""

_GROWTH = 1.15
"""By this batches may become longer from one look to the next before anybody was seen: 18 looks, 1 s, up to 100 ms."""

_RECOVERY = 1.02
"""And once somebody was: 128 looks, 6 s or more. Writes of a few ms are seen by one look in many."""

FIRST_ROWS = 200
MOST_ROWS = 100_000
"""Where batches go by a key."""

_FIRST_BYTES = 8 * 2**20
_MOST_BYTES = 256 * 2**20

LONGEST_LOCK_WAIT_MS = 200
UNHURRIED_MS = 10_000
"""Limit of a statement that takes free rows only, when even one row takes longer than the usual limit."""


class Form(Enum):
    """How a batch treats rows that others have locked."""

    WAIT = "wait for them, briefly"
    SKIP = "pass over them"


class Answer(Enum):
    """What to do about an error of the server."""

    AGAIN = "the lock or the time was refused: try again"
    ROW = "a row is at fault: find it"
    STOP = "the statement is at fault: stop"


@dataclass(frozen=True, slots=True)
class Limits:
    """Times of a batch in milliseconds.

    Attributes:
        target_ms: what a batch should take.
        lock_ms: longest wait for one lock.
        statement_ms: longest run of one statement.
        waits_allowed: attempts that may wait for a row lock before the batch passes over locked rows.
    """

    target_ms: float
    lock_ms: int
    statement_ms: int
    waits_allowed: int


def limits(target_ms: int, deadlock_timeout_ms: int) -> Limits:
    """Limits that keep the application from ever being the deadlock victim.

    A target above 40 % of ``deadlock_timeout`` is lowered to it: the rest is the margin for a batch that runs longer
    than the ones before it. Where ``deadlock_timeout`` is too short for waiting at all, batches never wait.
    """
    statement_ms = max(20, deadlock_timeout_ms * 7 // 10)
    lock_ms = max(1, min(LONGEST_LOCK_WAIT_MS, deadlock_timeout_ms // 4))
    return Limits(
        target_ms=min(float(target_ms), max(5.0, deadlock_timeout_ms * 0.4)),
        lock_ms=lock_ms,
        statement_ms=statement_ms,
        waits_allowed=3 if deadlock_timeout_ms >= LONGEST_LOCK_WAIT_MS else 0,
    )


@dataclass(frozen=True, slots=True)
class Aim:
    """How long batches shall take: short ones where others write to the table, long ones where nobody does.

    A batch holds the rows it updated until it commits, and others who commit meanwhile wait until the WAL it wrote is
    flushed as well. So batches begin short, become long soon if nobody is seen, and are short again from the first look
    that sees somebody.

    Attributes:
        ms: what the next batch aims at, before ``target_ms`` limits it.
        growth: by this it may be longer after the next look.
    """

    ms: float = CONSIDERATE_MS
    growth: float = _GROWTH

    def after_look(self, target_ms: float, *, is_noticed: bool) -> Aim:
        """After a look at the end of a batch.

        Args:
            target_ms: the most, as the user or ``limits`` set it.
            is_noticed: whether others write to the table, or wait for rows of the batch.
        """
        if is_noticed:
            return Aim(CONSIDERATE_MS, _RECOVERY)
        return Aim(min(max(target_ms, CONSIDERATE_MS), self.ms * self.growth), self.growth)


def first_blocks(bytes_per_block: float) -> int:
    """The size of the first batch, before any was timed: less where a block has much outside of it.

    Args:
        bytes_per_block: what a block and the values of its rows that lie outside (TOAST) hold on average.
    """
    return max(1, min(FIRST_BLOCKS, round(_FIRST_BYTES / max(1.0, bytes_per_block))))


def most_blocks(bytes_per_block: float) -> int:
    """The largest batch, however fast: one that writes large values may not flood the WAL.

    Args:
        bytes_per_block: as for ``first_blocks``.
    """
    return max(1, min(MOST_BLOCKS, round(_MOST_BYTES / max(1.0, bytes_per_block))))


@dataclass(frozen=True, slots=True)
class Size:
    """Of a batch.

    Attributes:
        blocks: how many.
        rows: 0: whole blocks; else so many rows of one.
    """

    blocks: int
    rows: int = 0

    @property
    def is_smallest(self) -> bool:
        """Whether it is one row."""
        return self.rows == 1

    def reaches(self, wanted: Size) -> bool:
        """Whether a batch of this size is not smaller than wanted; a whole block is not smaller than a part of one."""
        if self.rows or wanted.rows:
            return bool(wanted.rows) and (not self.rows or self.rows >= wanted.rows)
        return self.blocks >= wanted.blocks


def next_size(size: Size, took_ms: float, target_ms: float, rows_in_block: int) -> Size:
    """The size of the batch after one that took ``took_ms``: at most halved or doubled.

    Below ``FEWEST_BLOCKS``, and below one block, it aims at ``LONG_MS`` at least: what a batch costs besides its rows
    would else be more than they do, on a busy machine above all.

    Args:
        rows_in_block: rows of the block it did; read only where it did one.
    """
    if size.rows:
        return Size(1, min(MOST_ROWS, max(1, round(size.rows * _factor(took_ms, target_ms)))))
    blocks = round(size.blocks * _factor(took_ms, target_ms))
    if blocks > FEWEST_BLOCKS:
        return Size(min(MOST_BLOCKS, blocks))
    factor = _factor(took_ms, max(target_ms, LONG_MS))
    if size.blocks == 1 and factor <= 0.5 and rows_in_block > 1:
        return Size(1, max(1, rows_in_block // 2))
    return Size(max(1, min(FEWEST_BLOCKS, round(size.blocks * factor))))


def _factor(took_ms: float, target_ms: float) -> float:
    return 2.0 if took_ms <= 0 else min(2.0, max(0.5, target_ms / took_ms))


def after_refusal(size: Size, rows_in_block: int) -> Size:
    """The size of the next attempt at a batch that was refused; may go down to one row.

    Args:
        rows_in_block: as for ``next_size``.
    """
    if size.rows or size.blocks == 1:
        return Size(1, max(1, (size.rows or rows_in_block) // 2))
    return Size(size.blocks // 2)


def pause_s(refusals: int, jitter: float) -> float:
    """How long to leave a range alone after it was refused ``refusals`` times in a row.

    Args:
        refusals: 1 or more.
        jitter: uniform in [0, 1).
    """
    return min(2.0, 0.02 * float(1 << min(refusals, 8))) * (0.5 + jitter / 2)


_REFUSED = frozenset({"55P03", "40P01", "40001", "57014"})
_CLASSES_OF_ROWS = frozenset({"21", "22", "23", "2F", "38", "39", "44", "54", "P0"})


def answer(sqlstate: str) -> Answer:
    """What an error of a batch means.

    Data exceptions (22), constraint violations (23), a subquery of several rows (21), errors raised by functions and
    triggers (P0, 38, 39, 2F), check options (44) and row size limits (54) depend on the row; refused locks, deadlocks,
    serialization failures and timeouts on the moment; all else on the statement.
    """
    if sqlstate in _REFUSED:
        return Answer.AGAIN
    return Answer.ROW if sqlstate[:2] in _CLASSES_OF_ROWS else Answer.STOP
