"""Things happen before each statement of a contract in turn: nobody may break, whatever it is and whenever.

Orders that are known to be wrong are played as well and must be found out: otherwise these tests could not fail.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.errors import GateBlocked
from migrator.gate import gate as gates
from migrator.gate import look as looking
from migrator.gate.decision import Rules, decide
from migrator.gate.gate import Gate
from migrator.ledger import decisions, services, state
from migrator.ledger.state import GateState
from migrator.model.evidence import GateReport, Verdict
from migrator.postgres.session import Session
from tests.gate.machine.stage import Order, Stage, stage_of
from tests.gate.world import World

ALONE = (
    "old_starts",
    "old_comes_and_goes",
    "new_starts",
    "service_appears",
    "failover_loses_the_fence",
    "operator_aborts",
    "connection_breaks",
    "tool_is_killed",
)
HAPPENINGS = (*ALONE, "old_beats_and_queries", "old_leaves")
ENOUGH = 20
"""A contract takes more statements than this: one that takes fewer was not what these tests are about."""

MOMENTS = st.dictionaries(st.integers(0, 60), st.sampled_from(HAPPENINGS), min_size=2, max_size=5)


def play_all(stage: Stage, happening: str, order: Order | None = None, *, every: int = 1) -> None:
    """Let it happen before each statement in turn, or before every so many, from a random one on."""
    number, statements = random.randrange(every), ENOUGH
    while number < statements:
        statements = max(statements, stage.play({number: getattr(stage, happening)}, order))
        number += every
        assert number < 10 * ENOUGH, "it never ends"


@pytest.mark.slow
@pytest.mark.parametrize("happening", ALONE)
def test_whatever_happens_between_two_statements_breaks_nobody(world: World, happening: str) -> None:
    """Every seventh statement; which ones is random. All of them: see below, and ``make chaos``."""
    with stage_of(world) as stage:
        assert stage.play({}) > ENOUGH
        play_all(stage, happening, every=7)
        assert decisions.first_broken_link(world.session) is None


@pytest.mark.chaos
@pytest.mark.parametrize("happening", ALONE)
def test_whatever_happens_between_any_two_statements_breaks_nobody(world: World, happening: str) -> None:
    with stage_of(world) as stage:
        play_all(stage, happening)
        assert decisions.first_broken_link(world.session) is None


def test_several_things_that_happen_break_nobody(world: World) -> None:
    with stage_of(world) as stage:

        @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(MOMENTS)
        def play(moments: dict[int, str]) -> None:
            stage.play({number: getattr(stage, happening) for number, happening in moments.items()})

        play()
        assert decisions.first_broken_link(world.session) is None


def drops_before_it_fences(stage: Stage, _: Gate, session: Session) -> None:
    """Look, drop, fence."""
    if any(row.level < stage.level for row in services.running(session, "default")):
        raise GateBlocked("old code runs")
    with session.transaction():
        session.execute(stage.drop)
        moment = services.server(session).at
        state.set_gate(session, "default", stage.migration.id, GateState.APPLIED, applied_at=moment)
        decisions.append(session, "default", stage.migration.id, "contract", "APPLIED", [], {}, "tester")
    with session.transaction():
        services.lock(session, "default")
        services.raise_floor(session, "default", {"web": stage.level})


def test_a_drop_before_the_fence_is_found_out(world: World) -> None:
    with stage_of(world) as stage, pytest.raises(AssertionError, match="I1"):
        play_all(stage, "old_starts", drops_before_it_fences)


@pytest.fixture
def blind_under_the_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read under the fence is a PASS whatever is there."""

    def blind(*arguments: Any, **more: Any) -> GateReport:
        report = decide(*arguments, **more)
        rules = next(each for each in (*arguments, *more.values()) if isinstance(each, Rules))
        return report if rules.not_before is None else replace(report, verdict=Verdict.PASS)

    monkeypatch.setattr(looking, "decide", blind)


@pytest.mark.usefixtures("blind_under_the_fence")
def test_a_fence_without_a_second_look_is_found_out(world: World) -> None:
    with stage_of(world) as stage, pytest.raises(AssertionError, match="I1"):
        play_all(stage, "old_starts")


def test_a_gate_that_leaves_its_fence_up_is_found_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "lower_after", lambda passage, fence, error: None)
    with stage_of(world) as stage, pytest.raises(AssertionError, match="I9"):
        play_all(stage, "old_starts")
