"""A report as text and as a document, and as the error a person reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from migrator.errors import GateBlocked, GateUnknown, GateWaiting
from migrator.gate.messages import error_for
from migrator.model.evidence import Direction, EvidenceItem, GateReport, Observation, Soak, Verdict
from migrator.model.plan import Migration
from migrator.reporting import gate_json, gate_text

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MIGRATION = Migration("2026_42", 42, "rename users.name", folder="migrations/2026_42_rename")
RETIRE = 'migrator gate retire web job-2 --reason "…"'
ITEMS = (
    EvidenceItem("web-7", 41, "1.0", "live", 4.0, "runs level 41, 42 is needed", "it ends and says bye"),
    EvidenceItem("job-2", 40, "0.9", "stale", 130.0, "a stale instance counts as running", RETIRE),
)


def blocked(items: tuple[EvidenceItem, ...] = ITEMS, service: str | None = "web") -> GateReport:
    seen = Observation("heartbeat", service, Verdict.BLOCK, True, NOW, "12 of 14 running instances", items)
    return GateReport("2026_42", Verdict.BLOCK, {"web": 42}, ("heartbeat: web",), (seen,), Soak(None, 900, 0))


def test_the_error_names_who_what_is_needed_and_what_clears_it() -> None:
    error = error_for(blocked(), MIGRATION, Direction.CONTRACT)
    assert isinstance(error, GateBlocked)
    assert error.render() == (
        'error: contract of 2026_42 ("rename users.name") is closed: 2 instances of "web" still run level 40 and level'
        " 41, it needs 42\n"
        "  at: migrations/2026_42_rename/contract.sql\n"
        "  DETAIL: web-7 (4 s ago): runs level 41, 42 is needed\n"
        "    job-2 (stale, 2 min ago): a stale instance counts as running\n"
        "  HINT: it ends and says bye.\n"
        f"    {RETIRE}.\n"
        '    Then run "migrator contract 2026_42". All evidence: "migrator gate 2026_42 --json".'
    )


def test_many_instances_are_abbreviated() -> None:
    error = error_for(blocked(ITEMS[:1] * 50), MIGRATION, Direction.CONTRACT)
    assert "and 38 more" in (error.detail or "")
    assert "30 more" in gate_text.render(blocked(ITEMS[:1] * 50))


def test_sessions_of_nobody_are_named_as_that() -> None:
    assert "2 instances of no listed service" in error_for(blocked(service=None), MIGRATION, Direction.CONTRACT).message


def test_a_rollback_is_told_in_its_own_words() -> None:
    error = error_for(blocked(ITEMS[:1]), MIGRATION, Direction.ROLLBACK)
    assert error.message.endswith('1 instance of "web" still runs level 41, it must be at 41 or below')
    assert '"migrator rollback 2026_42"' in (error.hint or "")


def test_under_the_fence_it_says_that_the_fence_is_down_again() -> None:
    error = error_for(blocked(), MIGRATION, Direction.CONTRACT, fenced=True)
    assert "the fence was lowered again: nothing changed." in (error.detail or "")


@pytest.mark.parametrize(("verdict", "error_class"), [(Verdict.UNKNOWN, GateUnknown), (Verdict.SOAKING, GateWaiting)])
def test_the_class_fits_the_verdict(verdict: Verdict, error_class: type[Exception]) -> None:
    report = GateReport("2026_42", verdict, {"web": 42}, ("why",), (), Soak(NOW, 900, 60))
    assert isinstance(error_for(report, MIGRATION, Direction.CONTRACT), error_class)


def test_a_polled_source_is_named_with_what_keeps_its_soak_going() -> None:
    seen = Observation("sessions", "web", Verdict.PASS, True, NOW, "all seen")
    report = GateReport("2026_42", Verdict.SOAKING, {"web": 42}, (), (seen,), Soak(NOW, 900, 60))
    error = error_for(report, MIGRATION, Direction.CONTRACT)
    assert "must wait 840 s more: clean for 60 s of 900 s" in error.message
    assert "sessions must be looked at again within max_gap" in (error.detail or "")


def test_the_text_shows_every_service_even_one_that_nobody_speaks_about() -> None:
    report = GateReport("2026_42", Verdict.UNKNOWN, {"web": 42, "etl": 0}, ("why",), (), Soak(None, 900, 0))
    text = gate_text.render(report)
    assert "web (contract needs level 42)\n  no source says anything about it" in text
    assert "etl (exempt)" in text
    assert "soak: not clean now; 900 s are needed" in text


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (Verdict.PASS, "confirmed"), (Verdict.BLOCK, "blocked"),
        (Verdict.UNKNOWN, "inconclusive"), (Verdict.SOAKING, "inconclusive"),
    ],
)  # fmt: skip
def test_an_analysis_gets_success_failure_or_neither(verdict: Verdict, result: str) -> None:
    assert gate_json.document(GateReport("m", verdict, {"web": 42}))["result"] == result


def test_what_people_did_by_hand_is_in_both_forms() -> None:
    report = GateReport("m", Verdict.PASS, {"web": 42}, overrides=(3,), notes=("override 3 of heartbeat:web",))
    assert "  note: override 3 of heartbeat:web\n" in gate_text.render(report)
    document = gate_json.document(report)
    assert (document["overrides"], document["notes"]) == ([3], ["override 3 of heartbeat:web"])


def test_under_a_fence_by_hand_it_says_that_the_fence_stands_on() -> None:
    for verdict in (Verdict.BLOCK, Verdict.UNKNOWN, Verdict.SOAKING):
        report = replace(blocked(), verdict=verdict)
        error = error_for(report, MIGRATION, Direction.CONTRACT, fenced=True, by_hand=True)
        assert "the fence that was raised by hand stands on" in (error.detail or "")
        assert "lowered" not in (error.detail or "")


def test_the_document_is_plain_data() -> None:
    document = gate_json.document(blocked())
    assert document["sources"][0]["observed_at"] == "2026-11-24T12:00:00+00:00"
    assert document["soak"] == {"clean_since": None, "needs_s": 900, "has_s": 0}
