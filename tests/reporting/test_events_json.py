"""Events for machines: one document at the end with what a script would want to know."""

from __future__ import annotations

import json

from migrator.model.events import BackfillProgress, Note, PhaseDone, StepDone, StepRetried, StepStarted
from migrator.reporting.events_json import Recorder

M = "20260101T000000_x"


def test_everything_that_happened_is_in_the_document():
    recorder = Recorder()
    for event in (
        Note("mind this"),
        StepStarted(M, "expand", "add", 1, 1, "ALTER TABLE t ADD a int"),
        StepRetried(M, "expand", "add", 1, 0.5, "lock timeout", "pid 7"),
        StepDone(M, "expand", "add", 1, 1, 12.34567, 2),
        BackfillProgress(M, "fill", "running", 1, 1, 2, 3.0, None),
        PhaseDone(M, "expand"),
    ):
        recorder(event)

    shown = recorder.document("expand")

    assert json.loads(json.dumps(shown)) == shown
    assert shown == {
        "command": "expand",
        "phases": [{"migration": M, "phase": "expand", "already": False}],
        "steps": [{"migration": M, "phase": "expand", "id": "add", "held_ms": 12.346, "attempts": 2, "skipped": False}],
        "retries": [
            {
                "migration": M,
                "phase": "expand",
                "id": "add",
                "attempt": 1,
                "reason": "lock timeout",
                "blocked_by": "pid 7",
            }
        ],
        "notes": ["mind this"],
    }
