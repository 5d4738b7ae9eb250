"""A small world without a server: processes, the ledger, and the gate as a program of atomic steps.

The ledger's answers follow the SQL of ``migrator.beat``; what decides is the real code: ``decide``, the soak, whether
a fence still stands, who is in the way. Steps are the transactions of the gate: within one, nobody else acts.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta

from migrator.config import Settings
from migrator.errors import GateWaiting
from migrator.gate import fence as fences
from migrator.gate.decision import Rules, decide, required_levels
from migrator.gate.fence import STANDING, Fence
from migrator.gate.look import Subject
from migrator.gate.soak import clean_since, soak
from migrator.gate.source import Question
from migrator.ledger.services import Sample, Server, Service
from migrator.ledger.state import GateState, MigrationRecord, State
from migrator.model.evidence import Direction, EvidenceItem, GateReport, Observation, Soak, Verdict
from migrator.model.plan import Migration

LEVEL = 42
TTL_S, LEASE_S, MAX_GAP_S = 30, 120, 30.0
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
MIGRATION = Migration("m", LEVEL, "rename users.name")
SUBJECT = Subject(Settings(), MIGRATION, Direction.CONTRACT)
NO_SOAK = Soak(None, 0.0, 0.0)


@dataclass
class Process:
    """One process of an application that keeps the protocol.

    Attributes:
        guarded: whether it asks its lease before each query; one that does not relies on its beats alone.
        lease_until: by its own clock, which does not jump.
    """

    service: str
    level: int
    guarded: bool
    state: str = "running"
    lease_until: float = 0.0


@dataclass
class Row:
    """A row of ``migrator.instance``."""

    service: str
    level: int
    first_beat: datetime
    expires_at: datetime
    state: str = "live"
    ended_at: datetime | None = None


@dataclass
class Ledger:
    """What is in the database, and lost by a failover that loses it."""

    record: MigrationRecord
    rows: dict[int, Row] = field(default_factory=dict)
    services: dict[str, datetime] = field(default_factory=lambda: {"web": START})
    floor: int = 0
    samples: list[Sample] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    dropped: bool = False


def _record() -> MigrationRecord:
    """The row after expand; what this model does not speak about is empty."""
    known = {"project": "default", "id": "m", "level": LEVEL, "state": State.BACKFILLED, "gate": GateState.NONE}
    empty = {"tuple": (), "dict": {}, "bool": False, "int": 0, "str": ""}
    facts = {each.name: empty.get(str(each.type).split("[")[0]) for each in fields(MigrationRecord)}
    return MigrationRecord(**{**facts, **known})  # type: ignore[arg-type]


class World:
    """The state, what may happen to it, and the gate's program.

    Args:
        soak_s: how long the look must have been clean.
        polled: whether sessions are a second source, which sees only the moment.
    """

    stale_counts = True
    lowers_after = True

    def __init__(self, *, soak_s: float, polled: bool) -> None:
        self.soak_s, self.polled = soak_s, polled
        self.elapsed, self.offset, self.timeline = 0.0, 0.0, 1
        self.ledger = Ledger(_record())
        self.replica = copy.deepcopy(self.ledger)
        self.processes: dict[int, Process] = {}
        self.broken = False
        self.tool: Iterator[None] | None = None
        self.fence: Fence | None = None

    # Clocks

    @property
    def now(self) -> datetime:
        """The clock of the database."""
        return START + timedelta(seconds=self.elapsed + self.offset)

    @property
    def server(self) -> Server:
        return Server("1", self.timeline, self.now)

    # The protocol of applications

    def standing(self) -> bool:
        """Whether a fence stands, as ``migrator.level_window`` reads it."""
        record = self.ledger.record
        return record.gate in STANDING and (record.fence_deadline is None or record.fence_deadline > self.now)

    def beat(self, number: int) -> bool:
        """What ``migrator.beat`` does and answers."""
        process, row = self.processes[number], self.ledger.rows.get(number)
        floor = max(self.ledger.floor, LEVEL if self.standing() else 0)
        accepted = process.level >= floor and (row is None or row.state == "live")
        expires_at = self.now + timedelta(seconds=TTL_S)
        if row is not None:
            row.expires_at, row.ended_at = expires_at, None
        elif accepted:
            self.ledger.rows[number] = Row(process.service, process.level, self.now, expires_at)
        if accepted:
            process.lease_until = self.elapsed + TTL_S - 2
        else:
            process.state = "refused"
        return accepted

    def queries(self, process: Process) -> bool:
        """Whether a process would send a query now."""
        return process.state == "running" and (not process.guarded or self.elapsed < process.lease_until)

    def bye(self, number: int) -> None:
        row = self.ledger.rows.get(number)
        self.processes.pop(number)
        if row is not None and row.ended_at is None:
            row.ended_at = self.now
            row.state = "stopped" if row.state == "live" else row.state

    # Evidence

    def listed(self) -> tuple[Service, ...]:
        return tuple(
            Service(name, "long", TTL_S, name != "web", "a test", (), 0, LEVEL, 1, at)
            for name, at in sorted(self.ledger.services.items())
        )

    def counts(self, row: Row) -> bool:
        """Whether a row counts as running."""
        return row.ended_at is None and (self.stale_counts or row.expires_at > self.now)

    def observe(self) -> tuple[Observation, ...]:
        listed = self.listed()
        question = Question("default", Direction.CONTRACT, LEVEL, listed, required_levels(MIGRATION, listed))
        seen = []
        for service in listed:
            rows = [row for row in self.ledger.rows.values() if row.service == service.name and self.counts(row)]
            old = [row.level for row in rows if question.is_in_the_way(service.name, row.level)]
            fresh = any(row.level >= LEVEL and row.state == "live" and row.expires_at > self.now for row in rows)
            seen.append(self._says("heartbeat", service.name, old, control=fresh or service.expect_zero))
            if self.polled:
                here = [each for each in self.processes.values() if each.service == service.name]
                old = [each.level for each in here if each.state != "dead" and each.level < LEVEL]
                seen.append(self._says("sessions", service.name, old, control=True))
        return tuple(seen)

    def _says(self, source: str, service: str, old: list[int], *, control: bool) -> Observation:
        items = tuple(EvidenceItem(f"{service}-{level}", level, "", "live", 0.0, "old", "stop it") for level in old)
        verdict = Verdict.BLOCK if items else Verdict.PASS if control else Verdict.UNKNOWN
        if self.broken:
            verdict, items = Verdict.UNKNOWN, ()
        return Observation(source, service, verdict, True, self.now, "it answers" if control else "none seen", items)

    def evaluate(self, not_before: datetime | None, soaked: Soak = NO_SOAK) -> GateReport:
        listed = self.listed()
        rules = Rules(2 if self.polled else 1, 20.0, not_before)
        seen = self.observe()
        return decide(MIGRATION, seen, listed, required_levels(MIGRATION, listed), soaked, self.now, rules)

    def look(self) -> GateReport:
        """One look, kept as a sample."""
        clean = self.evaluate(None).verdict is Verdict.PASS
        self.ledger.samples.append(Sample(self.now, clean, "1", self.timeline))
        since = clean_since(
            self.ledger.samples if clean else [],
            self._remembered(),
            now=self.now,
            identity=self.server.identity,
            max_gap_s=MAX_GAP_S if self.polled else None,
        )
        return self.evaluate(None, soak(since, now=self.now, needs_s=self.soak_s))

    def _remembered(self) -> datetime:
        rows = self.ledger.rows.values()
        moments = list(self.ledger.services.values())
        moments += [row.ended_at for row in rows if row.level < LEVEL and row.ended_at is not None]
        for name in self.ledger.services:
            if first := [row.first_beat for row in rows if row.service == name and row.level >= LEVEL]:
                moments.append(min(first))
        return max(moments)

    # The gate's program: each yield ends a transaction

    def program(self) -> Iterator[None]:
        """Look, fence, drain, apply."""
        self.tidy()
        if self.look().verdict is not Verdict.PASS:
            return
        yield
        self.raise_fence()
        yield
        for _ in range(5):
            if self.still_proven():
                break
            self.renew()
            yield
        if self.fence is not None and self.still_proven():
            self.apply()
            return
        self.lower()

    def tidy(self) -> None:
        """What an attempt begins with: no fence is its own yet, and one that ran out is lowered."""
        self.fence = None
        deadline = self.ledger.record.fence_deadline
        if deadline is not None and deadline <= self.now:
            self.lower()

    def raise_fence(self) -> None:
        deadline = self.now + timedelta(seconds=LEASE_S)
        self.fence = Fence(self.now, deadline, self.server.identity)
        self.ledger.record = replace(
            self.ledger.record, gate=GateState.FENCED, fence_at=self.now, fence_deadline=deadline
        )
        self.ledger.decisions.append("fence")

    def stands(self) -> bool:
        assert self.fence is not None
        try:
            fences.check(self.ledger.record, self.fence, self.server, SUBJECT, margin_s=0.0)
        except GateWaiting:
            return False
        return True

    def still_proven(self) -> bool:
        assert self.fence is not None
        return self.stands() and self.evaluate(self.fence.at).verdict is Verdict.PASS

    def renew(self) -> None:
        if self.stands():
            deadline = self.now + timedelta(seconds=LEASE_S)
            self.ledger.record = replace(self.ledger.record, fence_deadline=deadline)

    def apply(self) -> None:
        """The drop, the floor and the record in one transaction."""
        assert self.fence is not None
        seen = self.observe()
        assert all(self.fence.at < each.observed_at <= self.now for each in seen), "I4"
        assert all(each.verdict is Verdict.PASS for each in seen), "I7"
        self.drop()
        self.ledger.floor = LEVEL
        self.record_it()

    def drop(self) -> None:
        self.ledger.dropped = True

    def record_it(self) -> None:
        self.ledger.record = replace(
            self.ledger.record, gate=GateState.APPLIED, applied_at=self.now, fence_deadline=None
        )
        self.ledger.decisions.append("APPLIED")

    def lower(self) -> None:
        """What an abort does, by the tool itself or by an operator."""
        if self.ledger.record.gate in STANDING and self.lowers_after:
            self.ledger.record = replace(self.ledger.record, gate=GateState.ABORTED, fence_at=None, fence_deadline=None)
            self.ledger.decisions.append("abort")


class DropsBeforeItFences(World):
    """The order of tools that know who runs but not when to ask."""

    def program(self) -> Iterator[None]:
        if self.look().verdict is not Verdict.PASS:
            return
        yield
        self.drop()
        self.record_it()
        yield
        self.ledger.floor = LEVEL


class DoesNotLookAgain(World):
    """A fence, and the evidence from before it."""

    def program(self) -> Iterator[None]:
        if self.look().verdict is not Verdict.PASS:
            return
        yield
        self.raise_fence()
        yield
        self.drop()
        self.ledger.floor = LEVEL
        self.record_it()


class TakesStaleForGone(World):
    """A row past its ttl does not count."""

    stale_counts = False


class LeavesItsFenceUp(World):
    """Nothing lowers the fence of an attempt that failed."""

    lowers_after = False


WRONG: tuple[Callable[..., World], ...] = (DropsBeforeItFences, DoesNotLookAgain, TakesStaleForGone, LeavesItsFenceUp)
