"""How hard the workers of a backfill may work, from what the server says about itself.

Every signal that is over its limit is named. Some stop all batches until they are over (a standby is behind, a slot or
the archive fills the disk); the others, and the ones that stop while they begin, halve a budget that all workers share,
which grows again by a tenth after each five seconds without a signal: additive increase, multiplicative decrease, as in
congestion control, so that the job settles below whatever the server can bear. The budget counts workers that are busy
at once. More workers on more machines get a smaller share each, never more load.

Nothing here reads a clock or a server: time is the server's, in seconds of the epoch, so that processes on machines
with different clocks may take turns. What one of them must remember for the next is in ``Memory``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from migrator.backfill.lag import MOST_BYTES_BEHIND, LagTracker, Standby
from migrator.model.counts import counted

SMALLEST_BUDGET = 0.1
"""Workers busy at once, however long a signal lasts: the job must end some day."""

_CUT_EVERY_S = 1.0
"""What a cut brought is seen first in sessions and waits of the second after it."""

_GREEN_S = 5.0
_STEP = 0.1
_STALLED_LOOKS = 3
_FEWEST_ACTIVE = 4
"""Sessions from which a share of them says something."""

_MINUTE_S = 60.0
_MB = 1 << 20
_FAILSAFE_AGE = 1_600_000_000
"""Transactions: the default of ``vacuum_failsafe_age``, from which vacuum leaves out all that can wait."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a signal is over; None: never.

    Attributes:
        lag_s: time a standby may be behind.
        lag_bytes: WAL a standby may be behind.
        slot_bytes: WAL a replication slot may keep.
        slot_room_bytes: WAL that may still be written before a slot is lost.
        unarchived: WAL segments that may wait for the archive.
        active: sessions of others that may be active; None: a quarter of ``max_connections``, 16 at least.
        lock_waits: sessions of others that may wait for locks.
        stalled_percent: share of active sessions that may wait for storage or WAL, for three looks in a row.
        forced_checkpoints: checkpoints within a minute that WAL may force.
        wal_bytes_per_s: WAL the server may write.
        wal_directory_bytes: size ``pg_wal`` may have.
        growth_bytes: what the job's tables may have grown by.
    """

    lag_s: float | None = 2.0
    lag_bytes: int | None = MOST_BYTES_BEHIND
    slot_bytes: int | None = 8192 * _MB
    slot_room_bytes: int | None = 1024 * _MB
    unarchived: int | None = 40
    active: int | None = None
    lock_waits: int | None = 10
    stalled_percent: int | None = 30
    forced_checkpoints: int | None = 2
    wal_bytes_per_s: int | None = None
    wal_directory_bytes: int | None = None
    growth_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A replication slot that keeps WAL; sizes in bytes, None where the server sets no limit."""

    name: str
    wal_status: str
    retained: int
    room: int | None = None
    most_kept: int | None = None


@dataclass(frozen=True, slots=True)
class Readings:
    """What the server said; None or empty: it was not asked, or this role may not see it.

    Attributes:
        at_s: the server's time, seconds of the epoch.
        written: its WAL position in bytes.
        unarchived: WAL segments that wait for the archive.
        archive_fails: the segment that could not be archived last; empty: none.
        active: sessions of others that are active.
        stalled: those of them that wait for storage or WAL.
        waiting: sessions of others that wait for locks.
        blocked_by_us: those that wait for a lock of ours.
        requested: checkpoints that were not due by time, since the statistics began.
        xid_age: age of the database in transactions.
        vacuumed: tables of the job that are vacuumed to prevent wraparound.
        external: reasons given by the user's own signals.
    """

    at_s: float
    written: int
    standbys: Sequence[Standby] = ()
    slots: Sequence[Slot] = ()
    unarchived: int | None = None
    archive_fails: str = ""
    active: int = 0
    stalled: int = 0
    waiting: int = 0
    blocked_by_us: int = 0
    max_connections: int = 100
    requested: int | None = None
    max_wal_bytes: int = 1024 * _MB
    wal_directory_bytes: int | None = None
    growth_bytes: int | None = None
    xid_age: int = 0
    vacuumed: Sequence[str] = ()
    external: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known from earlier looks.

    Attributes:
        positions: pairs of time and WAL position, oldest first.
        checkpoints: triples of time, checkpoints requested and WAL position, within a minute.
        stalled_looks: looks in a row with too many stalled sessions.
        budget: workers that may be busy at once; None: all.
        changed_s: when the budget was last changed, or last held down by a signal.
        stopped: whether the look before stopped the batches.
    """

    positions: tuple[tuple[float, int], ...] = ()
    checkpoints: tuple[tuple[float, int, int], ...] = ()
    stalled_looks: int = 0
    budget: float | None = None
    changed_s: float = 0.0
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What the workers do until the next look.

    Attributes:
        stops: whether no further batch begins.
        share: of its time that each worker may spend in batches, above 0, at most 1.
        reason: the signal that is over, for people; empty: none is, though the share may not be what it was.
        memory: for the next look.
    """

    stops: bool
    share: float
    reason: str
    memory: Memory


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal that is over its limit.

    Attributes:
        reason: what it is, how much and the limit, for people.
        stops: whether batches stop; else they get fewer.
        excess: how far over, as a multiple of the limit; the worst is named.
    """

    reason: str
    stops: bool
    excess: float = 1.0


def decide(readings: Readings, limits: Limits, memory: Memory, workers: int) -> Decision:
    """What follows from a look at the server.

    Args:
        readings: what it said.
        limits: of the signals.
        memory: of the look before, by whichever process.
        workers: of all processes together, 1 or more.
    """
    tracker = LagTracker(limits.lag_s, limits.lag_bytes, memory.positions)
    lag = tracker.look(readings.at_s, readings.written, readings.standbys)
    stalled = _stalls(readings, limits)
    memory = replace(
        memory,
        positions=tracker.notes,
        checkpoints=_within_a_minute(readings, memory),
        stalled_looks=memory.stalled_looks + 1 if stalled else 0,
    )
    signals = [
        *([Signal(lag, stops=True, excess=10.0)] if lag else ()),
        *_space(readings, limits),
        *_vacuum(readings),
        *_sessions(readings, limits),
        *_wal(readings, limits, memory),
        *([Signal(stalled, stops=False)] if stalled and memory.stalled_looks >= _STALLED_LOOKS else ()),
        *(Signal(reason, stops=True) for reason in readings.external),
    ]
    worst = max(signals, key=lambda each: (each.stops, each.excess), default=None)
    memory = _budgeted(readings.at_s, memory, worst, max(1, workers))
    share = 1.0 if memory.budget is None else min(1.0, memory.budget / max(1, workers))
    return Decision(bool(worst and worst.stops), share, worst.reason if worst else "", memory)


def _budgeted(now_s: float, memory: Memory, worst: Signal | None, workers: int) -> Memory:
    """The memory with the budget that follows; see the module."""
    budget = min(memory.budget if memory.budget is not None else float(workers), float(workers))
    if worst is None:
        if memory.budget is None or now_s - memory.changed_s < _GREEN_S:
            return replace(memory, stopped=False)
        grown = budget + _STEP * workers
        return replace(memory, budget=None if grown >= workers else grown, changed_s=now_s, stopped=False)
    # While nothing runs, further cuts could not bring anything.
    cuts = not memory.stopped if worst.stops else now_s - memory.changed_s >= _CUT_EVERY_S
    return replace(
        memory,
        budget=max(SMALLEST_BUDGET, budget / 2) if cuts else budget,
        changed_s=now_s if cuts or worst.stops else memory.changed_s,
        stopped=worst.stops,
    )


def _space(readings: Readings, limits: Limits) -> Iterable[Signal]:
    """Signals of a disk that fills."""
    for slot in readings.slots:
        name = f"replication slot {slot.name}"
        if slot.wal_status == "unreserved":
            yield Signal(f"{name} is about to be lost: its WAL is over max_slot_wal_keep_size", True, 10.0)
        elif slot.room is not None and limits.slot_room_bytes is not None:
            # A server that lets slots keep little has never as much room as the limit asks for.
            least = min(limits.slot_room_bytes, (slot.most_kept or limits.slot_room_bytes) // 2)
            if slot.room < least:
                yield Signal(f"{name} is lost after {slot.room // _MB} MB more of WAL, limit {least // _MB} MB", True)
        if limits.slot_bytes and slot.retained > limits.slot_bytes:
            text = f"{name} keeps {slot.retained // _MB} MB of WAL, limit {limits.slot_bytes // _MB} MB"
            yield Signal(text, True, slot.retained / limits.slot_bytes)
    if limits.unarchived is not None:
        if readings.archive_fails:
            yield Signal(f"archiving of WAL fails, last for {readings.archive_fails}", True)
        elif readings.unarchived is not None and readings.unarchived > limits.unarchived:
            text = f"{readings.unarchived} WAL segments wait for the archive, limit {limits.unarchived}"
            yield Signal(text, True, readings.unarchived / max(1, limits.unarchived))
    for what, size, limit in (
        ("pg_wal has", readings.wal_directory_bytes, limits.wal_directory_bytes),
        ("the table has grown by", readings.growth_bytes, limits.growth_bytes),
    ):
        if size is not None and limit is not None and size > limit:
            yield Signal(f"{what} {size // _MB} MB, limit {limit // _MB} MB", True, size / max(1, limit))


def _vacuum(readings: Readings) -> Iterable[Signal]:
    """Signals of a vacuum that must not be competed with."""
    for table in readings.vacuumed:
        yield Signal(f"{table} is being vacuumed to prevent wraparound", True)
    if readings.xid_age > _FAILSAFE_AGE:
        text = f"the database is {readings.xid_age:,} transactions old and must be vacuumed, limit {_FAILSAFE_AGE:,}"
        yield Signal(text, True)


def _sessions(readings: Readings, limits: Limits) -> Iterable[Signal]:
    """Signals of an application that has less than it needs."""
    if readings.blocked_by_us:
        yield Signal(
            f"{counted(readings.blocked_by_us, 'sessions wait')} for a row the backfill has locked", False, 2.0
        )
    active = limits.active if limits.active is not None else max(16, readings.max_connections // 4)
    if active and readings.active > active:
        yield Signal(
            f"{counted(readings.active, 'sessions are')} active, limit {active}", False, readings.active / active
        )
    if limits.lock_waits is not None and readings.waiting > limits.lock_waits:
        text = f"{counted(readings.waiting, 'sessions wait')} for locks, limit {limits.lock_waits}"
        yield Signal(text, False, readings.waiting / max(1, limits.lock_waits))


def _wal(readings: Readings, limits: Limits, memory: Memory) -> Iterable[Signal]:
    """Signals of more WAL than the server copes with."""
    if limits.forced_checkpoints is not None and memory.checkpoints:
        _, first, position = memory.checkpoints[0]
        forced = (readings.requested or first) - first
        # Somebody's CHECKPOINT counts as requested too; one that WAL forces comes with half of max_wal_size at least.
        if forced >= max(1, limits.forced_checkpoints) and (
            readings.written - position >= forced * readings.max_wal_bytes // 2
        ):
            text = f"{forced} checkpoints within a minute were forced by WAL, limit {limits.forced_checkpoints}"
            yield Signal(text, False)
    if limits.wal_bytes_per_s and (rate := _rate(readings, memory)) > limits.wal_bytes_per_s:
        text = f"the server writes {rate / _MB:.1f} MB/s of WAL, limit {limits.wal_bytes_per_s / _MB:.1f} MB/s"
        yield Signal(text, False, rate / limits.wal_bytes_per_s)


def _rate(readings: Readings, memory: Memory) -> float:
    """WAL written in bytes a second, over the last second or somewhat more; 0: not known yet."""
    for at_s, position in reversed(memory.positions):
        if readings.at_s - at_s >= 1.0:
            return (readings.written - position) / (readings.at_s - at_s)
    return 0.0


def _stalls(readings: Readings, limits: Limits) -> str:
    percent = limits.stalled_percent
    if percent is None or readings.active < _FEWEST_ACTIVE or readings.stalled * 100 <= percent * readings.active:
        return ""
    return f"{readings.stalled} of {readings.active} active sessions wait for storage or WAL, limit {percent} %"


def _within_a_minute(readings: Readings, memory: Memory) -> tuple[tuple[float, int, int], ...]:
    """The counts of checkpoints that still matter: one for each change, and the last from before the minute."""
    if readings.requested is None:
        return memory.checkpoints
    kept = list(memory.checkpoints)
    if not kept or kept[-1][1] != readings.requested:
        kept.append((readings.at_s, readings.requested, readings.written))
    while len(kept) > 1 and kept[1][0] < readings.at_s - _MINUTE_S:
        del kept[0]
    if kept[0][0] < readings.at_s - _MINUTE_S:
        position = next((at for at_s, at in memory.positions if at_s >= readings.at_s - _MINUTE_S), readings.written)
        kept[0] = (readings.at_s - _MINUTE_S, kept[0][1], position)
    return tuple(kept)
