from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from migrator.config import IgnoredRole, ServiceSettings, SourceSettings
from migrator.model.evidence import Direction, Observation, Verdict
from tests.gate.evidence.asking import ask, subject_of
from tests.gate.world import World, role

ROLES = SourceSettings(kind="roles")


class Fleet:
    """Roles of levels 41 and 42 of one service, of names that no other test uses."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self.world, self.prefix = world, f"web{secrets.token_hex(4)}"
        self.old, self.new = (
            stack.enter_context(role(world.session, name=f"{self.prefix}_l{level}")) for level in (41, 42)
        )
        self.service = ServiceSettings(name="web", db_roles=(f"{self.prefix}_l*",))
        # Servers are shared with other tests, which make roles as well.
        others = world.session.query(
            "SELECT rolname AS name FROM pg_roles WHERE rolcanlogin AND rolname <> ALL(%(own)s)",
            {"own": [self.old, self.new]},
        )
        self.ignore = tuple(IgnoredRole(role=row.name, reason="another test's") for row in others)

    def looked(self, *, ignore: bool = True, direction: Direction = Direction.CONTRACT) -> Observation:
        subject = subject_of(
            self.world,
            self.service,
            source=ROLES,
            direction=direction,
            ignore=self.ignore if ignore else (),
        )
        [seen] = ask(self.world, subject)
        return seen


@pytest.fixture
def fleet(world: World) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(world, stack)


def test_roles_that_can_still_log_in_are_named_and_one_proof_is_not_two(fleet: Fleet) -> None:
    seen = fleet.looked()
    assert seen.verdict is Verdict.PASS
    assert seen.weight == 1
    assert seen.closed_world
    assert f'"{fleet.old}" can still log in' in seen.control


def test_closed_roles_without_sessions_are_two_proofs(fleet: Fleet) -> None:
    fleet.world.session.execute(f'ALTER ROLE "{fleet.old}" NOLOGIN')
    seen = fleet.looked()
    assert (seen.verdict, seen.weight, seen.closed_world) == (Verdict.PASS, 2, True)


def test_a_session_of_a_closed_role_blocks(fleet: Fleet) -> None:
    with fleet.world.connect(user=fleet.old) as connection:
        fleet.world.session.execute(f'ALTER ROLE "{fleet.old}" NOLOGIN')
        seen = fleet.looked()
        assert seen.verdict is Verdict.BLOCK
        assert [(item.instance, item.level) for item in seen.items] == [(f"pid {connection.info.backend_pid}", 41)]


def test_for_a_rollback_the_new_role_is_in_the_way(fleet: Fleet) -> None:
    with fleet.world.connect(user=fleet.new):
        assert fleet.looked(direction=Direction.ROLLBACK).verdict is Verdict.BLOCK
        assert fleet.looked().verdict is Verdict.PASS


def test_a_login_role_of_nobody_opens_the_world(fleet: Fleet) -> None:
    fleet.world.session.execute(f'ALTER ROLE "{fleet.old}" NOLOGIN')
    with role(fleet.world.session) as stranger:
        seen = fleet.looked()
        assert not seen.closed_world
        assert seen.weight == 1
        assert stranger in seen.control


def test_no_role_for_the_wanted_level_is_no_proof(fleet: Fleet) -> None:
    fleet.world.session.execute(f'ALTER ROLE "{fleet.new}" NOLOGIN')
    seen = fleet.looked()
    assert seen.verdict is Verdict.UNKNOWN
    assert "for level 42 or above can log in" in seen.control
