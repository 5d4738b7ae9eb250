"""Status for machines: exactly the keys of the contract."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from migrator.backfill.progress import BackfillStatus
from migrator.execution.status import Overview, Standing
from migrator.ledger.state import GateState, State
from migrator.model.evidence import EvidenceItem, GateReport, Observation, Verdict
from migrator.reporting.status_json import document

PHASES = {"expand": "done", "backfill": "running", "contract": "pending"}


def standing(**changed) -> Standing:
    values = {
        "id": "20260101T000000_x",
        "title": "a title",
        "level": 4,
        "state": State.BACKFILLING,
        "gate": GateState.NONE,
        "phases": PHASES,
        "backfill": None,
        "report": None,
        "problem": None,
        **changed,
    }
    return Standing(**values)


def shown(*standings: Standing):
    result = document(Overview("18.1", "7400", standings))
    assert json.loads(json.dumps(result)) == result
    return result


def test_the_keys_are_those_of_the_contract():
    status = BackfillStatus(1_000, 4_000, 25.04, 333.333, 9.04, "running", "", 2)

    result = shown(standing(backfill=status))

    assert set(result) == {"database", "migrations"}
    assert result["database"] == {"server_version": "18.1", "system_identifier": "7400"}
    (migration,) = result["migrations"]
    assert set(migration) >= {"id", "title", "level", "state", "gate", "phases", "backfill", "blocked_by"}
    assert (migration["state"], migration["gate"], migration["phases"]) == ("backfilling", "none", PHASES)
    assert migration["backfill"] == {
        "rows_done": 1_000,
        "rows_total": 4_000,
        "percent": 25.0,
        "rows_per_s": 333.3,
        "eta_s": 9.0,
        "state": "running",
        "reason": "",
        "rejected": 2,
        "rows_per_s_overall": 0.0,
        "hot_share": None,
        "wal_bytes": 0,
        "growth_bytes": None,
        "throttled_s": 0.0,
        "workers": 0,
        "processes": 0,
        "notice": "",
    }
    assert migration["blocked_by"] == []


def test_what_is_not_known_is_null():
    status = BackfillStatus(0, None, 0.0, 0.0, None, "stopped", "")

    (migration,) = shown(standing(backfill=status, problem="it broke", in_folder=False))["migrations"]

    assert (migration["backfill"]["rows_total"], migration["backfill"]["eta_s"]) == (None, None)
    assert (migration["problem"], migration["in_folder"]) == ("it broke", False)
    assert shown(standing())["migrations"][0]["backfill"] is None


def test_who_blocks_is_listed_with_what_clears_it():
    item = EvidenceItem("web-7", 3, "v1", "live", 4.04, "runs level 3, 4 is needed", "stop it")
    seen = Observation("heartbeat", "web", Verdict.BLOCK, True, datetime(2026, 1, 1, tzinfo=UTC), "ok", (item,))
    report = GateReport("20260101T000000_x", Verdict.BLOCK, {"web": 4}, ("one is old",), (seen,))

    (migration,) = shown(standing(report=report))["migrations"]

    assert migration["blocked_by"] == [
        {
            "source": "heartbeat",
            "service": "web",
            "instance": "web-7",
            "level": 3,
            "version": "v1",
            "health": "live",
            "last_seen_s": 4.0,
            "why": "runs level 3, 4 is needed",
            "clears_with": "stop it",
        }
    ]
