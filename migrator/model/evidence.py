"""Observations about who is running, and what the gate makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Direction(StrEnum):
    """What the gate guards: removing the old shape (``CONTRACT``), or removing the new one (``ROLLBACK``)."""

    CONTRACT = "contract"
    ROLLBACK = "rollback"


class Verdict(StrEnum):
    """The gate's answer. ``SOAKING`` is a PASS that is not old enough yet."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    BLOCK = "BLOCK"
    UNKNOWN = "UNKNOWN"
    SOAKING = "SOAKING"


@dataclass(frozen=True, slots=True)
class Exempt:
    """That a version may run below the level of a contract, and what says so.

    Attributes:
        manifests: the beginnings of the hashes of all that are recorded for it.
        recorded_at: database clock when the last of them was recorded.
        recorded_by: the role that did it.
    """

    manifests: tuple[str, ...]
    recorded_at: datetime
    recorded_by: str

    def __str__(self) -> str:
        names = " and ".join(self.manifests)
        return f'manifest {names}, recorded {self.recorded_at:%Y-%m-%d %H:%M %Z} by role "{self.recorded_by}"'


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One process, session or other thing seen running.

    Attributes:
        instance: its name: an instance id, ``pid 4711``, a transaction id.
        level: the schema level its code needs; None: unknown, which counts as too old.
        version: as the application states it.
        health: ``live``, ``stale`` (counts as running), ``session``, ``prepared``, ``unmapped``.
        last_seen_s: seconds since it was last seen, by the database's clock.
        why: why it matters, for people.
        clears_with: what makes it go away, ideally a command.
    """

    instance: str
    level: int | None
    version: str
    health: str
    last_seen_s: float
    why: str
    clears_with: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What one source says about one service.

    Attributes:
        source: the source's kind, ``heartbeat``.
        service: the service it is about; None: about the database as a whole (an unmapped session).
        verdict: ``PASS``, ``BLOCK`` or ``UNKNOWN``.
        closed_world: whether the source would have seen every instance of the service.
        observed_at: database clock before the evidence was read.
        control: what showed that the source works at all (a positive control), or why it does not.
        items: what was seen that speaks against a PASS.
        required: whether UNKNOWN from this source makes the whole answer UNKNOWN.
        exempt: what was seen below the wanted level and does not speak against it, because of its manifest.
        weight: independent proofs a PASS counts for: 2 when the database itself keeps old code out and none is in.
    """

    source: str
    service: str | None
    verdict: Verdict
    closed_world: bool
    observed_at: datetime
    control: str
    items: tuple[EvidenceItem, ...] = ()
    required: bool = True
    weight: int = 1
    exempt: tuple[EvidenceItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Soak:
    """How long the look has been clean.

    Attributes:
        clean_since: database time since which no sample found old code; None: not clean now.
        needs_s: seconds required.
        has_s: seconds so far.
    """

    clean_since: datetime | None
    needs_s: float
    has_s: float

    @property
    def complete(self) -> bool:
        """Whether it has been clean for long enough."""
        return self.clean_since is not None and self.has_s >= self.needs_s


@dataclass(frozen=True, slots=True)
class GateReport:
    """The gate's whole answer for one migration.

    Attributes:
        migration: id of the migration.
        verdict: the combined answer.
        requires: level each service must have reached.
        reasons: one line each, most important first.
        observations: the evidence behind it.
        soak: how long it has been clean.
        overrides: numbers of the overrides without which the verdict would be another.
        notes: what people did by hand and everybody is to see: fences without a deadline, overrides.
    """

    migration: str
    verdict: Verdict
    requires: dict[str, int]
    reasons: tuple[str, ...] = ()
    observations: tuple[Observation, ...] = ()
    soak: Soak = field(default_factory=lambda: Soak(None, 0.0, 0.0))
    overrides: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
