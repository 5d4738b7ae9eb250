"""How lower rooms report upwards: plain events given to a listener, so that nothing prints from below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should read, one line."""

    text: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step or transaction group is about to run.

    Attributes:
        number: 1-based position in the phase.
        total: number of steps in the phase.
    """

    migration: str
    phase: str
    step: str
    number: int
    total: int
    sql: str


@dataclass(frozen=True, slots=True)
class StepRetried:
    """A lock was refused; the group is tried again after a pause.

    Attributes:
        blocked_by: who held the lock, for people; empty when it could not be seen.
    """

    migration: str
    phase: str
    step: str
    attempt: int
    wait_s: float
    reason: str
    blocked_by: str


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step or transaction group has committed.

    Attributes:
        held_ms: wall time of the group, from its BEGIN to its COMMIT: the longest it can have held a lock.
        attempts: how many tries it took, at least 1.
        skipped: whether an earlier run had done it already.
    """

    migration: str
    phase: str
    step: str
    number: int
    total: int
    held_ms: float
    attempts: int
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class BackfillProgress:
    """How far a backfill is.

    Attributes:
        state: ``running``, ``verifying``, ``done``, ``throttled`` or ``paused``.
        rows_done: rows written by batches so far, over all runs.
        blocks_done: heap blocks swept in the current sweep.
        blocks_total: heap blocks to sweep.
        rows_per_s: rate just now, of all processes.
        eta_s: seconds to the end of the sweep; None: not known yet.
        reason: what it waits for, by name; empty: nothing.
        rows_total: rows of the table by the planner's statistics; None: not known.
        rows_per_s_overall: rate over the time in which batches ran, over all runs.
        hot_share: share of the rows whose update wrote no index entry; None: not counted.
        wal_bytes: WAL the server wrote meanwhile, by everybody on it.
        growth_bytes: by how much the table has grown; None: not measured.
        throttled_s: time in which batches were held back by signals.
        workers: of all processes.
        rejected: rows set aside because they cannot be updated.
    """

    migration: str
    step: str
    state: str
    rows_done: int
    blocks_done: int
    blocks_total: int
    rows_per_s: float
    eta_s: float | None
    reason: str = ""
    rows_total: int | None = None
    rows_per_s_overall: float = 0.0
    hot_share: float | None = None
    wal_bytes: int = 0
    growth_bytes: int | None = None
    throttled_s: float = 0.0
    workers: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class PhaseDone:
    """A phase of a migration is complete."""

    migration: str
    phase: str
    already: bool = False


Event = Note | StepStarted | StepRetried | StepDone | BackfillProgress | PhaseDone
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener that does nothing."""
