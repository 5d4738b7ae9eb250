from __future__ import annotations

from datetime import UTC, datetime

import pytest

from migrator.errors import MigratorError
from migrator.ledger import state
from migrator.ledger.install import ensure_installed
from migrator.ledger.state import GateState, State
from migrator.model.plan import Migration, ServiceRequirement
from migrator.postgres.session import ServerError, Session

FIRST = Migration(
    "20260101T000000_first", 3, 'the "first" one', changes=({"kind": "rename_column", "column": "a"},),
    requires={"etl": ServiceRequirement(0, "reads nothing of it")}, after_contract=("other",),
)  # fmt: skip
SECOND = Migration("20260102T000000_second", 7, "second")


@pytest.fixture
def ledger(session: Session) -> Session:
    ensure_installed(session)
    return session


def test_a_migration_that_never_started_is_not_there(ledger: Session) -> None:
    assert state.find(ledger, "default", FIRST.id) is None
    assert state.all_records(ledger, "default") == []
    assert state.highest_level(ledger, "default") == 0


def test_registering_twice_keeps_the_first_row(ledger: Session) -> None:
    made = state.register(ledger, "default", FIRST)
    assert (made.state, made.gate, made.level, made.title) == (State.PENDING, GateState.NONE, 3, FIRST.title)
    assert made.spec["changes"] == [{"kind": "rename_column", "column": "a"}]
    assert made.requires == {"etl": 0}
    state.set_state(ledger, "default", FIRST.id, State.EXPANDED)
    assert state.register(ledger, "default", FIRST).state is State.EXPANDED


def test_a_rolled_back_migration_is_registered_anew_as_it_is_now(ledger: Session) -> None:
    state.register(ledger, "default", FIRST)
    state.set_state(ledger, "default", FIRST.id, State.ROLLED_BACK)
    again = state.register(ledger, "default", Migration(FIRST.id, 9, "corrected"))
    assert (again.state, again.level, again.title) == (State.ROLLED_BACK, 9, "corrected")


def test_records_come_by_level_and_by_project(ledger: Session) -> None:
    state.register(ledger, "default", SECOND)
    state.register(ledger, "default", FIRST)
    state.register(ledger, "other", SECOND)
    assert [record.level for record in state.all_records(ledger, "default")] == [3, 7]
    assert len(state.all_records(ledger, "other")) == 1


def test_the_highest_level_counts_what_was_expanded_and_not_undone(ledger: Session) -> None:
    for migration in (FIRST, SECOND):
        state.register(ledger, "default", migration)
        state.set_state(ledger, "default", migration.id, State.EXPANDED)
    assert state.highest_level(ledger, "default") == 7
    state.set_state(ledger, "default", SECOND.id, State.ROLLED_BACK)
    assert state.highest_level(ledger, "default") == 3


def test_two_migrations_cannot_have_one_level(ledger: Session) -> None:
    state.register(ledger, "default", FIRST)
    with pytest.raises(ServerError, match="duplicate key"):
        state.register(ledger, "default", Migration("20260103T000000_third", 3, "third"))
    state.register(ledger, "other", Migration("20260103T000000_third", 3, "third"))


def test_times_follow_the_state(ledger: Session) -> None:
    state.register(ledger, "default", FIRST)
    steps = (
        (State.EXPANDED, "expanded_at"),
        (State.BACKFILLED, "backfilled_at"),
        (State.CONTRACTED, "finished_at"),
    )
    for wanted, column in steps:
        state.set_state(ledger, "default", FIRST.id, wanted)
        record = state.find(ledger, "default", FIRST.id)
        assert record is not None
        assert getattr(record, column) is not None


def test_an_error_shows_as_failed_until_the_state_moves(ledger: Session) -> None:
    state.register(ledger, "default", FIRST)
    state.set_state(ledger, "default", FIRST.id, State.EXPANDING)
    state.set_error(ledger, "default", FIRST.id, "a statement failed")
    record = state.find(ledger, "default", FIRST.id)
    assert record is not None
    assert (record.state, record.shown_state, record.error) == (State.EXPANDING, State.FAILED, "a statement failed")
    state.set_state(ledger, "default", FIRST.id, State.EXPANDED)
    record = state.find(ledger, "default", FIRST.id)
    assert record is not None
    assert (record.shown_state, record.error) == (State.EXPANDED, None)


def test_a_locked_row_is_held_to_the_end_of_the_transaction(ledger: Session) -> None:
    state.register(ledger, "default", FIRST)
    with ledger.transaction():
        assert state.lock(ledger, "default", FIRST.id).id == FIRST.id
        held = ledger.query(
            "SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'migrator.migration'::regclass"
            " AND mode = 'RowShareLock'"
        )
        assert held
    with pytest.raises(LookupError), ledger.transaction():
        state.lock(ledger, "default", "nobody")


def test_the_gate_moves_apart_from_the_state(ledger: Session) -> None:
    state.register(ledger, "default", FIRST)
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    state.set_gate(
        ledger, "default", FIRST.id, GateState.FENCED, fence_at=moment, fence_direction="contract", requires={"web": 3}
    )
    record = state.find(ledger, "default", FIRST.id)
    assert record is not None
    assert (record.state, record.gate) == (State.PENDING, GateState.FENCED)
    assert (record.fence_at, record.fence_direction, record.requires) == (moment, "contract", {"web": 3})
    state.set_gate(ledger, "default", FIRST.id, GateState.NONE, fence_at=None)
    record = state.find(ledger, "default", FIRST.id)
    assert record is not None
    assert (record.gate, record.fence_at, record.fence_direction) == (GateState.NONE, None, "contract")


def test_an_unknown_column_of_the_gate_is_a_bug(ledger: Session) -> None:
    state.register(ledger, "default", FIRST)
    with pytest.raises(MigratorError, match="no column"):
        state.set_gate(ledger, "default", FIRST.id, GateState.NONE, colour="red")
