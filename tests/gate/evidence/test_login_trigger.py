from __future__ import annotations

import psycopg
import pytest

from migrator.config import IgnoredRole, ServiceSettings, SourceSettings
from migrator.gate.barriers import login_trigger
from migrator.ledger import services
from migrator.model.evidence import Direction, Verdict
from tests.gate.evidence.asking import WEB, ask, lower_fence, raise_fence, subject_of
from tests.gate.world import World, role

TRIGGER = SourceSettings(kind="login_trigger")


@pytest.fixture(autouse=True)
def _new_enough(world: World) -> None:
    if world.session.server_version < 17:
        pytest.skip("login triggers came with PostgreSQL 17")


def options(level: object) -> dict[str, str]:
    return {"options": f"-c migrator.level={level}"}


def test_without_a_fence_it_is_unknown_and_not_required(world: World) -> None:
    [seen] = ask(world, subject_of(world, WEB, source=TRIGGER))
    assert (seen.verdict, seen.required) == (Verdict.UNKNOWN, False)


def test_under_a_fence_a_missing_trigger_is_unknown(world: World) -> None:
    subject = subject_of(world, WEB, source=TRIGGER)
    raise_fence(world, subject)
    [seen] = ask(world, subject)
    assert (seen.verdict, seen.required) == (Verdict.UNKNOWN, True)


def test_a_session_from_before_is_unknown_and_later_ones_are_proved(world: World) -> None:
    subject = subject_of(world, WEB, source=TRIGGER, barriers=("login_trigger",))
    listed = services.listed(world.session, "default")
    with role(world.session) as name:
        with world.connect(user=name) as before:
            raise_fence(world, subject)
            login_trigger.put_up(world.session, subject, listed)
            [seen] = ask(world, subject)
            assert seen.verdict is Verdict.UNKNOWN
            assert f"pid {before.info.backend_pid}" in seen.control
        world.session.query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %(n)s", {"n": name}
        )
        with world.connect(user=name, **options(42)):
            [seen] = ask(world, subject)
            assert (seen.verdict, seen.weight, seen.closed_world) == (Verdict.PASS, 2, True)
        # A superuser is let in unchecked, whatever it says.
        with world.connect(**options(42)):
            [seen] = ask(world, subject)
            assert seen.verdict is Verdict.UNKNOWN
        login_trigger.take_down(world.session, subject, listed)


@pytest.mark.parametrize("stated", [{}, options(41), options("junk"), options("")])
def test_a_login_below_the_level_is_refused_while_the_fence_stands(world: World, stated: dict[str, str]) -> None:
    subject = subject_of(world, WEB, source=TRIGGER, barriers=("login_trigger",))
    listed = services.listed(world.session, "default")
    with role(world.session) as name:
        with world.connect(user=name, **stated):
            pass
        assert login_trigger.plan(world.session, subject, listed)
        assert login_trigger.put_up(world.session, subject, listed) == ["event trigger migrator_login was made"]
        with world.connect(user=name, **stated):
            pass
        raise_fence(world, subject)
        with pytest.raises(psycopg.OperationalError, match="needs at least level 42"):
            world.connect(user=name, **stated)
        with world.connect(user=name, **options(42)), world.connect():
            pass
        lower_fence(world, subject)
        with world.connect(user=name, **stated):
            pass
        assert login_trigger.take_down(world.session, subject, listed) == ["event trigger migrator_login was removed"]
        assert login_trigger.take_down(world.session, subject, listed) == []


def test_for_a_rollback_the_new_level_and_an_unknown_one_are_refused(world: World) -> None:
    subject = subject_of(world, WEB, source=TRIGGER, barriers=("login_trigger",), direction=Direction.ROLLBACK)
    listed = services.listed(world.session, "default")
    with role(world.session) as name:
        raise_fence(world, subject)
        login_trigger.put_up(world.session, subject, listed)
        for stated in ({}, options(42)):
            with pytest.raises(psycopg.OperationalError, match="allows level 41 or below"):
                world.connect(user=name, **stated)
        with world.connect(user=name, **options(41)):
            pass
        assert login_trigger.after_applied(world.session, subject, listed) == [
            "event trigger migrator_login was removed"
        ]


def test_ignored_roles_are_let_in(world: World) -> None:
    with role(world.session) as name:
        subject = subject_of(
            world,
            WEB,
            source=TRIGGER,
            barriers=("login_trigger",),
            ignore=(IgnoredRole(role=name[:-2] + "*", reason="monitoring"),),
        )
        raise_fence(world, subject)
        login_trigger.put_up(world.session, subject, ())
        with world.connect(user=name):
            pass
        login_trigger.take_down(world.session, subject, ())


def test_a_role_is_held_to_the_levels_of_its_own_services(world: World) -> None:
    """Patterns know stars and question marks, and nothing else in them means anything."""
    with role(world.session) as mine, role(world.session) as stranger, role(world.session, name="a_b%[.c\\d") as odd:
        listed = (
            ServiceSettings(name="web", db_roles=(mine[:-1] + "?", "a_b%[.c\\*")),
            ServiceSettings(name="jobs", db_roles=("axb*",)),
        )
        subject = subject_of(world, *listed, source=TRIGGER, barriers=("login_trigger",))
        login_trigger.put_up(world.session, subject, ())
        with world.session.transaction():
            services.raise_floor(world.session, "default", {"web": 41, "jobs": 42})
        for name in (mine, odd):
            world.connect(user=name, **options(41)).close()
            with pytest.raises(psycopg.OperationalError, match="needs at least level 41"):
                world.connect(user=name, **options(40))
        # One that nobody lists may be anybody's.
        with pytest.raises(psycopg.OperationalError, match="needs at least level 42"):
            world.connect(user=stranger, **options(41))
        login_trigger.take_down(world.session, subject, ())


def test_after_a_contract_it_stays_and_a_later_abort_leaves_it(world: World) -> None:
    subject = subject_of(world, WEB, source=TRIGGER, barriers=("login_trigger",))
    listed = services.listed(world.session, "default")
    raise_fence(world, subject)
    login_trigger.put_up(world.session, subject, listed)
    assert login_trigger.after_applied(world.session, subject, listed)
    with world.session.transaction():
        services.raise_floor(world.session, "default", {"web": 42})
    lower_fence(world, subject)
    with role(world.session) as name:
        with pytest.raises(psycopg.OperationalError, match="too old"):
            world.connect(user=name, **options(41))
        assert login_trigger.put_up(world.session, subject, listed) == ["event trigger migrator_login stands"]
        assert login_trigger.take_down(world.session, subject, listed) == []
        with pytest.raises(psycopg.OperationalError, match="too old"):
            world.connect(user=name)


def test_it_is_not_made_unasked(world: World) -> None:
    subject = subject_of(world, WEB, source=TRIGGER)
    assert login_trigger.plan(world.session, subject, ()) == []
    assert login_trigger.put_up(world.session, subject, ()) == []
