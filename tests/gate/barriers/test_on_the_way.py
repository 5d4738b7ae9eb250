"""Barriers on the way through the whole gate."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import psycopg
import pytest

from migrator.config import IgnoredRole, ServiceSettings, SourceSettings
from migrator.errors import GateUnknown, StatementFailed
from migrator.gate.barriers import roles
from migrator.model.plan import Phase
from tests.gate.world import HEARTBEAT, World, role

DROP = "ALTER TABLE users DROP COLUMN legacy"
ROLES = SourceSettings(kind="roles")


class Fleet:
    def __init__(self, world: World, stack: ExitStack) -> None:
        prefix = f"web{secrets.token_hex(4)}"
        self.old, self.new = (stack.enter_context(role(world.session, name=f"{prefix}_l{n}")) for n in (41, 42))
        self.service = ServiceSettings(name="web", db_roles=(f"{prefix}_l*",))
        others = world.session.query(
            "SELECT rolname AS name FROM pg_roles WHERE rolcanlogin AND rolname <> ALL(%(own)s)",
            {"own": [self.old, self.new]},
        )
        self.ignore = tuple(IgnoredRole(role=row.name, reason="another test's") for row in others)
        self.world = world

    def can_log_in(self, name: str) -> bool:
        row = self.world.session.one("SELECT rolcanlogin AS yes FROM pg_roles WHERE rolname = %(n)s", {"n": name})
        return bool(row.yes)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "_APART_S", 0.2)


@pytest.fixture
def fleet(world: World) -> Iterator[Fleet]:
    world.table()
    with ExitStack() as stack:
        yield Fleet(world, stack)


def test_old_roles_are_closed_before_the_drop_and_stay_closed(fleet: Fleet) -> None:
    world = fleet.world
    gate = world.configure(fleet.service, source=(HEARTBEAT, ROLES), min_independent=2, ignore=fleet.ignore)
    migration = replace(world.expanded(42), texts={Phase.CONTRACT: DROP})
    seen: list[bool] = []

    def work(execute: Callable[[str], None]) -> None:
        seen.append(fleet.can_log_in(fleet.old))
        execute(DROP)

    with world.connect(user=fleet.new) as new:
        world.beat(on=new)
        world.contract(gate, migration, work=work)
    assert seen == [False]
    assert not fleet.can_log_in(fleet.old)
    assert fleet.can_log_in(fleet.new)


def test_a_contract_that_fails_opens_what_it_closed(fleet: Fleet) -> None:
    world = fleet.world
    gate = world.configure(fleet.service, source=(HEARTBEAT, ROLES), ignore=fleet.ignore)
    migration = replace(world.expanded(42), texts={Phase.CONTRACT: DROP})
    with world.connect(user=fleet.new) as new:
        world.beat(on=new)
        with pytest.raises(StatementFailed):
            world.contract(gate, migration, work=lambda execute: execute("SELECT broken"))
    assert fleet.can_log_in(fleet.old)
    assert world.has_column()


def test_closed_roles_are_two_proofs_but_open_ones_are_one(fleet: Fleet) -> None:
    world = fleet.world
    gate = world.configure(fleet.service, source=(ROLES,), min_independent=2, ignore=fleet.ignore)
    migration = replace(world.expanded(42), texts={Phase.CONTRACT: DROP})
    with pytest.raises(GateUnknown, match="1 of 2 independent proofs"):
        world.contract(gate, migration)
    world.session.execute(f'ALTER ROLE "{fleet.old}" NOLOGIN')
    world.contract(gate, migration)
    assert not world.has_column()


def test_the_login_trigger_stands_while_the_column_goes(fleet: Fleet) -> None:
    world = fleet.world
    if world.session.server_version < 17:
        pytest.skip("login triggers came with PostgreSQL 17")
    gate = world.configure(
        fleet.service,
        source=(HEARTBEAT, SourceSettings(kind="login_trigger")),
        ignore=(IgnoredRole(role="postgres", reason="the tests"),),
        barriers=("login_trigger",),
    )
    migration = replace(world.expanded(42), texts={Phase.CONTRACT: DROP})

    def work(execute: Callable[[str], None]) -> None:
        with pytest.raises(psycopg.OperationalError, match="needs at least level 42"):
            world.connect(user=fleet.old, options="-c migrator.level=41")
        execute(DROP)

    world.beat()
    world.contract(gate, migration, work=work)
    with pytest.raises(psycopg.OperationalError, match="too old"):
        world.connect(user=fleet.old)
    world.connect(user=fleet.new, options="-c migrator.level=42").close()
