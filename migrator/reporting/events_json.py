"""What happened, as one JSON document at the end."""

from __future__ import annotations

from typing import Any

from migrator.model.events import Event, Note, PhaseDone, StepDone, StepRetried


class Recorder:
    """A listener that keeps what a script would want to know."""

    def __init__(self) -> None:
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

    def document(self, command: str) -> dict[str, Any]:
        """Everything kept."""
        return {
            "command": command,
            "phases": self.phases,
            "steps": self.steps,
            "retries": self.retries,
            "notes": self.notes,
        }
