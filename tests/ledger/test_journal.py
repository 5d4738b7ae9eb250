from __future__ import annotations

import pytest

from migrator.ledger import journal, state
from migrator.ledger.install import ensure_installed
from migrator.ledger.journal import StepState
from migrator.model.plan import Migration, Phase
from migrator.postgres.session import Session

MIGRATION = Migration("20260101T000000_m", 1, "m")
KEY = ("default", MIGRATION.id, Phase.EXPAND)


@pytest.fixture
def ledger(session: Session) -> Session:
    ensure_installed(session)
    state.register(session, "default", MIGRATION)
    return session


def test_a_step_that_never_ran_is_not_there(ledger: Session) -> None:
    assert journal.steps(ledger, *KEY) == {}


def test_marks_follow_one_another(ledger: Session) -> None:
    journal.mark(ledger, *KEY, "index", StepState.RUNNING)
    assert ledger.one("SELECT finished_at FROM migrator.step").finished_at is None
    journal.mark(ledger, *KEY, "index", StepState.DONE, attempts=3, held_ms=12.5)
    journal.mark(ledger, *KEY, "column", StepState.UNDONE)
    assert journal.steps(ledger, *KEY) == {"index": StepState.DONE, "column": StepState.UNDONE}
    row = ledger.one("SELECT attempts, held_ms, finished_at FROM migrator.step WHERE step = 'index'")
    assert (row.attempts, row.held_ms) == (3, 12.5)
    assert row.finished_at is not None


def test_a_record_is_one_with_its_transaction(ledger: Session) -> None:
    with pytest.raises(ZeroDivisionError), ledger.transaction():
        journal.mark(ledger, *KEY, "column", StepState.DONE)
        raise ZeroDivisionError
    assert journal.steps(ledger, *KEY) == {}


def test_phases_are_kept_apart(ledger: Session) -> None:
    journal.mark(ledger, *KEY, "step", StepState.DONE)
    assert journal.steps(ledger, "default", MIGRATION.id, Phase.CONTRACT) == {}
    assert journal.steps(ledger, "other", MIGRATION.id, Phase.EXPAND) == {}


def test_a_forgotten_journal_is_empty(ledger: Session) -> None:
    journal.mark(ledger, *KEY, "step", StepState.DONE)
    journal.mark(ledger, "default", MIGRATION.id, Phase.CONTRACT, "step", StepState.DONE)
    journal.forget(ledger, "default", MIGRATION.id)
    assert ledger.one("SELECT count(*) AS n FROM migrator.step").n == 0


def test_the_longest_hold_is_that_of_the_slowest_group(ledger: Session) -> None:
    assert journal.longest_hold_ms(ledger, "default", MIGRATION.id) == 0
    journal.mark(ledger, *KEY, "a", StepState.DONE, held_ms=5.0)
    journal.mark(ledger, *KEY, "b", StepState.DONE, held_ms=7.5)
    journal.mark(ledger, *KEY, "c", StepState.DONE)
    assert journal.longest_hold_ms(ledger, "default", MIGRATION.id) == 7.5
