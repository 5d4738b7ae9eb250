"""Looking at the server for all workers of a backfill, or reading what another process saw; what follows for ours."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from migrator.backfill import control, hours
from migrator.backfill.control import Member, Orders, Turn
from migrator.backfill.external import Externals
from migrator.backfill.lag import Standby
from migrator.backfill.throttle import Limits, Readings, Slot, decide
from migrator.config import BackfillSettings, seconds, size_bytes
from migrator.postgres import pressure
from migrator.postgres.session import ServerError, Session

_SLOW_S = 5.0
"""What changes slowly, or costs more to ask, is read so seldom."""

_RATE_S = 10.0
_LONGEST_GAP_S = 2.0
"""Between two looks that belong together: in a longer one nobody was at work, and it counts for nothing."""

_HELD_S = 600.0
_HELD_XIDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Hold:
    """What our workers do until the next look.

    Attributes:
        stops: whether no further batch begins.
        kind: ``paused``, ``quiet``, ``throttled`` or empty.
        text: the whole reason, for people: ``throttled: standby r1 is 3.1 s behind, limit 2 s``; without a kind too
            while full speed comes back.
        orders: what the row says.
    """

    stops: bool
    kind: str
    text: str
    orders: Orders


@dataclass(frozen=True, slots=True)
class _Slow:
    """Readings that are taken seldom."""

    at: float
    growth_bytes: int
    wal_directory_bytes: int | None
    xid_age: int
    vacuumed: tuple[str, ...]
    notice: str


class Watch:
    """The looks of one process.

    Args:
        member: which process, for which backfill.
        step: the step whose table is watched.
        settings: limits as configured here.
    """

    def __init__(self, member: Member, step: str, settings: BackfillSettings) -> None:
        self._member = member
        self._step = step
        self._settings = settings
        self._limits = limits_of(settings)
        self._quiet = [hours.read(text) for text in settings.quiet_hours]
        self._zone = ZoneInfo(settings.time_zone)
        self._external = Externals(settings.signal)
        self._slow: _Slow | None = None
        self._rows: deque[tuple[float, int]] = deque()
        self.hidden = False
        """Whether a standby's position may not be seen."""

    def close(self) -> None:
        """Ask nothing more."""
        self._external.close()

    def look(self, session: Session, rows_done: int, fills: bool) -> Hold:
        """Read the server if nobody else does, and say what follows.

        Args:
            rows_done: of the step, by all processes, for the rate.
            fills: whether batches write; the time of a verification does not count for the overall rate.
        """
        member = self._member
        now = time.monotonic()
        self._rows.append((now, rows_done))
        while self._rows[0][0] < now - _RATE_S:
            self._rows.popleft()
        orders = self._orders(session)
        quiet = hours.quiet_until(self._quiet, datetime.now(self._zone))
        idles = orders.paused_by is not None or quiet is not None
        turn = control.begin_reading(session, member)
        if turn is not None:
            self._read(session, turn, orders, idles=idles, fills=fills)
            orders = self._orders(session)
        if orders.paused_by is not None:
            return Hold(True, "paused", f"paused by {orders.paused_by}", orders)
        if quiet is not None:
            return Hold(True, "quiet", f"quiet hours until {quiet:%H:%M}", orders)
        slower = "" if orders.stops or orders.share >= 1 else f"{100 * orders.share:.0f} % of full speed"
        if not orders.reason:
            return Hold(False, "", f"at {slower}, which comes back step by step" if slower else "", orders)
        slower = f" to {slower}" if slower else ""
        return Hold(orders.stops, "throttled", f"throttled{slower}: {orders.reason}", orders)

    def measure(self, session: Session) -> tuple[int, tuple[str, ...]]:
        """Note how large the tables of the step are: by how much they have grown since the first time, and their names.

        While somebody locks one of them, nothing is noted, and the growth is the one known before.
        """
        member, before = self._member, self._slow
        try:
            return control.measure(session, member.project, member.migration, self._step)
        except ServerError as error:
            if not error.is_lock_refusal:
                raise
            return (before.growth_bytes if before else 0), ()

    def _orders(self, session: Session) -> Orders:
        found = control.orders(session, self._member.project, self._member.migration)
        if found is None:
            control.ensure(session, self._member.project, self._member.migration)
            return self._orders(session)
        return found

    def _read(self, session: Session, turn: Turn, orders: Orders, *, idles: bool, fills: bool) -> None:
        limits = self._limits
        if orders.max_lag_ms is not None:
            limits = replace(limits, lag_s=orders.max_lag_ms / 1000)
        clock = pressure.clock(session)
        slow = self._slowly(session)
        reasons, answers = self._external.reasons(session, clock.at_s, turn.external)
        standbys = pressure.standbys(session)
        self.hidden = any(row.hidden for row in standbys)
        archiver, sessions, checkpoints = (
            pressure.archiver(session), pressure.sessions(session), pressure.checkpoints(session),
        )  # fmt: skip
        readings = Readings(
            at_s=clock.at_s,
            written=clock.written,
            standbys=[Standby(row.name, row.replayed, row.replay_lag_s) for row in standbys if not row.hidden],
            slots=[
                Slot(row.name, row.wal_status, row.retained, row.room, row.most_kept) for row in pressure.slots(session)
            ],
            unarchived=segments_between(archiver.archived, archiver.writing, archiver.segment_bytes)
            if archiver.archives
            else None,
            archive_fails=archiver.failed or "" if archiver.archives and archiver.fails else "",
            active=sessions.active,
            stalled=sessions.stalled,
            waiting=sessions.waiting,
            blocked_by_us=sessions.blocked_by_us,
            max_connections=sessions.max_connections,
            requested=checkpoints.requested,
            max_wal_bytes=checkpoints.max_wal_bytes,
            wal_directory_bytes=slow.wal_directory_bytes,
            growth_bytes=slow.growth_bytes,
            xid_age=slow.xid_age,
            vacuumed=slow.vacuumed,
            external=reasons,
        )
        decision = decide(readings, limits, turn.memory, max(1, orders.workers_at_work))
        gap_s = turn.since_s if turn.since_s <= _LONGEST_GAP_S else 0.0
        held = 0.0 if idles else gap_s if turn.stopped else gap_s * (1 - orders.share)
        before = turn.memory.positions[-1][1] if gap_s and turn.memory.positions else clock.written
        control.end_reading(
            session,
            self._member,
            decision,
            answers,
            notice=slow.notice,
            rows_per_s=self._rate(),
            worked_ms=0.0 if idles or turn.stopped or not fills else gap_s * 1000,
            throttled_ms=held * 1000,
            wal_bytes=max(0, clock.written - before),
        )

    def _rate(self) -> float:
        (first_s, first), (last_s, last) = self._rows[0], self._rows[-1]
        return max(0, last - first) / (last_s - first_s) if last_s > first_s else 0.0

    def _slowly(self, session: Session) -> _Slow:
        now = time.monotonic()
        if self._slow is not None and now - self._slow.at < _SLOW_S:
            return self._slow
        growth, leaves = self.measure(session)
        vacuum = pressure.wraparound(session)
        directory = self._limits.wal_directory_bytes is not None
        self._slow = _Slow(
            now,
            growth,
            pressure.wal_directory_bytes(session) if directory else None,
            vacuum.age,
            tuple(table for table in vacuum.vacuumed if table in leaves),
            _horizon(session),
        )
        return self._slow


def limits_of(settings: BackfillSettings) -> Limits:
    """The limits as configured."""
    return Limits(
        lag_s=seconds(settings.max_lag),
        lag_bytes=size_bytes(settings.max_lag_size),
        slot_bytes=size_bytes(settings.max_slot_size),
        slot_room_bytes=size_bytes(settings.min_slot_room),
        unarchived=settings.max_unarchived or None,
        active=settings.max_active or None,
        lock_waits=settings.max_lock_waits or None,
        stalled_percent=settings.max_stalled_percent or None,
        forced_checkpoints=settings.max_forced_checkpoints or None,
        wal_bytes_per_s=size_bytes(settings.max_wal_rate),
        wal_directory_bytes=size_bytes(settings.max_wal_directory),
        growth_bytes=size_bytes(settings.max_growth),
    )


def segments_between(archived: str | None, writing: str, segment_bytes: int) -> int | None:
    """WAL segments after ``archived`` and before ``writing``, both names of files; None: it cannot be told.

    A name is a timeline, a number and the number of the segment within it, eight hexadecimal digits each
    (``src/include/access/xlog_internal.h``, XLogFileName).
    """
    if archived is None or len(archived) != 24 or archived[:8] != writing[:8]:
        return None
    per_number = (1 << 32) // segment_bytes
    first, last = (int(name[8:16], 16) * per_number + int(name[16:24], 16) for name in (archived, writing))
    return max(0, last - first - 1)


def _horizon(session: Session) -> str:
    """Who keeps dead row versions from being removed, so that the table grows by more than it must; empty: nobody."""
    row = pressure.horizon(session)
    if row is None or ((row.age_s or 0.0) < _HELD_S and (row.xids or 0) < _HELD_XIDS):
        return ""
    age = f"for {row.age_s / 60:.0f} min" if row.age_s else f"for {row.xids:,} transactions"
    return f"dead row versions are kept {age} by {row.who}: the table grows by more than it must"
