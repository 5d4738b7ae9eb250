"""One verdict, overruled by two people, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from migrator.errors import GateBlocked, GateUnknown, OutOfOrder, Refused, UsageError
from migrator.gate.decision import Rules, decide
from migrator.gate.gate import Gate
from migrator.gate.override import overrule, plan_sha256
from migrator.ledger import decisions, overrides, services
from migrator.ledger.overrides import Override
from migrator.ledger.state import GateState
from migrator.model.evidence import Direction, Observation, Soak, Verdict
from migrator.model.plan import Migration, Phase, ServiceRequirement, Step
from migrator.postgres.connect import Database
from tests.gate.world import WEB, World, role

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
REASON = "web-7 is on the node that burned down"


@pytest.fixture
def blocked(world: World) -> Iterator[tuple[World, Gate, Migration, str]]:
    """New code runs, an old instance is stale, and there is a second person's role."""
    gate = world.configure(WEB)
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    world.beat(level=41, instance="web-7")
    world.age("web-7")
    with role(world.session) as second:
        yield world, gate, migration, second


def ask(world: World, gate: Gate, migration: Migration, approver: str, **changed: str) -> Override:
    wanted = {"only": "heartbeat:web", "reason": REASON, "expires": "30min", **changed}
    return gate.request_override(world.session, migration, Direction.CONTRACT, approver=approver, **wanted)


def approve(world: World, second: str, number: int, *, dry: bool = False) -> str:
    url = world.url.replace("postgres@", f"{second}@")
    with Database(url, command="test").connect("test") as session:
        return overrides.approve(session, number, "second@test", dry=dry)


def verdict(world: World, gate: Gate, migration: Migration) -> Verdict:
    return gate.look(world.session, migration, Direction.CONTRACT).verdict


def test_an_approved_override_opens_the_gate_once_and_is_shown_ever_after(
    blocked: tuple[World, Gate, Migration, str],
) -> None:
    world, gate, migration, second = blocked
    one = ask(world, gate, migration, second)
    assert one.only == "heartbeat:web"
    assert verdict(world, gate, migration) is Verdict.BLOCK
    assert REASON in approve(world, second, one.id)
    report = gate.look(world.session, migration, Direction.CONTRACT)
    assert (report.verdict, report.overrides) == (Verdict.PASS, (one.id,))
    [seen] = report.observations
    assert seen.control.startswith(f"BLOCK, overruled by override {one.id} ({REASON}; approved by {second})")
    assert [item.instance for item in seen.items] == ["web-7"]
    world.contract(gate, migration)
    assert not world.has_column()
    rows = decisions.recent(world.session, "default", migration.id)[::-1]
    assert [row.kind for row in rows] == [
        *("override requested", "override approved"),
        *("soaking", "override used", "fence", "confirmed", "contract"),
    ]
    assert [row.session_role for row in rows[:2]] == ["postgres", second]
    assert rows[-1].evidence["overrides"] == [one.id]
    [note] = gate.look(world.session, migration, Direction.CONTRACT).notes
    assert "heartbeat:web" in note
    assert f"approved by {second}: used 20" in note
    assert decisions.first_broken_link(world.session) is None


def test_a_failed_contract_spends_it_all_the_same(blocked: tuple[World, Gate, Migration, str]) -> None:
    world, gate, migration, second = blocked
    approve(world, second, ask(world, gate, migration, second).id)

    def work(execute: object) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        world.contract(gate, migration, work=work)
    with pytest.raises(GateBlocked):
        world.contract(gate, migration)
    assert world.has_column()


def test_nobody_else_can_approve(blocked: tuple[World, Gate, Migration, str]) -> None:
    world, gate, migration, second = blocked
    one = ask(world, gate, migration, second)
    with pytest.raises(Refused, match=f'must be approved by role "{second}", this session is of role "postgres"'):
        overrides.approve(world.session, one.id, "me", dry=False)
    world.session.execute(f'SET ROLE "{second}"')
    with pytest.raises(Refused, match='this session is of role "postgres"'):
        overrides.approve(world.session, one.id, "me", dry=False)
    world.session.execute("RESET ROLE")
    with pytest.raises(Refused, match="there is no override 4711"):
        approve(world, second, 4711)
    assert verdict(world, gate, migration) is Verdict.BLOCK


def test_whoever_asks_cannot_be_the_second_person(blocked: tuple[World, Gate, Migration, str]) -> None:
    world, gate, migration, _ = blocked
    with pytest.raises(UsageError, match="cannot approve it"):
        ask(world, gate, migration, "postgres")
    with pytest.raises(UsageError, match="does not exist"):
        ask(world, gate, migration, "nonesuch")
    with role(world.session, attributes="NOLOGIN") as group, pytest.raises(UsageError, match="cannot log in"):
        ask(world, gate, migration, group)


def test_a_dry_run_approves_nothing_and_a_second_word_is_refused(blocked: tuple[World, Gate, Migration, str]) -> None:
    world, gate, migration, second = blocked
    one = ask(world, gate, migration, second)
    assert "heartbeat about web is overruled" in approve(world, second, one.id, dry=True)
    assert verdict(world, gate, migration) is Verdict.BLOCK
    approve(world, second, one.id)
    with pytest.raises(Refused, match="approved already"):
        approve(world, second, one.id)


def test_it_expires(blocked: tuple[World, Gate, Migration, str]) -> None:
    world, gate, migration, second = blocked
    one, other = ask(world, gate, migration, second), ask(world, gate, migration, second)
    approve(world, second, one.id)
    assert verdict(world, gate, migration) is Verdict.PASS
    world.session.execute("UPDATE migrator.override SET expires_at = clock_timestamp()")
    report = gate.look(world.session, migration, Direction.CONTRACT)
    assert report.verdict is Verdict.BLOCK
    assert all("expired" in note and "not used" in note for note in report.notes)
    with pytest.raises(Refused, match=f"override {other.id} expired at"):
        approve(world, second, other.id)


def test_it_is_void_for_other_statements_other_requirements_and_another_epoch(
    blocked: tuple[World, Gate, Migration, str],
) -> None:
    world, gate, migration, second = blocked
    approve(world, second, ask(world, gate, migration, second).id)
    edited = replace(migration, steps=(Step("drop", "DROP TABLE users", Phase.CONTRACT, "1"),))
    assert verdict(world, gate, edited) is Verdict.BLOCK
    assert verdict(world, gate, replace(migration, requires={"etl": ServiceRequirement(0, "why")})) is Verdict.BLOCK
    assert gate.look(world.session, migration, Direction.ROLLBACK).verdict is Verdict.BLOCK
    assert verdict(world, gate, migration) is Verdict.PASS
    other = ask(world, gate, migration, second)
    with world.session.transaction():
        services.touch(world.session, "default")
    report = gate.look(world.session, migration, Direction.CONTRACT)
    assert report.verdict is Verdict.BLOCK
    assert all(note.endswith("void: a service or a fence changed since, ask for a new one") for note in report.notes)
    with pytest.raises(Refused, match="is void"):
        approve(world, second, other.id)


def test_it_covers_one_verdict_only(blocked: tuple[World, Gate, Migration, str]) -> None:
    world, gate, migration, second = blocked
    approve(world, second, ask(world, gate, migration, second).id)
    world.beat("reports", "r-1", 41)
    report = gate.look(world.session, migration, Direction.CONTRACT)
    assert report.verdict is Verdict.BLOCK
    assert "nobody's service" in report.reasons[0]
    with pytest.raises(GateBlocked):
        world.contract(gate, migration)
    other = ask(world, gate, migration, second, only="heartbeat:-")
    approve(world, second, other.id)
    assert verdict(world, gate, migration) is Verdict.PASS


def test_it_stands_in_for_no_second_proof(blocked: tuple[World, Gate, Migration, str]) -> None:
    world, _, migration, second = blocked
    gate = world.configure(WEB, min_independent=2)
    approve(world, second, ask(world, gate, migration, second).id)
    with pytest.raises(GateUnknown, match="1 of 2 independent proofs"):
        world.contract(gate, migration)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"only": "heartbeat"}, 'no source gives a verdict called "heartbeat"'),
        ({"only": "heartbeat:*"}, "no source gives a verdict"),
        ({"only": "heartbeat:web,sessions:web"}, "no source gives a verdict"),
        ({"reason": "because"}, "shorter than 10 characters"),
        ({"expires": "2d"}, "at most 1d"),
        ({"expires": "0s"}, "more than 0s"),
    ],
)
def test_what_is_asked_for_must_be_exact(
    blocked: tuple[World, Gate, Migration, str], changed: dict[str, str], message: str
) -> None:
    world, gate, migration, second = blocked
    with pytest.raises(UsageError, match=message.replace("*", "[*]")):
        ask(world, gate, migration, second, **changed)


def test_a_verdict_that_passes_is_not_overruled_in_advance(blocked: tuple[World, Gate, Migration, str]) -> None:
    world, gate, migration, second = blocked
    gate.retire(world.session, "web", "web-7", "gone")
    with pytest.raises(Refused, match="says PASS now"):
        ask(world, gate, migration, second)


def test_nothing_is_overruled_before_expand_or_after_the_contract(blocked: tuple[World, Gate, Migration, str]) -> None:
    world, gate, migration, second = blocked
    with pytest.raises(OutOfOrder, match="never expanded"):
        ask(world, gate, Migration("unknown", 43, "t"), second)
    world.session.execute("UPDATE migrator.migration SET gate = 'applied'")
    with pytest.raises(OutOfOrder, match="applied already"):
        ask(world, gate, migration, second)


def test_a_soak_with_an_override_counts_only_while_it_is_in_force(blocked: tuple[World, Gate, Migration, str]) -> None:
    world, _, migration, second = blocked
    gate = world.configure(WEB, soak="1min")
    approve(world, second, ask(world, gate, migration, second).id)
    assert verdict(world, gate, migration) is Verdict.SOAKING
    assert world.gate_state(migration) is GateState.NONE
    world.session.execute("UPDATE migrator.sample SET at = at - interval '2 minutes'")
    world.session.execute("UPDATE migrator.service SET registered_at = registered_at - interval '1 day'")
    world.session.execute("UPDATE migrator.instance SET first_beat = first_beat - interval '1 day'")
    assert verdict(world, gate, migration) is Verdict.PASS
    world.session.execute("UPDATE migrator.override SET expires_at = clock_timestamp()")
    gate.retire(world.session, "web", "web-7", "gone")
    assert verdict(world, gate, migration) is Verdict.SOAKING


# Pure


def seen(verdict: Verdict = Verdict.BLOCK, service: str | None = "web", source: str = "heartbeat") -> Observation:
    return Observation(source, service, verdict, True, NOW, "two run")


def granted(source: str = "heartbeat", service: str = "web") -> Override:
    moments = {"requested_at": NOW, "expires_at": NOW, "approved_at": NOW, "approved_actor": "b", "used_at": None}
    return Override(
        7,
        "m",
        "contract",
        source,
        service,
        "",
        1,
        REASON,
        "a",
        "a@h",
        "b",
        **moments,
        expired=False,
        outdated=False,  # type: ignore[arg-type]
    )


def test_only_the_verdict_changes_and_not_the_moment_of_the_evidence() -> None:
    [said], needed = overrule((seen(),), (granted(),))
    assert (said.verdict, said.observed_at, said.closed_world) == (Verdict.PASS, NOW, True)
    assert [one.id for one in needed] == [7]


def test_another_source_another_service_and_a_pass_stay_as_they_are() -> None:
    others = (seen(source="sessions"), seen(service="etl"), seen(service=None), seen(Verdict.PASS))
    assert overrule(others, (granted(),)) == (others, ())


def test_evidence_that_is_too_old_stays_so() -> None:
    said, _ = overrule((seen(),), (granted(),))
    web = services.Service("web", "long", 45, False, "", (), 0, 42, 1, NOW)
    late = NOW + timedelta(seconds=21)

    def judged(now: datetime, not_before: datetime | None = None) -> Verdict:
        rules = Rules(1, 20.0, not_before)
        return decide(Migration("m", 42, "t"), said, (web,), {"web": 42}, Soak(None, 0, 0), now, rules).verdict

    assert judged(NOW) is Verdict.PASS
    assert judged(late) is Verdict.UNKNOWN
    assert judged(NOW, not_before=NOW) is Verdict.UNKNOWN
    assert judged(NOW - timedelta(seconds=30)) is Verdict.UNKNOWN


def test_what_is_said_about_no_service_is_named_by_a_dash() -> None:
    [said], _ = overrule((seen(service=None),), (granted(service="-"),))
    assert said.verdict is Verdict.PASS


def test_the_hash_covers_what_runs_and_what_is_required() -> None:
    base = Migration("m", 42, "t", steps=(Step("a", "DROP TABLE t", Phase.CONTRACT, "1"),))
    same = replace(base, title="another title")
    assert plan_sha256(base, Direction.CONTRACT) == plan_sha256(same, Direction.CONTRACT)
    others = [
        replace(base, level=43),
        replace(base, requires={"web": ServiceRequirement(41)}),
        replace(base, steps=(Step("a", "DROP TABLE u", Phase.CONTRACT, "1"),)),
        replace(base, steps=(Step("a", "DROP TABLE t", Phase.CONTRACT, None),)),
    ]
    assert len({plan_sha256(one, Direction.CONTRACT) for one in [base, *others]}) == 5
    assert plan_sha256(base, Direction.CONTRACT) != plan_sha256(base, Direction.ROLLBACK)
