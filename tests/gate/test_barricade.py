"""What the database enforces goes up and down with the fence."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType

import pytest

from migrator.errors import Refused
from migrator.gate import barricade
from migrator.gate.barriers import barriers
from migrator.gate.gate import Gate
from migrator.gate.subject import Subject
from migrator.ledger import decisions, services, state
from migrator.ledger.services import Service
from migrator.ledger.state import GateState
from migrator.model.evidence import Direction
from migrator.model.plan import Migration
from migrator.postgres.session import Session
from tests.gate.world import WEB, World


class Written:
    """A barrier that writes what it is told to do into a table of its own."""

    def __init__(self, kind: str, world: World) -> None:
        self.kind, self.world, self.fails_at, self.refuses = kind, world, "", False

    def _do(self, session: Session, what: str) -> list[str]:
        if self.refuses and what == "put_up":
            return [f"no {self.kind}: it would hit new code"]
        if self.fails_at == what:
            raise Refused(f"{what} fails")
        assert not session.in_transaction
        session.execute(
            "INSERT INTO did (kind, what, gate) SELECT %(kind)s, %(what)s, gate FROM migrator.migration",
            {"kind": self.kind, "what": what},
        )
        return [f"{self.kind} {what}"]

    def plan(self, session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
        return [f"{self.kind} would"] if self.fails_at != "plan" else []

    def put_up(self, session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
        return self._do(session, "put_up")

    def take_down(self, session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
        return self._do(session, "take_down")

    def after_applied(self, session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
        return self._do(session, "after_applied")


@pytest.fixture
def up(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[World, Gate, Migration, dict[str, Written]]:
    gate = world.configure(WEB)
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    world.session.execute("CREATE TABLE did (kind text, what text, gate text, at serial)")
    found = {kind: Written(kind, world) for kind in ("quarantine", "roles")}
    monkeypatch.setattr(barricade, "barriers", lambda: MappingProxyType(found))
    return world, gate, migration, found


def did(world: World) -> list[tuple[str, str, str]]:
    return [tuple(row) for row in world.session.query("SELECT kind, what, gate FROM did ORDER BY at")]


def kinds(world: World) -> list[str]:
    return [row.kind for row in decisions.recent(world.session, "default", "2026_42")[::-1]]


def test_the_folder_holds_what_calls_itself_by_its_name() -> None:
    assert all(kind == barrier.kind for kind, barrier in barriers().items())


def test_the_strongest_goes_up_first_after_the_fence_and_is_recorded(
    up: tuple[World, Gate, Migration, dict[str, Written]],
) -> None:
    world, gate, migration, _ = up
    world.contract(gate, migration)
    assert did(world) == [
        ("roles", "put_up", "fenced"), ("quarantine", "put_up", "fenced"),
        ("quarantine", "after_applied", "applied"), ("roles", "after_applied", "applied"),
    ]  # fmt: skip
    assert kinds(world) == ["soaking", "fence", "quarantined", "confirmed", "contract", "barriers after"]
    rows = {row.kind: row.evidence for row in decisions.recent(world.session, "default", migration.id)}
    assert rows["quarantined"]["strongest"] == "roles"
    assert rows["quarantined"]["done"]["roles"] == ["roles put_up"]
    assert rows["confirmed"]["enforced_by"] == ["beat", "quarantine", "roles"]
    assert world.record(migration).barriers == ()


def test_every_way_back_takes_them_down_after_the_fence(up: tuple[World, Gate, Migration, dict[str, Written]]) -> None:
    world, gate, migration, found = up
    found["quarantine"].fails_at = "plan"

    def work(execute: object) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        world.contract(gate, migration, work=work)
    assert did(world) == [("roles", "put_up", "fenced"), ("roles", "take_down", "aborted")]
    assert kinds(world) == ["soaking", "fence", "barriers", "confirmed", "abort", "barriers down"]
    gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=False)
    gate.abort(world.session, migration.id, "not tonight")
    assert did(world)[2:] == [("roles", "put_up", "fenced"), ("roles", "take_down", "aborted")]
    assert world.record(migration).barriers == ()


def test_one_that_cannot_be_put_up_takes_everything_back(up: tuple[World, Gate, Migration, dict[str, Written]]) -> None:
    world, gate, migration, found = up
    found["quarantine"].fails_at = "put_up"
    with pytest.raises(Refused, match="put_up fails"):
        world.contract(gate, migration)
    assert [what for _, what, _ in did(world)] == ["put_up", "take_down", "take_down"]
    assert world.gate_state(migration) is GateState.ABORTED
    with pytest.raises(Refused, match="put_up fails"):
        gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=False)
    assert world.gate_state(migration) is GateState.ABORTED
    assert world.has_column()


def test_one_that_finds_that_it_must_not_be_put_up_does_not_count(
    up: tuple[World, Gate, Migration, dict[str, Written]],
) -> None:
    world, gate, migration, found = up
    found["quarantine"].refuses = True
    world.contract(gate, migration)
    assert "quarantined" not in kinds(world)
    rows = {row.kind: row.evidence for row in decisions.recent(world.session, "default", migration.id)}
    assert rows["barriers"]["done"]["quarantine"] == ["no quarantine: it would hit new code"]
    assert rows["confirmed"]["enforced_by"] == ["beat", "roles"]
    assert ("quarantine", "after_applied", "applied") not in did(world)


def test_one_that_cannot_be_taken_down_is_tried_again_by_the_next_command(
    up: tuple[World, Gate, Migration, dict[str, Written]],
) -> None:
    world, gate, migration, found = up
    found["roles"].fails_at = "take_down"
    gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=False)
    gate.abort(world.session, migration.id, "not tonight")
    assert world.gate_state(migration) is GateState.ABORTED
    assert world.record(migration).barriers == ("roles",)
    assert any("could not be taken down, the next command tries" in str(event) for event in world.events)
    found["roles"].fails_at = ""
    gate.tidy(world.session)
    assert world.record(migration).barriers == ()
    assert did(world)[-1] == ("roles", "take_down", "aborted")
    count = len(did(world))
    gate.tidy(world.session)
    assert len(did(world)) == count


def test_a_cleanup_that_fails_does_not_make_an_applied_contract_look_undone(
    up: tuple[World, Gate, Migration, dict[str, Written]],
) -> None:
    world, gate, migration, found = up
    found["roles"].fails_at = "after_applied"
    world.contract(gate, migration)
    assert world.gate_state(migration) is GateState.APPLIED
    assert world.record(migration).barriers == ("roles",)
    found["roles"].fails_at = ""
    gate.tidy(world.session)
    assert did(world)[-1] == ("roles", "after_applied", "applied")


def test_what_a_killed_rollback_left_up_does_not_outlive_the_contract_that_follows(
    up: tuple[World, Gate, Migration, dict[str, Written]],
) -> None:
    world, gate, migration, _ = up
    at = services.server(world.session).at
    later = at + timedelta(minutes=5)
    columns = {"fence_at": at, "fence_deadline": later, "fence_direction": "rollback", "barriers": ["roles"]}
    state.set_gate(world.session, "default", migration.id, GateState.FENCED, **columns)
    world.contract(gate, migration)
    assert did(world)[0] == ("roles", "take_down", "aborted")
    assert not world.has_column()


def test_what_a_killed_tool_left_up_is_taken_down_when_its_fence_has_run_out(
    up: tuple[World, Gate, Migration, dict[str, Written]],
) -> None:
    world, gate, migration, _ = up
    at = services.server(world.session).at
    columns = {"fence_at": at, "fence_deadline": at, "fence_direction": "contract", "barriers": ["roles"]}
    state.set_gate(world.session, "default", migration.id, GateState.FENCED, **columns)
    gate.tidy(world.session)
    assert did(world) == [("roles", "take_down", "aborted")]
    assert world.record(migration).barriers == ()
