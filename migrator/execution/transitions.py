"""What a command may do to a migration in each state, as a table; nothing here touches a database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from migrator.errors import OutOfOrder
from migrator.ledger.state import State
from migrator.model.plan import Migration, Phase


class Standing(StrEnum):
    """``RUN``: the phase starts or goes on; ``ALREADY``: it is done, nothing is left to do."""

    RUN = "run"
    ALREADY = "already"


@dataclass(frozen=True, slots=True)
class Shape:
    """Which phases a migration has besides expand."""

    has_backfill: bool
    has_contract: bool

    @classmethod
    def of(cls, migration: Migration) -> Shape:
        """The shape of a migration."""
        return cls(bool(migration.phase(Phase.BACKFILL)), bool(migration.phase(Phase.CONTRACT)))


_S = State
_BEFORE_EXPANDED = frozenset({_S.PENDING, _S.EXPANDING, _S.ROLLED_BACK})
_RUNS: dict[Phase, frozenset[State]] = {
    Phase.EXPAND: _BEFORE_EXPANDED,
    Phase.BACKFILL: frozenset({_S.EXPANDED, _S.BACKFILLING}),
    Phase.CONTRACT: frozenset({_S.BACKFILLED, _S.CONTRACTING}),
    Phase.ROLLBACK: frozenset({_S.EXPANDING, _S.EXPANDED, _S.BACKFILLING, _S.BACKFILLED, _S.ROLLING_BACK}),
}


def standing(state: State, phase: Phase, shape: Shape) -> Standing:
    """Whether a phase is to be run or done already.

    Raises:
        OutOfOrder: neither: an earlier phase is missing, or it is too late.
    """
    if phase is Phase.ROLLBACK:
        return _rollback_standing(state, shape)
    if state is State.ROLLING_BACK:
        raise OutOfOrder("it is being rolled back", hint='finish that with "migrator rollback"')
    if state in _RUNS[phase]:
        has_phase = phase is not Phase.BACKFILL or shape.has_backfill
        return Standing.RUN if has_phase else Standing.ALREADY
    if phase is not Phase.EXPAND and state in _BEFORE_EXPANDED:
        raise OutOfOrder(f"it is not expanded: its state is {state}", hint='run "migrator expand" first')
    if phase is Phase.CONTRACT and state in (State.EXPANDED, State.BACKFILLING):
        if shape.has_backfill:
            raise OutOfOrder(f"its data is not moved: its state is {state}", hint='run "migrator backfill" first')
        return Standing.RUN
    return Standing.ALREADY


def _rollback_standing(state: State, shape: Shape) -> Standing:
    if state in (State.PENDING, State.ROLLED_BACK):
        return Standing.ALREADY
    if state in _RUNS[Phase.ROLLBACK] or (state is State.COMPLETE and not shape.has_contract):
        return Standing.RUN
    if state is State.CONTRACTING:
        raise OutOfOrder(
            f"it is too late to roll back: its state is {state}, parts of the old shape may be gone",
            hint='correct what stopped the contract, then run "migrator contract" again: it goes on where it stopped',
        )
    raise OutOfOrder(
        f"it is too late to roll back: its state is {state}, the old shape is gone",
        hint="write a new migration that brings back what you need",
    )


def after(phase: Phase, shape: Shape) -> State:
    """The state when a phase has come to its end."""
    if phase is Phase.EXPAND:
        return State.EXPANDED if shape.has_backfill or shape.has_contract else State.COMPLETE
    if phase is Phase.BACKFILL:
        return State.BACKFILLED if shape.has_contract else State.COMPLETE
    return State.CONTRACTED if phase is Phase.CONTRACT else State.ROLLED_BACK


def during(phase: Phase) -> State:
    """The state while a phase runs."""
    return {
        Phase.EXPAND: State.EXPANDING,
        Phase.BACKFILL: State.BACKFILLING,
        Phase.CONTRACT: State.CONTRACTING,
        Phase.ROLLBACK: State.ROLLING_BACK,
    }[phase]
