"""Waiting, and what is said meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from migrator.errors import GateBlocked, GateUnknown, GateWaiting
from migrator.gate.waiting import changes
from migrator.ledger.state import GateState
from migrator.model.evidence import Direction, EvidenceItem, GateReport, Observation, Soak, Verdict
from tests.gate.world import WEB, World, wait_for

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def item(name: str, **changed: object) -> EvidenceItem:
    base = EvidenceItem(name, 41, "1.0", "live", 4.0, "runs level 41, 42 is needed", "it ends")
    return replace(base, **changed)  # type: ignore[arg-type]


def report(*items: EvidenceItem, verdict: Verdict = Verdict.BLOCK, reasons: tuple[str, ...] = ("why",)) -> GateReport:
    seen = Observation("heartbeat", "web", Verdict.BLOCK if items else Verdict.PASS, True, NOW, "control", items)
    return GateReport("m", verdict, {"web": 42}, reasons, (seen,))


def test_the_first_look_says_everything() -> None:
    lines = changes(None, report(item("web-7"), item("web-8")))
    assert lines == [
        "web-7 of web (heartbeat): runs level 41, 42 is needed",
        "web-8 of web (heartbeat): runs level 41, 42 is needed",
        "BLOCK: why",
    ]


def test_nothing_new_says_nothing() -> None:
    before = report(item("web-7"), reasons=("seen 4 s ago",))
    assert changes(before, report(item("web-7", last_seen_s=9.0), reasons=("seen 9 s ago",))) == []


def test_who_left_who_came_and_who_changed() -> None:
    before = report(item("web-7"), item("web-8"))
    after = report(item("web-8", health="stale", why="stale"), item("web-9"))
    assert changes(before, after) == [
        "web-7 of web (heartbeat) is gone",
        "web-8 of web (heartbeat): stale",
        "web-9 of web (heartbeat): runs level 41, 42 is needed",
    ]


def test_a_crowd_is_counted() -> None:
    lines = changes(None, report(*(item(f"web-{number}") for number in range(50))))
    assert len(lines) == 14
    assert lines[12] == "and 38 more"


def test_a_soak_that_goes_on_says_nothing_and_one_that_starts_anew_says_so() -> None:
    soaking = report(verdict=Verdict.SOAKING, reasons=("clean for 60 s",))
    first = replace(soaking, soak=Soak(NOW, 900, 60))
    assert changes(first, replace(first, reasons=("clean for 62 s",), soak=Soak(NOW, 900, 62))) == []
    later = replace(first, soak=Soak(NOW + timedelta(seconds=90), 900, 0))
    assert changes(first, later) == ["the soak starts anew"]
    assert changes(first, report(verdict=Verdict.PASS, reasons=())) == ["PASS"]


def test_a_new_reason_for_no_proof_and_a_new_note_are_said() -> None:
    before = report(verdict=Verdict.UNKNOWN, reasons=("no etl",))
    assert changes(before, replace(before, reasons=("no web",))) == ["UNKNOWN: no web"]
    assert changes(before, replace(before, notes=("fence raised by hand",))) == ["fence raised by hand"]


def test_it_ends_when_the_old_code_does(world: World) -> None:
    gate = world.configure(WEB, max_gap="1s")
    migration = world.expanded(42)
    world.beat(level=42)
    world.beat(level=41, instance="web-7")
    lines: list[str] = []

    def leave() -> None:
        wait_for(lambda: any("BLOCK" in line for line in lines))
        world.bye(instance="web-7")

    thread = threading.Thread(target=leave)
    thread.start()
    found = gate.wait(world.session, migration, Direction.CONTRACT, 30, lines.append)
    thread.join()
    assert found.verdict is Verdict.PASS
    said = [line.partition(" s  ")[2] for line in lines]
    assert said[0].startswith("web-7 of web (heartbeat): runs level 41")
    assert said[1].startswith("BLOCK: heartbeat")
    assert said[2:] == ["web-7 of web (heartbeat) is gone", "PASS"]
    assert world.gate_state(migration) is GateState.NONE, "waiting changes nothing"


@pytest.mark.parametrize(("level", "soak", "error"), [(41, "0s", GateBlocked), (42, "1h", GateWaiting)])
def test_a_timeout_is_the_error_of_the_last_look(world: World, level: int, soak: str, error: type[Exception]) -> None:
    gate = world.configure(WEB, soak=soak)
    migration = world.expanded(42)
    world.beat(level=level)
    with pytest.raises(error):
        gate.wait(world.session, migration, Direction.CONTRACT, 0.1, lambda _: None)


def test_without_services_there_is_nothing_to_wait_for(world: World) -> None:
    gate = world.configure()
    migration = world.expanded(42)
    with pytest.raises(GateUnknown, match="no services are listed"):
        gate.wait(world.session, migration, Direction.CONTRACT, 600, lambda _: None)


def test_under_a_fence_by_hand_it_confirms_and_takes_back(world: World) -> None:
    gate = world.configure(WEB)
    migration = world.expanded(42)
    world.beat(level=42)
    world.beat(level=41, instance="paused")
    world.bye(instance="paused")
    gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=False)
    gate.wait(world.session, migration, Direction.CONTRACT, 0, lambda _: None)
    assert world.gate_state(migration) is GateState.CONFIRMED
    world.beat(level=41, instance="paused")
    with pytest.raises(GateBlocked):
        gate.wait(world.session, migration, Direction.CONTRACT, 0, lambda _: None)
    assert world.gate_state(migration) is GateState.FENCED
