from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.gate.decision import Rules, decide, required_levels
from migrator.model.evidence import EvidenceItem, GateReport, Observation, Soak, Verdict
from migrator.model.plan import Migration, ServiceRequirement

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MIGRATION = Migration("m", 42, "rename")
NO_SOAK = Soak(None, 0.0, 0.0)
ITEM = EvidenceItem("web-1", 41, "1", "live", 1.0, "runs level 41", "stop it")


@dataclass(frozen=True)
class Listed:
    name: str
    kind: str = "long"


WEB = Listed("web")


def seen(
    source: str = "heartbeat", service: str | None = "web", verdict: Verdict = Verdict.PASS, **more: Any
) -> Observation:
    facts = {"closed_world": True, "observed_at": NOW, "control": "3 instances seen", **more}
    return Observation(source=source, service=service, verdict=verdict, **facts)


GOOD = (seen("heartbeat"), seen("sessions"))


def judged(
    observations: tuple[Observation, ...] = GOOD,
    services: tuple[Listed, ...] = (WEB,),
    soak: Soak = NO_SOAK,
    migration: Migration = MIGRATION,
    **rules: Any,
) -> GateReport:
    requires = required_levels(migration, services)
    exempt = frozenset(name for name, level in requires.items() if level <= 0)
    return decide(migration, observations, services, requires, soak, NOW, Rules(**rules), exempt=exempt)


def test_two_independent_proofs_pass() -> None:
    report = judged()
    assert report.verdict is Verdict.PASS
    assert report.requires == {"web": 42}


def test_one_source_twice_is_one_proof() -> None:
    assert judged((seen(), seen(control="another look"))).verdict is Verdict.UNKNOWN


def test_a_source_that_does_not_see_everything_is_no_proof() -> None:
    report = judged((seen(), seen("prometheus", closed_world=False)))
    assert report.verdict is Verdict.UNKNOWN
    assert report.reasons == ('service "web" has 1 of 2 independent proofs (heartbeat)',)


def test_no_services_is_unknown_even_when_something_blocks() -> None:
    report = judged((seen(service=None, verdict=Verdict.BLOCK, items=(ITEM,)),), ())
    assert report.verdict is Verdict.UNKNOWN
    assert "no services are listed" in report.reasons[0]


def test_one_block_outweighs_any_number_of_passes() -> None:
    blocked = seen("command", verdict=Verdict.BLOCK, closed_world=False, required=False, items=(ITEM,))
    report = judged((*GOOD, seen("roles"), blocked))
    assert report.verdict is Verdict.BLOCK
    assert "web-1 (runs level 41)" in report.reasons[0]


def test_a_block_of_no_service_blocks() -> None:
    assert judged((*GOOD, seen(service=None, verdict=Verdict.BLOCK, items=(ITEM,)))).verdict is Verdict.BLOCK


def test_a_required_source_that_cannot_say_makes_the_whole_unknown() -> None:
    failed = seen("kubernetes", service=None, verdict=Verdict.UNKNOWN, control="token expired")
    assert judged((*GOOD, failed)).verdict is Verdict.UNKNOWN
    assert judged((*GOOD, replace(failed, required=False))).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("flaw", "why"),
    [
        ({"control": ""}, "nothing shows that it works"),
        ({"observed_at": NOW - timedelta(seconds=21)}, "21 s old"),
        ({"observed_at": NOW + timedelta(seconds=5)}, "from the future"),
        ({"verdict": Verdict.SOAKING}, "3 instances seen"),
    ],
)
def test_weak_evidence_is_none(flaw: dict[str, Any], why: str) -> None:
    report = judged((seen(), seen("sessions", **flaw)))
    assert report.verdict is Verdict.UNKNOWN
    assert why in report.reasons[0]


def test_evidence_from_before_the_fence_is_discarded() -> None:
    assert judged(not_before=NOW).verdict is Verdict.UNKNOWN
    assert judged(not_before=NOW - timedelta(microseconds=1)).verdict is Verdict.PASS


def test_evidence_is_good_to_the_last_second() -> None:
    aged = tuple(replace(one, observed_at=NOW - timedelta(seconds=20)) for one in GOOD)
    assert judged(aged).verdict is Verdict.PASS


def test_an_incomplete_soak_is_soaking_and_says_how_long() -> None:
    report = judged(soak=Soak(NOW - timedelta(seconds=60), 900, 60))
    assert report.verdict is Verdict.SOAKING
    assert report.reasons == ("clean for 60 s of 900 s, 840 s to go",)
    assert judged(soak=Soak(NOW - timedelta(seconds=900), 900, 900)).verdict is Verdict.PASS
    assert judged(soak=Soak(None, 900, 0)).verdict is Verdict.SOAKING


def test_an_external_service_needs_one_proof_less() -> None:
    external = Listed("bi", "external")
    assert judged((seen("sessions", "bi"),), (external,)).verdict is Verdict.PASS
    assert judged((), (external,), min_independent=1).verdict is Verdict.UNKNOWN


def test_every_service_must_pass() -> None:
    assert judged(GOOD, (WEB, Listed("worker"))).verdict is Verdict.UNKNOWN


def test_an_exempt_service_needs_no_proof() -> None:
    migration = replace(MIGRATION, requires={"etl": ServiceRequirement(0, "reads another table")})
    assert judged(GOOD, (WEB, Listed("etl")), migration=migration).verdict is Verdict.PASS


def test_a_requirement_of_a_service_that_is_not_listed_is_unknown() -> None:
    migration = replace(MIGRATION, requires={"worker": ServiceRequirement(44)})
    report = judged(migration=migration)
    assert report.verdict is Verdict.UNKNOWN
    assert 'names service "worker"' in report.reasons[0]


def test_requirements_override_the_level_of_the_migration() -> None:
    migration = replace(MIGRATION, requires={"etl": ServiceRequirement(17)})
    assert required_levels(migration, (WEB, Listed("etl"))) == {"web": 42, "etl": 17}


names = st.sampled_from(["web", "worker", "bi"])
observations = st.builds(
    seen,
    source=st.sampled_from(["heartbeat", "sessions", "roles", "kubernetes"]),
    service=st.none() | names,
    verdict=st.sampled_from(list(Verdict)),
    closed_world=st.booleans(),
    observed_at=st.integers(-60, 60).map(lambda age: NOW - timedelta(seconds=age)),
    control=st.sampled_from(["", "seen"]),
    items=st.sampled_from([(), (ITEM,)]),
    required=st.booleans(),
)
services = st.lists(names, unique=True, max_size=3).map(
    lambda chosen: tuple(Listed(name, "external" if name == "bi" else "long") for name in chosen)
)
many = st.lists(observations, max_size=12).map(tuple)
soaks = st.integers(0, 100).map(lambda has: Soak(NOW - timedelta(seconds=has), 50.0, float(has)))


@given(many, services, soaks, st.integers(1, 3))
def test_a_pass_is_always_proven(
    found: tuple[Observation, ...], listed: tuple[Listed, ...], soak: Soak, needed: int
) -> None:
    report = judged(found, listed, soak, min_independent=needed, not_before=NOW - timedelta(seconds=30))
    if report.verdict is not Verdict.PASS:
        assert report.reasons
        return
    assert listed
    assert soak.complete
    assert all(one.verdict is not Verdict.BLOCK for one in found)
    for service in listed:
        kinds = {
            one.source
            for one in found
            if one.service == service.name
            and one.verdict is Verdict.PASS
            and one.closed_world
            and one.control
            and NOW - timedelta(seconds=20) <= one.observed_at <= NOW + timedelta(seconds=1)
        }
        assert len(kinds) >= max(1, needed - (service.kind == "external"))


@given(many, services, soaks, observations)
def test_more_evidence_against_never_opens_the_gate(
    found: tuple[Observation, ...], listed: tuple[Listed, ...], soak: Soak, extra: Observation
) -> None:
    """Adding what is no PASS to evidence that does not pass never makes it pass."""
    if extra.verdict is Verdict.PASS or judged(found, listed, soak).verdict is Verdict.PASS:
        return
    assert judged((*found, extra), listed, soak).verdict is not Verdict.PASS


@given(many, services, soaks)
def test_a_block_wins_whatever_else_is_said(
    found: tuple[Observation, ...], listed: tuple[Listed, ...], soak: Soak
) -> None:
    verdict = judged((*found, seen(verdict=Verdict.BLOCK, items=(ITEM,))), listed, soak).verdict
    assert verdict is (Verdict.BLOCK if listed else Verdict.UNKNOWN)


@given(many, services, soaks, st.randoms())
def test_the_order_of_the_evidence_does_not_matter(
    found: tuple[Observation, ...], listed: tuple[Listed, ...], soak: Soak, random: Any
) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    assert judged(tuple(shuffled), listed, soak).verdict is judged(found, listed, soak).verdict
