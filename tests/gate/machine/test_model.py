"""Rules of a world in which anything happens in any order, and the invariants of the gate; without a server.

The same rules find out each of the orders that are known to be wrong.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from migrator.gate.fence import STANDING
from migrator.ledger.state import GateState
from tests.gate.machine.model import LEVEL, WRONG, Process, World

NUMBERS = st.integers(0, 3)


class Rules(RuleBasedStateMachine):
    """What may happen. ``make`` is the kind of world."""

    make: Callable[..., World] = World

    def __init__(self) -> None:
        super().__init__()
        self.boot = 0
        self.highest_floor = 0
        self.lossy = self.jumped = False

    @initialize(soak_s=st.sampled_from([0.0, 60.0]), polled=st.booleans())
    def begin(self, soak_s: float, polled: bool) -> None:
        self.world = type(self).make(soak_s=soak_s, polled=polled)
        self.start("web", LEVEL, guarded=True)

    def pick(self, number: int, *states: str) -> int | None:
        numbers = [each for each, process in self.world.processes.items() if process.state in states]
        return numbers[number % len(numbers)] if numbers else None

    # Applications

    @rule(
        service=st.sampled_from(["web", "web", "etl"]), level=st.sampled_from([LEVEL - 1, LEVEL]), guarded=st.booleans()
    )
    def start(self, service: str, level: int, *, guarded: bool) -> None:
        if service not in self.world.ledger.services:
            return  # it is told so, and does not start
        self.boot += 1
        self.world.processes[self.boot] = Process(service, level, guarded)
        must_not = level < LEVEL and (self.world.standing() or self.world.ledger.floor >= LEVEL)
        accepted = self.world.beat(self.boot)
        assert not (accepted and must_not), "I2"
        assert accepted or level < LEVEL, "new code always starts"

    @rule(number=NUMBERS)
    def beat(self, number: int) -> None:
        if (found := self.pick(number, "running")) is not None:
            self.world.beat(found)

    @rule(number=NUMBERS)
    def leave(self, number: int) -> None:
        if (found := self.pick(number, "running", "refused")) is not None:
            self.world.bye(found)

    @rule(number=NUMBERS)
    def pause(self, number: int) -> None:
        if (found := self.pick(number, "running")) is not None:
            self.world.processes[found].state = "paused"

    @rule(seconds=st.sampled_from([20, 90]))
    def fall_asleep(self, seconds: int) -> None:
        """Old code that starts, and is not heard of again."""
        self.start("web", LEVEL - 1, guarded=False)
        if self.world.processes[self.boot].state == "running":
            self.world.processes[self.boot].state = "paused"
        self.wait(seconds)

    @rule(number=NUMBERS)
    def go_on(self, number: int) -> None:
        if (found := self.pick(number, "paused")) is not None:
            self.world.processes[found].state = "running"

    @rule(number=NUMBERS)
    def die(self, number: int) -> None:
        if (found := self.pick(number, "running", "paused")) is not None:
            self.world.processes[found].state = "dead"

    @rule(number=NUMBERS)
    def retire(self, number: int) -> None:
        """By a person who is right about it, or about a process that asks its lease."""
        for found, row in self.world.ledger.rows.items():
            process = self.world.processes.get(found)
            gone = process is None or process.state == "dead" or process.guarded
            if gone and row.ended_at is None and row.expires_at < self.world.now:
                row.state, row.ended_at = "retired", self.world.now

    # The world

    @rule(seconds=st.sampled_from([1, 5, 20, 40, 90]))
    def wait(self, seconds: int) -> None:
        """Processes that run beat in time."""
        for number, process in list(self.world.processes.items()):
            if process.state == "running":
                self.world.beat(number)
        self.world.elapsed += seconds
        for number, process in list(self.world.processes.items()):
            if process.state == "running":
                self.world.beat(number)

    @rule(seconds=st.sampled_from([5, 20]))
    def hang(self, seconds: int) -> None:
        """Time passes and no beat arrives."""
        self.world.elapsed += seconds

    @rule()
    def service_appears(self) -> None:
        self.world.ledger.services.setdefault("etl", self.world.now)

    @rule()
    def source_breaks_or_works(self) -> None:
        self.world.broken = not self.world.broken

    @precondition(lambda self: not self.lossy)
    @rule(hours=st.sampled_from([-1, 1]))
    def clock_jumps(self, hours: int) -> None:
        self.jumped = True
        self.world.offset = hours * 3600.0

    @rule()
    def replicate(self) -> None:
        self.world.replica = copy.deepcopy(self.world.ledger)

    @precondition(lambda self: not self.world.ledger.dropped)
    @rule(loses=st.booleans())
    def failover(self, loses: bool) -> None:
        """The tool's connection breaks. What was not replicated is lost, where processes ask their lease."""
        world = self.world
        unguarded = any(not each.guarded and each.state != "dead" for each in world.processes.values())
        known = bool(world.replica.samples)  # a failover before the first look is not noticed, see the scenarios
        if loses and known and world.soak_s and not unguarded and not self.jumped:
            self.lossy = True
            world.ledger = copy.deepcopy(world.replica)
        world.timeline += 1
        world.tool = None

    # The tool

    @precondition(lambda self: self.world.tool is None and not self.world.ledger.dropped)
    @rule()
    def contract(self) -> None:
        self.world.tool = self.world.program()
        self.step()

    @precondition(lambda self: self.world.tool is None and not self.world.ledger.dropped)
    @rule(newcomer=st.booleans())
    def contract_to_the_end(self, *, newcomer: bool) -> None:
        """With beats between its transactions, and perhaps old code that starts after the look; then sleepers wake."""
        self.contract()
        if newcomer:
            self.start("web", LEVEL - 1, guarded=False)
        while self.world.tool is not None:
            self.wait(1)
            self.step()
        for process in self.world.processes.values():
            if process.state == "paused":
                process.state = "running"

    @precondition(lambda self: self.world.tool is not None)
    @rule()
    def step(self) -> None:
        tool = self.world.tool
        assert tool is not None
        if next(tool, "done") == "done":
            self.world.tool = None
            # That of a tool that died stands until it runs out, whatever an attempt after it comes to.
            left_by_another = self.world.fence is None and self.world.standing()
            assert self.world.ledger.record.gate not in STANDING or left_by_another, (
                "I9: an attempt that ended left its fence"
            )

    @rule()
    def kill_the_tool(self) -> None:
        self.world.tool = None

    @precondition(lambda self: self.world.ledger.record.gate in STANDING)
    @rule()
    def abort(self) -> None:
        self.world.lower()
        assert not self.world.standing(), "I9"

    # What holds

    @invariant()
    def nobody_misses_what_was_dropped(self) -> None:
        if getattr(self, "world", None) and self.world.ledger.dropped:
            broken = [each for each in self.world.processes.values() if each.level < LEVEL and self.world.queries(each)]
            assert not broken, "I1"

    @invariant()
    def the_record_is_true(self) -> None:
        if not getattr(self, "world", None):
            return
        ledger = self.world.ledger
        assert ledger.decisions.count("APPLIED") == ledger.dropped, "I6"
        assert (ledger.record.gate is GateState.APPLIED) == ledger.dropped, "I6"
        assert ledger.floor >= self.highest_floor, "I5"
        self.highest_floor = ledger.floor

    def teardown(self) -> None:
        """I8: once old code has left and every source answers, the contract goes through."""
        if type(self).make is not World or not getattr(self, "world", None) or self.world.ledger.dropped:
            return
        world = self.world
        world.broken, world.tool = False, None
        world.lower()
        for number in list(world.processes):
            world.bye(number)
        for row in world.ledger.rows.values():
            row.ended_at = row.ended_at or world.now
        if self.jumped:
            world.elapsed += 2 * 3600 + 1  # what is stamped in the future is of no use until then
        self.start("web", LEVEL, guarded=True)
        for _ in range(40):
            for _ in world.program():
                world.elapsed += 1
            if world.ledger.dropped:
                return
            self.wait(5)
        raise AssertionError("I8")


def run(world: Callable[..., World], examples: int) -> None:
    machine = type("Machine", (Rules,), {"make": staticmethod(world)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            phases=[Phase.generate],  # the steps as they were found: to make them fewer takes minutes
            report_multiple_bugs=False,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_gate_keeps_its_invariants_whatever_happens() -> None:
    run(World, 100)


@pytest.mark.chaos
@pytest.mark.timeout(0)
@pytest.mark.parametrize("wrong", WRONG)
def test_the_rules_find_out_a_wrong_order(wrong: Callable[..., World]) -> None:
    with pytest.raises(AssertionError, match=r"I1|I9"):
        run(wrong, 12_000)
