"""Sources of every kind on the way through the whole gate."""

from __future__ import annotations

import secrets
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.config import ServiceSettings, SourceSettings
from migrator.errors import GateBlocked, GateUnknown
from migrator.model.plan import Phase
from tests.gate.world import HEARTBEAT, SESSIONS, World, role

DROP = "ALTER TABLE users DROP COLUMN legacy"


@pytest.fixture
def world(counting_world: World) -> World:
    counting_world.table()
    return counting_world


def test_a_contract_passes_all_sources_and_counts_its_own_drop_for_nothing(world: World, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    command = (sys.executable, "-c", f"open({str(asked)!r}, 'a').write('x')")
    with (
        role(world.session, name=f"web{secrets.token_hex(3)}_l41") as old,
        role(world.session, name=f"{old[:-4]}_l42") as new,
    ):
        web = ServiceSettings(name="web", db_roles=(f"{old[:-4]}_l*",))
        sources = (
            HEARTBEAT,
            SESSIONS,
            SourceSettings(kind="roles"),
            SourceSettings(kind="statements"),
            SourceSettings(kind="table_stats"),
            SourceSettings(kind="catalog"),
            SourceSettings(kind="sql", query="SELECT 'PASS' AS verdict, %(service)s AS why"),
            SourceSettings(kind="command", command=command),
        )
        gate = world.configure(web, source=sources, min_independent=3)
        migration = replace(world.expanded(42), texts={Phase.CONTRACT: DROP})
        world.session.execute(f'GRANT SELECT ON users TO "{new}", "{old}"')
        with world.connect(user=new) as connection:
            world.beat(on=connection)
            with pytest.raises(GateUnknown, match="counted from now on"):
                world.contract(gate, migration)
            with world.connect(user=old) as late:
                late.execute("SELECT legacy FROM users")
            with pytest.raises(GateBlocked) as blocked:
                world.contract(gate, migration)
            assert "SELECT legacy FROM users" in blocked.value.render()
            connection.execute("SELECT id, name FROM users")
            world.contract(gate, migration, wait_s=10)
    assert not world.has_column()
    assert asked.read_text()


def test_what_depends_on_the_column_closes_the_gate(world: World) -> None:
    world.session.execute("CREATE VIEW v AS SELECT legacy FROM users")
    gate = world.configure(ServiceSettings(name="web"), source=(HEARTBEAT, SourceSettings(kind="catalog")))
    migration = replace(world.expanded(42), texts={Phase.CONTRACT: DROP})
    world.beat()
    with pytest.raises(GateBlocked) as blocked:
        world.contract(gate, migration)
    assert "view public.v" in blocked.value.render()
    assert world.has_column()
