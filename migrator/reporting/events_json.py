"""What happened, as one JSON document at the end; meanwhile a line of JSON about a backfill now and then."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TextIO

from migrator.model.events import BackfillProgress, Event, Note, PhaseDone, StepDone, StepRetried

_LINE_EVERY_S = 10.0


class Recorder:
    """A listener that keeps what a script would want to know.

    Args:
        stream: where lines of progress go, at least every ten seconds and when the state changes; default: stderr.
        clock: seconds that only grow.
    """

    def __init__(self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._last_line_at = -math.inf
        self._last_state = ("", "", "")
        self.steps: list[dict[str, Any]] = []
        self.phases: list[dict[str, Any]] = []
        self.retries: list[dict[str, Any]] = []
        self.notes: list[str] = []

    def __call__(self, event: Event) -> None:
        """Keep one event."""
        if isinstance(event, StepDone):
            self.steps.append(
                {
                    "migration": event.migration,
                    "phase": event.phase,
                    "id": event.step,
                    "held_ms": round(event.held_ms, 3),
                    "attempts": event.attempts,
                    "skipped": event.skipped,
                }
            )
        elif isinstance(event, PhaseDone):
            self.phases.append({"migration": event.migration, "phase": event.phase, "already": event.already})
        elif isinstance(event, StepRetried):
            self.retries.append(
                {
                    "migration": event.migration,
                    "phase": event.phase,
                    "id": event.step,
                    "attempt": event.attempt,
                    "reason": event.reason,
                    "blocked_by": event.blocked_by,
                }
            )
        elif isinstance(event, Note):
            self.notes.append(event.text)
        elif isinstance(event, BackfillProgress):
            self._progress(event)

    def _progress(self, event: BackfillProgress) -> None:
        state, now = (event.migration, event.step, event.state), self._clock()
        if state == self._last_state and now - self._last_line_at < _LINE_EVERY_S:
            return
        self._last_state, self._last_line_at = state, now
        line = {"schema_version": 1, "event": "backfill", **asdict(event)}
        print(json.dumps(line, ensure_ascii=False), file=self._stream, flush=True)

    def document(self, command: str) -> dict[str, Any]:
        """Everything kept."""
        return {
            "command": command,
            "phases": self.phases,
            "steps": self.steps,
            "retries": self.retries,
            "notes": self.notes,
        }
