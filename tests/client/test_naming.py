"""The application_name of an application's sessions."""

from __future__ import annotations

import psycopg
import pytest

from migrator.client import application_name
from migrator.gate.evidence.sessions import owner_of
from migrator.ledger import services
from tests.gate.world import World


@pytest.mark.parametrize("service", ["", "a/b", "x" * 61, "caf\u00e9", "a\nb"])
def test_some_services_cannot_be_part_of_it(service: str) -> None:
    with pytest.raises(ValueError, match="application_name"):
        application_name(service, level=42, version="1")


def test_a_negative_level_is_none() -> None:
    with pytest.raises(ValueError, match="level -1"):
        application_name("web", level=-1, version="1")


def test_a_long_version_is_cut_and_the_level_is_not() -> None:
    made = application_name("web", level=42, version="v" * 100)
    assert made.startswith("web/vvv")
    assert made.endswith("v/42")
    assert len(made) == 62


@pytest.mark.parametrize("version", ["1.42.0", "v" * 100, "", "1/2", "caf\u00e9\n"])
def test_the_server_keeps_it_and_the_gate_reads_the_level_from_it(world: World, version: str) -> None:
    made = application_name("web", level=42, version=version)
    with psycopg.connect(world.url, application_name=made) as connection:
        row = connection.execute(
            "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ).fetchone()
    assert row == (made,)
    owner = owner_of("anybody", made, services.listed(world.session, "default"))
    assert (owner.service, owner.level) == ("web", 42)
