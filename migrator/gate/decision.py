"""Pure: observations to a verdict.

In this order: no service listed is UNKNOWN, for then nobody says what should run; any BLOCK wins, no vote can outweigh
it; a required source that is UNKNOWN makes the whole UNKNOWN; each service needs PASSes of several kinds that would
have seen every instance; what is left is a PASS, or SOAKING until it has lasted. Everything that is not clearly a PASS
is none: evidence that is too old, from before the fence, from the future, or without a positive control.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from migrator.model.evidence import EvidenceItem, GateReport, Observation, Soak, Verdict
from migrator.model.plan import Migration

_CLOCK_TOLERANCE = timedelta(seconds=1)
_SHOWN = 3


class ListedService(Protocol):
    """What the decision needs to know of a service."""

    @property
    def name(self) -> str:
        """As it calls itself."""
        ...

    @property
    def kind(self) -> str:
        """``long``, ``batch`` or ``external``."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as proof.

    Attributes:
        min_independent: kinds of closed-world PASSes each service needs; one less for external services, which do not
            beat.
        max_age_s: oldest evidence that counts, in seconds, inclusive.
        not_before: evidence must have been read after this moment, exclusive: when the fence was raised.
    """

    min_independent: int = 2
    max_age_s: float = 20.0
    not_before: datetime | None = None

    def needed(self, service: ListedService) -> int:
        """How many kinds of PASSes a service needs, at least 1."""
        return max(1, self.min_independent - (1 if service.kind == "external" else 0))


def required_levels(migration: Migration, services: Iterable[ListedService]) -> dict[str, int]:
    """The level each listed service must have reached before the contract; 0: exempt."""
    return {
        service.name: migration.requires[service.name].level if service.name in migration.requires else migration.level
        for service in services
    }


def decide(
    migration: Migration,
    observations: Sequence[Observation],
    services: Sequence[ListedService],
    requires: Mapping[str, int],
    soak: Soak,
    now: datetime,
    rules: Rules,
    *,
    exempt: frozenset[str] = frozenset(),
) -> GateReport:
    """Combine what the sources say.

    Args:
        migration: what wants to pass.
        observations: what the sources say.
        services: those listed; each must pass.
        requires: level per service, for the report.
        soak: how long it has been clean; one that needs 0 seconds is complete.
        now: the database's clock.
        rules: what counts as proof.
        exempt: services that never used what is about to go.
    """
    verdict, reasons = _judge(migration, observations, services, soak, now, rules, exempt)
    return GateReport(migration.id, verdict, dict(requires), tuple(reasons), tuple(observations), soak)


def _judge(
    migration: Migration,
    observations: Sequence[Observation],
    services: Sequence[ListedService],
    soak: Soak,
    now: datetime,
    rules: Rules,
    exempt: frozenset[str],
) -> tuple[Verdict, list[str]]:
    if not services:
        return Verdict.UNKNOWN, ["no services are listed, so nobody can say whether old code still runs"]
    if blocking := [seen for seen in observations if seen.verdict is Verdict.BLOCK]:
        return Verdict.BLOCK, [_blocked(seen) for seen in blocking]
    names = {service.name for service in services}
    unknown = [
        f'the migration names service "{name}", which is not listed'
        for name, wanted in migration.requires.items()
        if name not in names and wanted.level > 0
    ]
    weak = {seen: _weakness(seen, now, rules) for seen in observations}
    unknown += [_unknown(seen, why) for seen, why in weak.items() if why and seen.required]
    for service in services:
        if service.name in exempt:
            continue
        weights: dict[str, int] = {}
        for seen in observations:
            if _counts_for(seen, service.name) and not weak[seen]:
                weights[seen.source] = max(seen.weight, weights.get(seen.source, 0))
        needed, proofs = rules.needed(service), sum(weights.values())
        if proofs < needed:
            have = ", ".join(sorted(weights)) or "none"
            unknown.append(f'service "{service.name}" has {proofs} of {needed} independent proofs ({have})')
    if unknown:
        return Verdict.UNKNOWN, unknown
    if soak.needs_s > 0 and not soak.complete:
        left = soak.needs_s - soak.has_s
        return Verdict.SOAKING, [f"clean for {soak.has_s:.0f} s of {soak.needs_s:.0f} s, {left:.0f} s to go"]
    return Verdict.PASS, []


def _counts_for(seen: Observation, service: str) -> bool:
    return seen.service == service and seen.verdict is Verdict.PASS and seen.closed_world


def _weakness(seen: Observation, now: datetime, rules: Rules) -> str:
    """Why an observation that does not block does not count either; empty when it does."""
    if seen.verdict is not Verdict.PASS:
        return seen.control or "it cannot say"
    if not seen.control:
        return "nothing shows that it works at all"
    age = now - seen.observed_at
    if age > timedelta(seconds=rules.max_age_s):
        return f"its evidence is {age.total_seconds():.0f} s old"
    if age < -_CLOCK_TOLERANCE:
        return "its evidence is from the future: the clock of the database went back"
    if rules.not_before is not None and seen.observed_at <= rules.not_before:
        return "its evidence is from before the fence"
    return ""


def _unknown(seen: Observation, why: str) -> str:
    about = f' about service "{seen.service}"' if seen.service is not None else ""
    return f"{seen.source}{about}: {why}"


def _blocked(seen: Observation) -> str:
    who = f'service "{seen.service}"' if seen.service is not None else "nobody's service"
    return f"{seen.source}: {who}: {shown(seen.items)}" if seen.items else f"{seen.source}: {who}: {seen.control}"


def shown(items: Sequence[EvidenceItem]) -> str:
    """The first few of them and how many more there are, on one line."""
    texts = [f"{item.instance} ({item.why})" for item in items[:_SHOWN]]
    if len(items) > _SHOWN:
        texts.append(f"and {len(items) - _SHOWN} more")
    return ", ".join(texts)
