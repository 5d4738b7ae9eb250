"""Evidence as values, for what needs a platform no test machine has: what a source must say, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from migrator.gate.decision import Rules, decide, required_levels
from migrator.model.evidence import EvidenceItem, GateReport, Observation, Soak, Verdict
from migrator.model.plan import Migration

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FENCE = NOW - timedelta(seconds=5)
MIGRATION = Migration("m", 42, "rename users.name")
COMPLETE = Soak(NOW - timedelta(hours=1), 900.0, 3600.0)


@dataclass(frozen=True)
class Listed:
    name: str
    kind: str = "long"


WEB = Listed("web")


def item(instance: str, level: int | None, health: str, why: str) -> EvidenceItem:
    return EvidenceItem(instance, level, "", health, 1.0, why, "stop it")


def says(source: str, verdict: Verdict, *items: EvidenceItem, service: str | None = "web", **more: Any) -> Observation:
    facts = {"closed_world": True, "observed_at": NOW, "control": "it answers", "items": items, **more}
    return Observation(source=source, service=service, verdict=verdict, **facts)


def passes(source: str, **more: Any) -> Observation:
    return says(source, Verdict.PASS, **more)


DATABASE_IS_CLEAN = (passes("heartbeat"), passes("sessions"))
"""The two sources that ask the database have proven everything: only the third one can still stop the gate."""


def judged(
    *observations: Observation,
    services: tuple[Listed, ...] = (WEB,),
    min_independent: int = 2,
    soak: Soak = COMPLETE,
) -> GateReport:
    """What the gate makes of it under the fence."""
    requires = required_levels(MIGRATION, services)
    return decide(
        MIGRATION, observations, services, requires, soak, NOW, Rules(min_independent, max_age_s=20.0, not_before=FENCE)
    )


def verdict(*observations: Observation, **more: Any) -> Verdict:
    return judged(*observations, **more).verdict
