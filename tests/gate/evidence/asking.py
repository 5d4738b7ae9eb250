"""Asking one source as the gate does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from migrator.config import ServiceSettings, SourceSettings
from migrator.gate.look import Subject, collect
from migrator.ledger import services, state
from migrator.ledger.state import GateState
from migrator.model.evidence import Direction, Observation
from migrator.model.plan import Migration, Phase
from tests.gate.world import World

WEB = ServiceSettings(name="web")


def subject_of(
    world: World,
    *listed: ServiceSettings,
    source: SourceSettings,
    contract: str = "",
    direction: Direction = Direction.CONTRACT,
    **gate: Any,
) -> Subject:
    """A migration at level 42 that contracts by a script, and the settings to look at it with."""
    world.configure(*listed, source=(source,), **gate)
    found = state.find(world.session, "default", "2026_42")
    migration = Migration("2026_42", 42, "rename") if found is not None else world.expanded(42)
    migration = replace(migration, texts={Phase(direction.value): contract})
    return Subject(world.settings, migration, direction)


def ask(world: World, subject: Subject, *, local: bool = False) -> tuple[Observation, ...]:
    """What the sources say now."""
    listed = services.listed(world.session, "default")
    if not local:
        return collect(world.session, subject, listed)
    with world.session.transaction():
        return collect(world.session, subject, listed, local=True)


def raise_fence(world: World, subject: Subject) -> None:
    """As the gate does."""
    with world.session.transaction():
        state.set_gate(
            world.session,
            "default",
            subject.migration.id,
            GateState.FENCED,
            fence_at=(now := services.server(world.session).at),
            fence_deadline=now + timedelta(minutes=5),
            fence_direction=subject.direction.value,
        )


def lower_fence(world: World, subject: Subject) -> None:
    """As an abort does."""
    with world.session.transaction():
        state.set_gate(
            world.session,
            "default",
            subject.migration.id,
            GateState.ABORTED,
            fence_at=None,
            fence_deadline=None,
            fence_direction=None,
        )
