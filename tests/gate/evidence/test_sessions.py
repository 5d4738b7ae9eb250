from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.client import application_name
from migrator.config import ServiceSettings, SourceSettings
from migrator.gate.evidence import sessions
from migrator.ledger.services import Service
from migrator.model.evidence import Direction, Observation, Verdict
from migrator.postgres.connect import Database
from migrator.postgres.session import Session
from tests.gate.world import (
    SESSIONS,
    WEB,
    IgnoredRole,
    World,
    open_world,
    own_server,
    role,
    streaming_standby,
    wait_for,
)


def observed(
    world: World,
    *services: ServiceSettings,
    direction: Direction = Direction.CONTRACT,
    ignore: tuple[IgnoredRole, ...] = (),
    requires: dict[str, int] | None = None,
    session: Session | None = None,
    source: SourceSettings = SESSIONS,
) -> dict[str | None, Observation]:
    gate = world.configure(*services, source=(source,), ignore=ignore)
    migration = world.expanded(42, requires=requires)
    report = gate.look(session or world.session, migration, direction)
    return {seen.service: seen for seen in report.observations}


def connected(world: World, name: str) -> psycopg.Connection:
    return world.connect(application_name=name)


def test_nobody_connected_passes_and_the_tool_does_not_count(world: World) -> None:
    with world.database.connect("other-command"):
        web = observed(world, WEB)["web"]
    assert web.verdict is Verdict.PASS
    assert web.control == "no session but our own was seen on 1 server"


def test_an_old_session_blocks_by_its_application_name(world: World) -> None:
    with connected(world, "web/1.0/41") as connection, connected(world, "web/2.0/42"):
        pid = connection.info.backend_pid
        web = observed(world, WEB)["web"]
    assert web.verdict is Verdict.BLOCK
    [item] = web.items
    assert (item.instance, item.level, item.version, item.health) == (f"pid {pid}", 41, "1.0", "session")
    assert "level 42 or above is needed" in item.why


def test_for_a_rollback_a_new_session_blocks(world: World) -> None:
    with connected(world, "web/1.0/41"), connected(world, "web/2.0/42"):
        [item] = observed(world, WEB, direction=Direction.ROLLBACK)["web"].items
    assert item.level == 42


def test_an_unmapped_session_blocks(world: World) -> None:
    with connected(world, "psql") as connection:
        pid = connection.info.backend_pid
        seen = observed(world, WEB)
    assert seen["web"].verdict is Verdict.PASS
    assert seen[None].verdict is Verdict.BLOCK
    [item] = seen[None].items
    assert item.health == "unmapped"
    assert f"pg_terminate_backend({pid})" in item.clears_with


def test_a_session_of_an_unlisted_service_blocks(world: World) -> None:
    with connected(world, "cron/1/42"):
        [item] = observed(world, WEB)[None].items
    assert 'service "cron" is not listed' in item.why


def test_a_session_maps_by_its_role_and_takes_its_level_from_it(world: World) -> None:
    with role(world.session, name="gate_web_l41") as old, role(world.session, name="gate_web_l42") as new:
        service = ServiceSettings(name="web", db_roles=("gate_web_l*",))
        with world.connect(user=new):
            assert observed(world, service)["web"].verdict is Verdict.PASS
            with world.connect(user=old):
                assert [item.level for item in observed(world, service)["web"].items] == [41]


def test_a_role_without_a_level_counts_as_too_old_and_as_too_new(world: World) -> None:
    with role(world.session) as name, world.connect(user=name):
        service = ServiceSettings(name="web", db_roles=(name,))
        for direction in Direction:
            [item] = observed(world, service, direction=direction)["web"].items
            assert item.level is None
            assert item.why.startswith("its level is not known")


def test_an_ignored_role_is_skipped(world: World) -> None:
    with role(world.session) as name, world.connect(user=name):
        assert None in observed(world, WEB)
        assert None not in observed(world, WEB, ignore=(IgnoredRole(role=name, reason="reads pg_stat only"),))


def test_the_name_of_the_tool_does_not_hide_a_role_that_may_not_use_the_ledger(world: World) -> None:
    with role(world.session) as name, world.connect(user=name, application_name="migrator/0.1/look"):
        assert observed(world, WEB)[None].verdict is Verdict.BLOCK


def test_an_exempt_service_may_be_connected_at_any_level(world: World) -> None:
    with connected(world, "web/1/3"):
        seen = observed(world, WEB, requires={"web": 0})
    assert seen == {}


def test_a_prepared_transaction_blocks() -> None:
    with (
        own_server(max_prepared_transactions="5") as server,
        open_world(server.url()) as world,
        role(world.session, name="web_l42") as new,
    ):
        with world.connect() as connection:
            connection.execute("BEGIN")
            connection.execute("CREATE TABLE t ()")
            connection.execute("PREPARE TRANSACTION 'it''s in doubt'")
        [item] = observed(world, WEB)[None].items
        assert item.health == "prepared"
        assert item.clears_with == "COMMIT PREPARED 'it''s in doubt' or ROLLBACK PREPARED 'it''s in doubt'"
        world.session.execute("ROLLBACK PREPARED 'it''s in doubt'")
        # One that belongs to code at the level has nothing to do with what is removed.
        with world.connect(user=new) as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT pg_advisory_xact_lock(1)")
            connection.execute("PREPARE TRANSACTION 'fine'")
        service = ServiceSettings(name="web", db_roles=("web_l*",))
        assert observed(world, service)["web"].verdict is Verdict.PASS
        world.session.execute("ROLLBACK PREPARED 'fine'")


def test_a_role_that_may_not_see_other_sessions_knows_nothing(world: World) -> None:
    world.configure(WEB)
    with role(world.session) as name, connected(world, "psql"):
        world.session.execute(f'GRANT USAGE ON SCHEMA migrator TO "{name}"')
        world.session.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA migrator TO "{name}"')
        database = Database(world.url.replace("postgres@", f"{name}@"))
        with database.connect("look") as session:
            seen = observed(world, WEB, session=session)
            assert seen[None].verdict is Verdict.UNKNOWN
            assert "GRANT pg_read_all_stats" in seen[None].control
            world.session.execute(f'GRANT pg_read_all_stats TO "{name}"')
            assert observed(world, WEB, session=session)[None].verdict is Verdict.BLOCK


def test_two_looks_in_one_transaction_see_who_came_in_between(world: World) -> None:
    """PostgreSQL shows the sessions of the first look until the end of the transaction, unless told otherwise."""
    world.configure(WEB, source=(SESSIONS,))
    with world.session.transaction():
        assert None not in observed_in_transaction(world)
        with connected(world, "psql"):
            assert None in observed_in_transaction(world)


def observed_in_transaction(world: World) -> dict[str | None, Observation]:
    from migrator.gate.look import Subject, collect
    from migrator.ledger import services
    from migrator.model.plan import Migration

    listed = services.listed(world.session, "default")
    subject = Subject(world.settings, Migration("m", 42, "t"), Direction.CONTRACT)
    return {seen.service: seen for seen in collect(world.session, subject, listed)}


def test_a_standby_that_cannot_be_reached_is_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    source = SourceSettings(kind="sessions", standby_url_envs=("STANDBY_URL",))
    assert "STANDBY_URL" in observed(world, WEB, source=source)[None].control
    monkeypatch.setenv("STANDBY_URL", "postgresql://nobody@/nowhere?host=/nonexistent")
    seen = observed(world, WEB, source=source)[None]
    assert seen.verdict is Verdict.UNKNOWN
    assert "cannot be looked at" in seen.control


@pytest.mark.slow
def test_sessions_on_a_standby_count_and_an_unknown_standby_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with own_server() as primary, streaming_standby(primary) as standby_url, open_world(primary.url()) as world:
        world.configure(WEB)
        streaming = "SELECT FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn = pg_current_wal_lsn()"
        wait_for(lambda: world.session.query(streaming))
        seen = observed(world, WEB)[None]
        assert seen.verdict is Verdict.UNKNOWN
        assert "1 standby streams from here, and 0 can be read" in seen.control
        ignore = (IgnoredRole(role="postgres", reason="takes no queries"),)
        assert observed(world, WEB, ignore=ignore)["web"].verdict is Verdict.PASS
        monkeypatch.setenv("STANDBY_URL", standby_url)
        source = SourceSettings(kind="sessions", standby_url_envs=("STANDBY_URL",))
        assert observed(world, WEB, source=source)["web"].verdict is Verdict.PASS
        with psycopg.connect(standby_url, application_name="web/1/41"):
            [item] = observed(world, WEB, source=source)["web"].items
        assert item.level == 41


def service(name: str, *db_roles: str) -> Service:
    return Service(name, "long", 45, False, "", db_roles, 0, 0, 1, datetime.now(UTC))


OWNERS = [
    ("app", "web/1.2/41", "web", 41),
    ("app", "web/with/slashes/41", "web", 41),
    ("app", "web//41", "web", 41),
    ("app", "web/1.2/", None, None),
    ("app", "web/1.2", None, None),
    ("app", "web", None, None),
    ("app", "", None, None),
    (None, "web/1.2/41", "web", 41),
    (None, "", None, None),
    ("app", "cron/1/41", None, None),
    ("worker_l7", "", "worker", 7),
    ("worker_l7", "worker/1/7", "worker", 7),
    ("worker_l7", "worker/1/8", "worker", None),
    ("worker_l7", "web/1/7", None, None),
    ("worker_lx", "", "worker", None),
    ("worker_lx", "worker/1/8", "worker", 8),
    ("shared", "", None, None),
    ("shared", "api/1/9", "api", 9),
    ("web/" + "x" * 60, "", None, None),
    ("app", "web/" + "1" * 56 + "/4", "web", 4),
    ("app", "web/" + "1" * 57 + "/4", None, None),
]


@pytest.mark.parametrize(("role_name", "name", "expected", "level"), OWNERS)
def test_whose_session_it_is(role_name: str | None, name: str, expected: str | None, level: int | None) -> None:
    listed = [service("web"), service("worker", "worker_l*"), service("api", "shared"), service("jobs", "shared")]
    owner = sessions.owner_of(role_name, name, listed)
    assert (owner.service, owner.level) == (expected, level)
    assert owner.level is not None or owner.why


@given(
    st.text(min_size=1, max_size=40).filter(lambda name: "/" not in name),
    st.text(max_size=80),
    st.integers(0, 999_999_999),
)
def test_the_application_name_the_client_makes_is_understood(name: str, version: str, level: int) -> None:
    try:
        made = application_name(name, level=level, version=version)
    except ValueError:
        return
    assert len(made.encode()) < 63
    owner = sessions.owner_of("app", made, [service(name)])
    assert (owner.service, owner.level) == (name, level)


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [("web_l42", "web_l*", True), ("web_l42", "web_l4?", True), ("Web", "web", False), ("a[b]", "a[b]", True)],
)
def test_patterns_know_stars_and_question_marks(name: str, pattern: str, fits: bool) -> None:
    assert sessions.matches(name, pattern) is fits
