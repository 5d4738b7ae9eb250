"""What wants to pass the gate."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.config import GateSettings, Settings
from migrator.ledger.state import MigrationRecord
from migrator.model.evidence import Direction
from migrator.model.plan import Migration, ServiceRequirement


@dataclass(frozen=True, slots=True)
class Subject:
    """What wants to pass the gate.

    Attributes:
        settings: those of the project.
        own_pids: server processes of connections that are ours.
        claimed: numbers of the overrides that this passage spent and may use.
    """

    settings: Settings
    migration: Migration
    direction: Direction
    own_pids: frozenset[int] = frozenset()
    claimed: frozenset[int] = frozenset()

    @property
    def project(self) -> str:
        """Ledger key."""
        return self.settings.project

    @property
    def gate(self) -> GateSettings:
        """What counts as proof."""
        return self.settings.gate

    @property
    def soaks_under_fence(self) -> bool:
        """Whether the soak counts from the fence on."""
        return self.gate.soak_under_fence and self.direction is Direction.CONTRACT


def from_record(settings: Settings, record: MigrationRecord) -> Subject:
    """The subject of a fence that stood or stands, for a migration whose files need not be here."""
    requires = {name: ServiceRequirement(level) for name, level in record.requires.items()}
    migration = Migration(record.id, record.level, record.title, requires=requires)
    return Subject(settings, migration, Direction(record.fence_direction or Direction.CONTRACT.value))
