"""A ledger with the service ``web`` at level 42, whose beats are good for three seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migrator.config import ServiceSettings
from tests.gate.world import World, open_world


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with open_world(database_url) as world:
        world.configure(ServiceSettings(name="web", ttl="3s"))
        world.expanded(42)
        yield world


@pytest.fixture(scope="session")
def template_database(ledger_database: str) -> str:
    return ledger_database
