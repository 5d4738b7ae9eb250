from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.errors import GateWaiting, OutOfOrder
from migrator.gate import fence as fences
from migrator.gate.drain import keep
from migrator.gate.fence import Fence
from migrator.gate.look import Subject
from migrator.ledger import services, state
from migrator.ledger.state import GateState
from migrator.model.evidence import Direction
from migrator.model.plan import Migration
from tests.gate.world import WEB, World, wait_for


@pytest.fixture
def fenced(world: World) -> tuple[World, Subject, Fence]:
    world.configure(WEB, fence_lease="4s")
    subject = Subject(world.settings, world.expanded(42), Direction.CONTRACT)
    with world.session.transaction():
        fence = fences.raise_fence(world.session, subject, lease_s=4, actor="tester")
    return world, subject, fence


def check(world: World, subject: Subject, fence: Fence, margin_s: float = 0.0) -> None:
    record = world.record(subject.migration)
    fences.check(record, fence, services.server(world.session), subject, margin_s=margin_s)


def test_a_raised_fence_stands_with_its_deadline_by_the_clock_of_the_database(
    fenced: tuple[World, Subject, Fence],
) -> None:
    world, subject, fence = fenced
    record = world.record(subject.migration)
    assert (record.gate, record.fence_direction) == (GateState.FENCED, "contract")
    assert (record.fence_at, record.fence_deadline) == (fence.at, fence.deadline)
    assert (fence.deadline - fence.at).total_seconds() == 4
    check(world, subject, fence)


def test_a_fence_about_to_run_out_does_not_stand_with_margin(fenced: tuple[World, Subject, Fence]) -> None:
    world, subject, fence = fenced
    with pytest.raises(GateWaiting, match="ran out"):
        check(world, subject, fence, margin_s=4)


def test_a_fence_raised_again_by_somebody_else_is_not_ours(fenced: tuple[World, Subject, Fence]) -> None:
    world, subject, fence = fenced
    with world.session.transaction():
        fences.raise_fence(world.session, subject, lease_s=4, actor="another")
    with pytest.raises(GateWaiting, match="lowered meanwhile"):
        check(world, subject, fence)


@pytest.mark.parametrize("identity", [("7", 1), None])
def test_a_failover_voids_the_fence(fenced: tuple[World, Subject, Fence], identity: tuple[str, int] | None) -> None:
    world, subject, fence = fenced
    other = identity or (fence.identity[0], fence.identity[1] + 1)
    with pytest.raises(GateWaiting, match="failed over"):
        check(world, subject, replace(fence, identity=other))


def test_keeping_renews_only_what_is_half_spent_or_too_short(fenced: tuple[World, Subject, Fence]) -> None:
    world, subject, fence = fenced
    assert keep(world.session, subject, fence) == fence
    longer = keep(world.session, subject, fence, for_s=10)
    assert longer.at == fence.at
    assert longer.deadline > fence.deadline
    assert world.record(subject.migration).fence_deadline == longer.deadline
    wait_for(lambda: keep(world.session, subject, longer).deadline > longer.deadline)


def test_a_fence_that_ran_out_is_not_renewed(fenced: tuple[World, Subject, Fence]) -> None:
    world, subject, fence = fenced
    past = services.server(world.session).at
    state.set_gate(world.session, "default", subject.migration.id, GateState.FENCED, fence_deadline=past)
    with pytest.raises(GateWaiting, match="ran out"), world.session.transaction():
        fences.renew(world.session, subject, fence, lease_s=300)


def test_a_renewal_that_is_refused_its_lock_leaves_the_fence_as_it_is(fenced: tuple[World, Subject, Fence]) -> None:
    world, subject, fence = fenced
    with world.connect() as beating:
        beating.autocommit = False
        assert world.beat(level=42, on=beating).ok
        assert keep(world.session, subject, fence, for_s=10) == fence
        beating.rollback()


def test_lowering_is_idempotent_and_says_what_it_undid(fenced: tuple[World, Subject, Fence]) -> None:
    world, subject, _ = fenced
    lower = fences.lower(world.session, "default", subject.migration.id, reasons=["why"], actor="tester")
    assert lower is GateState.FENCED
    assert fences.lower(world.session, "default", subject.migration.id, reasons=["why"], actor="tester") is None
    record = world.record(subject.migration)
    assert (record.gate, record.fence_at, record.fence_deadline) == (GateState.ABORTED, None, None)


def test_lowering_does_not_wait_for_beats(fenced: tuple[World, Subject, Fence]) -> None:
    world, subject, _ = fenced
    with world.connect() as beating:
        beating.autocommit = False
        assert world.beat(level=42, on=beating).ok
        assert fences.lower(world.session, "default", subject.migration.id, reasons=[], actor="tester")
        beating.rollback()


def test_a_fence_survives_a_session_that_commits_asynchronously(world: World) -> None:
    world.configure(WEB)
    world.session.set("synchronous_commit", "off")
    subject = Subject(world.settings, world.expanded(42), Direction.CONTRACT)
    with world.session.transaction():
        fences.raise_fence(world.session, subject, lease_s=4, actor="tester")
        assert world.session.one("SELECT current_setting('synchronous_commit') AS value").value == "on"


def test_what_was_never_expanded_cannot_be_fenced(world: World) -> None:
    world.configure(WEB)
    subject = Subject(world.settings, Migration("m", 42, "t"), Direction.CONTRACT)
    with pytest.raises(OutOfOrder, match="never expanded"), world.session.transaction():
        fences.raise_fence(world.session, subject, lease_s=4, actor="tester")
