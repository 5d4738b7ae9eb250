"""The log of decisions, and the one assertion for other tools."""

from __future__ import annotations

import psycopg
import pytest

from migrator.errors import Refused, UsageError
from migrator.gate.audit import verify_log
from migrator.gate.gate import Gate
from migrator.ledger import decisions, services, state
from migrator.ledger.state import GateState
from migrator.model.evidence import Direction
from migrator.model.plan import Migration
from tests.gate.world import WEB, World, role


def filled(world: World) -> World:
    for number in range(4):
        decisions.append(world.session, "default", None, "note", None, [str(number)], {}, "tester")
    return world


def tamper(world: World, statement: str) -> None:
    world.session.execute("ALTER TABLE migrator.decision DISABLE TRIGGER decision_is_append_only")
    world.session.execute(statement)


def test_an_empty_log_and_a_whole_one_are_whole(world: World) -> None:
    assert verify_log(world.session, None) == (0, "")
    filled(world)
    last, hash_ = verify_log(world.session, None)
    assert (last, len(hash_)) == (4, 64)
    decisions.append(world.session, "default", None, "note", None, [], {}, "tester")
    assert verify_log(world.session, f"{last}:{hash_}")[0] == 5


FORGED = """
INSERT INTO migrator.decision
SELECT seq + 1, at, project, migration, kind, verdict, reasons, evidence, actor, session_role, hash, hash
FROM migrator.decision WHERE seq = 4"""


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE migrator.decision SET reasons = '[\"harmless\"]' WHERE seq = 2", 2),
        ("UPDATE migrator.decision SET session_role = 'nobody' WHERE seq = 3", 3),
        ("DELETE FROM migrator.decision WHERE seq = 2", 3),
        ("DELETE FROM migrator.decision WHERE seq = 1", 2),
        (FORGED, 5),
    ],
)
def test_tampering_is_found(world: World, statement: str, broken: int) -> None:
    tamper(filled(world), statement)
    with pytest.raises(Refused, match=f"decision {broken} does not fit"):
        verify_log(world.session, None)


def test_a_log_that_was_cut_or_rewritten_is_found_with_an_end_that_was_noted(world: World) -> None:
    last, hash_ = verify_log(filled(world).session, None)
    tamper(world, "DELETE FROM migrator.decision WHERE seq > 2")
    verify_log(world.session, None)
    with pytest.raises(Refused, match="was cut: decision 4"):
        verify_log(world.session, f"{last}:{hash_}")
    filled(world)
    with pytest.raises(Refused, match="was rewritten: decision 4"):
        verify_log(world.session, f"{last}:{hash_}")


def test_an_applied_contract_without_its_decision_is_found(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    world.contract(gate, migration)
    verify_log(world.session, None)
    tamper(world, "DELETE FROM migrator.decision WHERE verdict = 'APPLIED'")
    with pytest.raises(Refused, match=f"{migration.id} is applied without exactly one decision"):
        verify_log(world.session, None)
    assert decisions.first_broken_link(world.session) == 5


def test_a_noted_end_has_a_form(world: World) -> None:
    for text in ("4", "x:y", "4:"):
        with pytest.raises(UsageError, match="no end of a log"):
            verify_log(world.session, text)


# SELECT migrator.confirmed('id')


@pytest.fixture
def ready(world: World) -> tuple[World, Gate, Migration]:
    gate = world.configure(WEB)
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    return world, gate, migration


def confirmed(world: World, migration_id: str = "2026_42") -> bool:
    return bool(world.session.one("SELECT migrator.confirmed(%(id)s) AS yes", {"id": migration_id}).yes)


def test_it_is_confirmed_under_the_fence_after_all_evidence_was_read_and_not_before(
    ready: tuple[World, Gate, Migration],
) -> None:
    world, gate, migration = ready
    assert not confirmed(world)
    gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=False)
    assert not confirmed(world)
    gate.wait(world.session, migration, Direction.CONTRACT, 0, lambda _: None)
    assert world.gate_state(migration) is GateState.CONFIRMED
    assert confirmed(world)
    gate.abort(world.session, migration.id, "not tonight")
    assert not confirmed(world)


def test_old_code_that_shows_up_again_takes_it_back(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    world.beat(level=41, instance="paused")
    world.bye(instance="paused")
    gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=False)
    gate.wait(world.session, migration, Direction.CONTRACT, 0, lambda _: None)
    assert not world.beat(level=41, instance="paused").ok
    assert not confirmed(world)


def test_it_is_confirmed_once_applied_and_false_for_what_nobody_knows(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    world.contract(gate, migration)
    assert confirmed(world)
    assert not confirmed(world, "nonesuch")
    assert not confirmed(world, "2026")


@pytest.mark.parametrize("direction", ["contract", "rollback"])
def test_a_fence_that_ran_out_or_looks_the_other_way_confirms_nothing(
    ready: tuple[World, Gate, Migration], direction: str
) -> None:
    world, _, migration = ready
    at = services.server(world.session).at
    deadline = at if direction == "contract" else None
    columns = {"fence_at": at, "fence_deadline": deadline, "fence_direction": direction}
    state.set_gate(world.session, "default", migration.id, GateState.CONFIRMED, **columns)
    assert not confirmed(world)


def test_any_role_may_ask_and_true_stays_true_until_its_transaction_ends(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=False)
    gate.wait(world.session, migration, Direction.CONTRACT, 0, lambda _: None)
    with role(world.session) as name, psycopg.connect(world.url.replace("postgres@", f"{name}@")) as asking:
        row = asking.execute("SELECT migrator.confirmed('2026_42')").fetchone()
        assert row == (True,)
        with world.connect() as other, pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("SET lock_timeout = '50ms'")
            other.execute("UPDATE migrator.migration SET gate = 'aborted'")
        asking.rollback()
