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
        state: ``running``, ``verifying``, ``done`` or ``throttled``.
        rows_done: rows written by batches so far, over all runs.
        blocks_done: heap blocks swept in the current sweep.
        blocks_total: heap blocks to sweep.
        rows_per_s: rate of this run.
        eta_s: seconds to the end of the sweep; None: not known yet.
        reason: what it waits for, by name; empty: nothing.
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
