"""Scenarios about Kubernetes, Argo, Prometheus and flags, as pure evidence: the verdict that must come of it.

Each says what the source of that platform must observe. The database's own sources have proven everything in all of
them, so that what the platform says decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from migrator.gate import look as looking
from migrator.gate.look import Subject, evaluate
from migrator.gate.soak import clean_since
from migrator.ledger import services
from migrator.ledger.services import Sample
from migrator.model.evidence import Direction, EvidenceItem, Observation, Verdict
from migrator.model.plan import Migration
from tests.gate.scenarios.pure import DATABASE_IS_CLEAN, FENCE, NOW, item, judged, passes, says, verdict
from tests.gate.world import HEARTBEAT, WEB, World

BLOCK, UNKNOWN, PASS = Verdict.BLOCK, Verdict.UNKNOWN, Verdict.PASS
OLD = 41


def blocked_by(source: str, *items: EvidenceItem) -> None:
    report = judged(*DATABASE_IS_CLEAN, says(source, BLOCK, *items))
    assert report.verdict is BLOCK
    assert items[0].instance in report.reasons[0]
    # One that is not required can stop the gate as well.
    assert verdict(*DATABASE_IS_CLEAN, says(source, BLOCK, *items, required=False)) is BLOCK


def cannot_say(source: str, why: str) -> None:
    report = judged(*DATABASE_IS_CLEAN, says(source, UNKNOWN, control=why))
    assert report.verdict is UNKNOWN
    assert why in report.reasons[0]


def test_the_database_alone_would_let_it_pass() -> None:
    assert verdict(*DATABASE_IS_CLEAN) is PASS


def test_scenario_09_a_pod_that_is_deleted_while_its_process_lives_does_not_pass() -> None:
    gone = passes("kubernetes")
    stale = says("heartbeat", BLOCK, item("web-7", OLD, "stale", "a stale instance counts as running"))
    assert verdict(stale, passes("sessions"), gone) is BLOCK
    # Without heartbeats the absence of the pod is one proof, and one is not enough.
    assert verdict(gone) is UNKNOWN


def test_scenario_10_a_pod_that_terminates_for_26_minutes_blocks() -> None:
    blocked_by("kubernetes", item("web-7", OLD, "terminating", "has a deletionTimestamp for 26 min and still runs"))


def test_scenario_11_a_template_scaled_to_zero_at_the_old_level_blocks() -> None:
    blocked_by("kubernetes", item("deployment/web", OLD, "template", "0 replicas now, an autoscaler may start it"))


@pytest.mark.parametrize("suspended", [False, True])
def test_scenario_12_a_cron_job_of_the_old_template_blocks(suspended: bool) -> None:
    when = "suspended, anybody may resume it" if suspended else "next run at 03:00"
    blocked_by("kubernetes", item("cronjob/report", OLD, "template", when))


def test_scenario_13_a_job_started_by_hand_or_a_debug_container_blocks_or_is_unknown() -> None:
    blocked_by("kubernetes", item("job/by-hand", OLD, "live", "runs the digest of level 41"))
    blocked_by("kubernetes", item("web-7/debugger", None, "live", "an ephemeral container of no known digest"))
    cannot_say("kubernetes", "web-7/debugger runs a digest that no release names")


def test_scenario_14_one_tag_with_two_digests_is_unknown() -> None:
    cannot_say("kubernetes", "shop:1.42 is two images: sha256:aa and sha256:bb")


def test_scenario_15_a_label_that_the_image_contradicts_blocks() -> None:
    blocked_by("kubernetes", item("web-7", None, "live", "its label says level 42, its image is of level 41"))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("kubernetes", 'namespace "prd" does not exist'),
        ("kubernetes", 'selector "app=wbe" matches nothing'),
        ("prometheus", "metric app_build_inof has no series"),
    ],
)
def test_scenario_16_a_typo_that_finds_nothing_is_unknown(source: str, why: str) -> None:
    cannot_say(source, why)
    # A source that takes the empty list for a proof has no positive control, and is no proof.
    assert verdict(*DATABASE_IS_CLEAN, passes(source, control="")) is UNKNOWN


@pytest.mark.parametrize("why", ["page 2 of the pods failed: 500", "the list expired while it was read: 410 Gone"])
def test_scenario_17_a_list_that_is_not_complete_is_unknown(why: str) -> None:
    cannot_say("kubernetes", why)


@pytest.mark.parametrize("why", ["403: pods is forbidden", "401: the token has expired"])
def test_scenario_18_rights_that_are_missing_or_end_while_waiting_are_unknown(why: str) -> None:
    cannot_say("kubernetes", why)
    # What was clean before is not clean any more: the soak starts anew when the source answers again.
    times = [NOW - timedelta(seconds=seconds) for seconds in (40, 30, 20, 10, 0)]
    looks = [Sample(at, clean, "1", 1) for at, clean in zip(times, (True, True, False, True, True), strict=True)]
    since = clean_since(looks, None, now=NOW, identity=("1", 1), max_gap_s=60.0)
    assert since == NOW - timedelta(seconds=10)
    unclean_now = [*looks[:2], replace(looks[2], at=NOW)]
    assert clean_since(unclean_now, None, now=NOW, identity=("1", 1), max_gap_s=60.0) is None


def test_scenario_19_a_context_that_points_to_another_cluster_is_unknown() -> None:
    cannot_say("kubernetes", "cluster 5d1e is not the pinned cluster 77aa")


@pytest.mark.parametrize("why", ["paused at weight 100", "its phase is of generation 7, the rollout is at 8"])
def test_scenario_20_a_rollout_that_is_paused_or_not_observed_blocks(why: str) -> None:
    blocked_by("argo", item("rollout/web", OLD, "live", why))


@pytest.mark.parametrize("why", ["up is 0 for web-7", "the last sample is 8 min old", "2 of 3 targets answer"])
def test_scenario_31_a_target_that_is_frozen_or_gone_does_not_pass(why: str) -> None:
    cannot_say("prometheus", why)
    blocked_by("prometheus", item("web-7", OLD, "live", "was seen at level 41 within the soak"))
    # Metrics do not see every instance: whatever they say, they are no proof.
    metrics = passes("prometheus", closed_world=False)
    assert verdict(passes("heartbeat"), metrics) is UNKNOWN
    # What was read before the fence does not count, nor what is too old.
    assert verdict(*DATABASE_IS_CLEAN, passes("prometheus", observed_at=FENCE)) is UNKNOWN
    assert verdict(*DATABASE_IS_CLEAN, passes("prometheus", observed_at=NOW - timedelta(minutes=8))) is UNKNOWN


@pytest.mark.parametrize(
    "why",
    [
        "the provider is down and answers with our default",
        "99 % get the new path: TARGETING_MATCH",
        "the flag is DISABLED: asked twice, it returns either default",
    ],
)
def test_scenario_32_a_flag_that_is_not_static_does_not_pass(why: str) -> None:
    cannot_say("flags", why)
    # Nor does a static flag prove anything alone: the old branch is still in the binary.
    assert verdict(passes("flags", closed_world=False)) is UNKNOWN


def test_scenario_44_a_release_without_a_level_is_unknown() -> None:
    cannot_say("kubernetes", "no release maps shop:1.41.7-hotfix to a level")
    # Where such code is seen running, it may be anything, and blocks.
    blocked_by("kubernetes", item("web-7", None, "live", "runs an unknown level, level 42 or above is needed"))


class Broken:
    """A source whose answer cannot be read."""

    kind, polled = "heartbeat", False

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def observe(self, session: Any, question: Any) -> tuple[Observation, ...]:
        if isinstance(self._answer, Exception):
            raise self._answer
        answer: tuple[Observation, ...] = self._answer
        return answer


@contextmanager
def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(looking, "sources", lambda: {"heartbeat": Broken(answer)})
        yield


@pytest.mark.parametrize(
    "answer",
    [
        ValueError("schema_version 0 is older than any this tool reads"),
        KeyError("items"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        RecursionError("too deep"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_scenario_45_evidence_that_cannot_be_read_is_unknown(
    world: World, monkeypatch: pytest.MonkeyPatch, answer: Exception
) -> None:
    world.configure(WEB, source=(HEARTBEAT,))
    subject = Subject(world.settings, Migration("m", 42, "t"), Direction.CONTRACT)
    listed = services.listed(world.session, "default")
    with answering(monkeypatch, answer):
        report, _ = evaluate(world.session, subject, listed)
    assert report.verdict is UNKNOWN
    assert "failed" in report.reasons[0]


@pytest.mark.parametrize("said", ["green", "pass", "PASSED", None, True])
def test_scenario_45_a_verdict_of_no_known_kind_is_unknown(said: Any) -> None:
    assert verdict(passes("heartbeat"), says("kubernetes", said)) is UNKNOWN
    assert verdict(says("kubernetes", said, required=False), min_independent=1) is UNKNOWN
