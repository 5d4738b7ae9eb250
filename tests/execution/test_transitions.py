from __future__ import annotations

import itertools

import pytest

from migrator.errors import OutOfOrder
from migrator.execution.transitions import Shape, Standing, after, during, standing
from migrator.ledger.state import State
from migrator.model.plan import Phase

SHAPES = [Shape(backfill, contract) for backfill in (False, True) for contract in (False, True)]
REACHED = [state for state in State if state is not State.FAILED]
"""``failed`` is how a state with an error is shown; no row has it."""


def judged(state: State, phase: Phase, shape: Shape) -> Standing | None:
    try:
        return standing(state, phase, shape)
    except OutOfOrder:
        return None


def reachable(state: State, shape: Shape) -> bool:
    if state in (State.BACKFILLING,):
        return shape.has_backfill
    if state is State.BACKFILLED:
        return shape.has_backfill and shape.has_contract
    if state in (State.CONTRACTING, State.CONTRACTED):
        return shape.has_contract
    if state is State.COMPLETE:
        return not shape.has_contract
    return True


CASES = [
    (state, phase, shape)
    for state, phase, shape in itertools.product(REACHED, Phase, SHAPES)
    if reachable(state, shape)
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_phases_follow_one_another_to_the_end(shape: Shape) -> None:
    state = State.PENDING
    for phase in (Phase.EXPAND, Phase.BACKFILL, Phase.CONTRACT):
        if judged(state, phase, shape) is Standing.RUN:
            assert judged(during(phase), phase, shape) is Standing.RUN, "a run that was cut off goes on"
            state = after(phase, shape)
        assert judged(state, phase, shape) is Standing.ALREADY
    assert state is (State.CONTRACTED if shape.has_contract else State.COMPLETE)


@pytest.mark.parametrize(("state", "phase", "shape"), CASES)
def test_nothing_is_removed_before_the_data_is_moved(state: State, phase: Phase, shape: Shape) -> None:
    if phase is Phase.CONTRACT and judged(state, phase, shape) is Standing.RUN:
        moved = state in (State.BACKFILLED, State.CONTRACTING)
        assert moved or (state is State.EXPANDED and not shape.has_backfill)


@pytest.mark.parametrize(("state", "phase", "shape"), CASES)
def test_nothing_is_undone_once_the_old_shape_may_be_gone(state: State, phase: Phase, shape: Shape) -> None:
    if phase is Phase.ROLLBACK and state in (State.CONTRACTING, State.CONTRACTED):
        assert judged(state, phase, shape) is None


@pytest.mark.parametrize(("state", "phase", "shape"), CASES)
def test_what_is_being_undone_goes_no_other_way(state: State, phase: Phase, shape: Shape) -> None:
    if state is State.ROLLING_BACK:
        assert judged(state, phase, shape) is (Standing.RUN if phase is Phase.ROLLBACK else None)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_rollback_may_follow_any_state_before_contract(shape: Shape) -> None:
    for state in (State.EXPANDING, State.EXPANDED, State.BACKFILLING, State.BACKFILLED):
        if reachable(state, shape):
            assert judged(state, Phase.ROLLBACK, shape) is Standing.RUN
    assert after(Phase.ROLLBACK, shape) is State.ROLLED_BACK
    assert judged(State.ROLLED_BACK, Phase.EXPAND, shape) is Standing.RUN


def test_what_is_complete_without_a_contract_may_be_undone() -> None:
    assert judged(State.COMPLETE, Phase.ROLLBACK, Shape(False, False)) is Standing.RUN
    assert judged(State.COMPLETE, Phase.ROLLBACK, Shape(True, False)) is Standing.RUN


def test_a_contract_that_stopped_is_to_be_gone_on_with_and_what_it_left_is_not_said_to_be_gone() -> None:
    with pytest.raises(OutOfOrder, match="parts of the old shape may be gone") as stopped:
        standing(State.CONTRACTING, Phase.ROLLBACK, Shape(has_backfill=True, has_contract=True))
    assert "migrator contract" in str(stopped.value.hint)
    with pytest.raises(OutOfOrder, match="the old shape is gone"):
        standing(State.CONTRACTED, Phase.ROLLBACK, Shape(has_backfill=True, has_contract=True))
