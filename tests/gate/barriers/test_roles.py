from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from migrator.config import IgnoredRole, ServiceSettings, SourceSettings
from migrator.gate.barriers import roles
from migrator.gate.look import Subject
from migrator.ledger import services
from migrator.ledger.services import Service
from migrator.model.evidence import Direction
from migrator.postgres.connect import Database
from tests.gate.evidence.asking import subject_of
from tests.gate.world import World, role

HEARTBEAT = SourceSettings(kind="heartbeat")


class Fleet:
    def __init__(self, world: World, stack: ExitStack) -> None:
        self.world, self.prefix = world, f"web{secrets.token_hex(4)}"
        self.old, self.new = (
            stack.enter_context(role(world.session, name=f"{self.prefix}_l{level}")) for level in (41, 42)
        )
        self.unlevelled = stack.enter_context(role(world.session, name=f"{self.prefix}_lx"))

    def subject(self, **settings: object) -> Subject:
        service = ServiceSettings(name="web", db_roles=(f"{self.prefix}_l*",))
        return subject_of(self.world, service, source=HEARTBEAT, **settings)  # type: ignore[arg-type]

    @property
    def listed(self) -> tuple[Service, ...]:
        return services.listed(self.world.session, "default")

    def can_log_in(self, name: str) -> bool:
        try:
            self.world.connect(user=name).close()
        except psycopg.OperationalError as error:
            return "not permitted to log in" not in str(error)
        return True


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "_APART_S", 0.2)


@pytest.fixture
def fleet(world: World) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(world, stack)


def test_old_roles_are_closed_and_their_sessions_end(fleet: Fleet) -> None:
    subject = fleet.subject()
    session = fleet.world.session
    assert roles.plan(session, subject, fleet.listed) == [f'ALTER ROLE "{fleet.old}" NOLOGIN, and end its sessions']
    with fleet.world.connect(user=fleet.new) as new:
        old = fleet.world.connect(user=fleet.old)
        done = roles.put_up(session, subject, fleet.listed)
        assert done == [f'role "{fleet.old}" cannot log in any more', "ended 1 session of closed roles"]
        with pytest.raises(psycopg.OperationalError):
            old.execute("SELECT 1")
        old.close()
        new.execute("SELECT 1")
    assert not fleet.can_log_in(fleet.old)
    assert fleet.can_log_in(fleet.new)
    assert fleet.can_log_in(fleet.unlevelled)
    # Again: nothing more to close.
    assert roles.put_up(session, subject, fleet.listed) == []
    assert roles.take_down(session, subject, fleet.listed) == [f'role "{fleet.old}" can log in again']
    assert fleet.can_log_in(fleet.old)
    assert roles.take_down(session, subject, fleet.listed) == []


def test_only_what_was_closed_here_is_opened(fleet: Fleet) -> None:
    subject, session = fleet.subject(), fleet.world.session
    with role(session, name=f"{fleet.prefix}_l40", attributes="NOLOGIN") as older:
        roles.put_up(session, subject, fleet.listed)
        roles.take_down(session, subject, fleet.listed)
        assert not fleet.can_log_in(older)
        assert fleet.can_log_in(fleet.old)


def test_a_role_that_was_dropped_meanwhile_does_not_stop_the_others(fleet: Fleet) -> None:
    subject, session = fleet.subject(), fleet.world.session
    session.execute(f'CREATE ROLE "{fleet.prefix}_l40" LOGIN')
    roles.put_up(session, subject, fleet.listed)
    session.execute(f'DROP ROLE "{fleet.prefix}_l40"')
    assert roles.take_down(session, subject, fleet.listed) == [f'role "{fleet.old}" can log in again']


def test_after_a_contract_they_stay_closed(fleet: Fleet) -> None:
    subject, session = fleet.subject(), fleet.world.session
    roles.put_up(session, subject, fleet.listed)
    assert "stays closed" in roles.after_applied(session, subject, fleet.listed)[0]
    assert roles.take_down(session, subject, fleet.listed) == []
    assert not fleet.can_log_in(fleet.old)


def test_for_a_rollback_the_new_ones_are_closed_and_opened_after_it(fleet: Fleet) -> None:
    subject, session = fleet.subject(direction=Direction.ROLLBACK), fleet.world.session
    roles.put_up(session, subject, fleet.listed)
    assert fleet.can_log_in(fleet.old)
    assert not fleet.can_log_in(fleet.new)
    roles.after_applied(session, subject, fleet.listed)
    assert fleet.can_log_in(fleet.new)


def test_nothing_is_closed_unasked_or_of_ignored_roles(fleet: Fleet) -> None:
    session = fleet.world.session
    ignored = IgnoredRole(role=fleet.old, reason="reads pg_stat only")
    for subject in (fleet.subject(barriers=()), fleet.subject(ignore=(ignored,))):
        assert roles.plan(session, subject, fleet.listed) == []
        assert roles.put_up(session, subject, fleet.listed) == []


def test_superusers_and_the_own_role_are_never_closed(fleet: Fleet) -> None:
    session = fleet.world.session
    with role(session, name=f"{fleet.prefix}_l39", attributes="LOGIN SUPERUSER"):
        assert roles.plan(session, fleet.subject(), fleet.listed) == [
            f'ALTER ROLE "{fleet.old}" NOLOGIN, and end its sessions'
        ]


def test_without_the_right_to_alter_roles_it_is_not_available(fleet: Fleet) -> None:
    session, subject = fleet.world.session, fleet.subject()
    attributes = "LOGIN CREATEROLE" if session.server_version >= 16 else "LOGIN"
    with (
        role(session, attributes=attributes) as name,
        Database(fleet.world.url.replace("postgres@", f"{name}@")).connect() as poor,
    ):
        assert roles.plan(poor, subject, fleet.listed) == []
