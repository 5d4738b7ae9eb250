"""What ``migrator.beat`` and ``migrator.bye`` answer and record, whoever calls them."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import IsolationLevel

from migrator.config import ServiceSettings
from migrator.errors import UsageError
from migrator.gate import fence as fences
from migrator.gate.look import Subject
from migrator.ledger import services, state
from migrator.model.evidence import Direction
from migrator.model.plan import Migration
from tests.gate.world import WEB, World, role, wait_for

LEVELS = [IsolationLevel.READ_COMMITTED, IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE]


def raise_fence(
    world: World, migration: Migration, direction: Direction = Direction.CONTRACT, lease_s: float = 300
) -> fences.Fence:
    with world.session.transaction(statement_timeout_ms=5_000):
        subject = Subject(world.settings, migration, direction)
        return fences.raise_fence(world.session, subject, lease_s=lease_s, actor="tester")


def test_a_listed_service_inside_its_window_may_start(world: World) -> None:
    world.configure(WEB)
    world.expanded(42)
    row = world.beat(level=42)
    assert (row.ok, row.min_level, row.ttl_s, row.why) == (True, 0, 3, "")
    assert world.beat(level=41, instance="web-2").ok


def test_code_newer_than_the_schema_is_refused_and_not_recorded(world: World) -> None:
    world.configure(WEB)
    world.expanded(42)
    row = world.beat(level=43)
    assert not row.ok
    assert "too new" in row.why
    assert world.instance() is None


def test_code_below_an_applied_contract_is_refused_and_not_recorded(world: World) -> None:
    world.configure(WEB)
    world.expanded(42)
    with world.session.transaction():
        services.lock(world.session, "default")
        services.raise_floor(world.session, "default", {"web": 42})
    row = world.beat(level=41)
    assert not row.ok
    assert "too old" in row.why
    assert row.min_level == 42
    assert world.instance() is None


def test_a_standing_fence_refuses_old_code_and_lets_new_code_start(world: World) -> None:
    world.configure(WEB)
    migration = world.expanded(42)
    raise_fence(world, migration)
    assert not world.beat(level=41).ok
    assert world.beat(level=42).ok


def test_a_rollback_fence_refuses_new_code_and_lets_old_code_start(world: World) -> None:
    world.configure(WEB)
    migration = world.expanded(42)
    raise_fence(world, migration, Direction.ROLLBACK)
    assert "too new" in world.beat(level=42).why
    assert world.beat(level=41).ok


def test_a_fence_counts_as_lowered_past_its_deadline(world: World) -> None:
    world.configure(WEB)
    migration = world.expanded(42)
    fence = raise_fence(world, migration, lease_s=0.2)
    wait_for(lambda: services.server(world.session).at > fence.deadline)
    assert world.beat(level=41).ok


def test_a_fence_without_a_deadline_stands(world: World) -> None:
    world.configure(WEB)
    migration = world.expanded(42)
    raise_fence(world, migration)
    state.set_gate(world.session, "default", migration.id, state.GateState.FENCED, fence_deadline=None)
    assert not world.beat(level=41).ok


def test_an_exempt_service_is_not_fenced(world: World) -> None:
    world.configure(WEB, ServiceSettings(name="etl"))
    migration = world.expanded(42, requires={"etl": 0})
    raise_fence(world, migration)
    assert world.beat("etl", "etl-1", level=7).ok


def test_an_unlisted_service_is_refused_and_recorded(world: World) -> None:
    world.configure(WEB)
    row = world.beat("cron", "cron-1", level=1)
    assert not row.ok
    assert "not listed" in row.why
    assert world.instance("cron-1").ended_at is None


def test_a_refusal_of_a_later_beat_leaves_the_instance_running(world: World) -> None:
    world.configure(WEB)
    migration = world.expanded(42)
    assert world.beat(level=41).ok
    before = world.instance()
    raise_fence(world, migration)
    assert not world.beat(level=41).ok
    after = world.instance()
    assert after.state == "live"
    assert after.last_beat > before.last_beat


def test_the_lifetime_of_a_beat_is_the_ttl_of_its_service(world: World) -> None:
    world.configure(WEB)
    world.beat(level=0)
    row = world.instance()
    assert row.expires_at - row.last_beat == timedelta(seconds=3)


def test_bye_ends_an_instance_and_its_boot_cannot_start_again(world: World) -> None:
    world.configure(WEB)
    assert world.beat(level=0).ok
    assert world.bye()
    assert world.instance().state == "stopped"
    assert not world.bye()
    assert "new boot" in world.beat(level=0).why
    assert world.beat(level=0, boot="another").ok


def test_a_process_that_beats_after_its_end_counts_as_running_until_it_ends_again(world: World) -> None:
    world.configure(WEB)
    world.beat(level=0)
    world.age()
    assert services.retire(world.session, "web", "web-1", "gone") == 1
    assert services.running(world.session, "default") == ()
    row = world.beat(level=0)
    assert not row.ok
    assert "retired (gone)" in row.why
    assert [instance.state for instance in services.running(world.session, "default")] == ["retired"]
    assert world.bye()
    assert services.running(world.session, "default") == ()
    assert world.instance().state == "retired"


def test_only_stale_instances_are_retired(world: World) -> None:
    world.configure(WEB)
    world.beat(level=0)
    assert services.retire(world.session, "web", "web-1", "gone") == 0


@pytest.mark.parametrize("change", [{"level": 1}, {"version": "2"}])
def test_one_boot_has_one_level_and_version(world: World, change: dict[str, Any]) -> None:
    world.configure(WEB)
    world.expanded(42)
    assert world.beat(level=0).ok
    row = world.beat(**{"level": 0, **change})
    assert not row.ok
    assert "started as level 0 version 1" in row.why


@pytest.mark.parametrize(
    "arguments",
    [
        (None, "i", "b", 1, "v"),
        ("", "i", "b", 1, "v"),
        ("s", "i", "b", -1, "v"),
        ("s", "i", "b", None, "v"),
        ("s", "x" * 201, "b", 1, "v"),
    ],
)
def test_incomplete_beats_are_refused(world: World, arguments: tuple[Any, ...]) -> None:
    with world.connect() as connection:
        row = connection.execute("SELECT * FROM migrator.beat(%s, %s, %s, %s, %s)", arguments).fetchone()
    assert row is not None
    assert not row.ok
    assert world.session.query("SELECT FROM migrator.instance") == []


def test_an_ordinary_role_may_beat_and_touch_nothing_else(world: World) -> None:
    world.configure(WEB)
    with role(world.session) as name, world.connect(user=name) as connection:
        assert world.beat(level=0, on=connection).ok
        for statement in (
            "SELECT * FROM migrator.instance",
            "UPDATE migrator.instance SET level = 99",
            "DELETE FROM migrator.instance",
            "SELECT 1 FROM migrator.service FOR SHARE",
            "UPDATE migrator.service SET min_level = 0",
            "INSERT INTO migrator.decision SELECT",
            "SELECT migrator.append_decision('p', NULL, 'k', NULL, '[]', '{}', 'me')",
            "CREATE TABLE migrator.mine ()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        assert world.bye(on=connection)


def test_nobody_acts_for_the_row_of_another_role(world: World) -> None:
    world.configure(WEB)
    with role(world.session) as mine, role(world.session) as other:
        with world.connect(user=mine) as connection:
            assert world.beat(level=0, on=connection).ok
        with world.connect(user=other) as connection:
            assert f"belongs to role {mine}" in world.beat(level=0, on=connection).why
            assert not world.bye(on=connection)
        assert world.instance().state == "live"
        # SET ROLE does not change whose session it is.
        world.session.execute(f'GRANT "{mine}" TO "{other}"')
        with world.connect(user=other) as connection:
            connection.execute(f'SET ROLE "{mine}"')
            assert not world.bye(on=connection)


def test_a_hostile_search_path_changes_nothing(world: World) -> None:
    world.configure(WEB)
    with role(world.session) as name:
        world.session.execute(f'GRANT CREATE ON SCHEMA public TO "{name}"')
        with world.connect(user=name) as connection:
            connection.execute("CREATE FUNCTION public.hashtext(text) RETURNS int LANGUAGE sql AS 'SELECT 1/0'")
            connection.execute("SET search_path = public, pg_catalog")
            assert world.beat(level=0, on=connection).ok


@pytest.mark.parametrize("isolation", LEVELS)
def test_a_beat_works_at_every_isolation_level(world: World, isolation: IsolationLevel) -> None:
    world.configure(WEB)
    with world.connect() as connection:
        connection.set_isolation_level(isolation)
        assert world.beat(level=0, on=connection).ok


@pytest.mark.parametrize("isolation", LEVELS[1:])
def test_a_snapshot_from_before_the_fence_gets_an_error_instead_of_an_answer(
    world: World, isolation: IsolationLevel
) -> None:
    world.configure(WEB)
    migration = world.expanded(42)
    with world.connect() as connection:
        connection.autocommit = False
        connection.set_isolation_level(isolation)
        connection.execute("SELECT 1")
        raise_fence(world, migration)
        with pytest.raises(psycopg.errors.SerializationFailure):
            world.beat(level=41, on=connection)


@pytest.mark.parametrize("isolation", LEVELS[1:])
def test_a_snapshot_from_before_a_renewal_gets_an_error_instead_of_an_answer(
    world: World, isolation: IsolationLevel
) -> None:
    world.configure(WEB)
    migration = world.expanded(42)
    fence = raise_fence(world, migration, lease_s=0.5)
    with world.connect() as connection:
        connection.autocommit = False
        connection.set_isolation_level(isolation)
        connection.execute("SELECT 1")
        subject = Subject(world.settings, migration, Direction.CONTRACT)
        with world.session.transaction():
            fences.renew(world.session, subject, fence, lease_s=300)
        wait_for(lambda: services.server(world.session).at > fence.deadline)
        with pytest.raises(psycopg.errors.SerializationFailure):
            world.beat(level=41, on=connection)


def test_a_snapshot_from_before_the_fence_sees_it_at_read_committed(world: World) -> None:
    world.configure(WEB)
    migration = world.expanded(42)
    with world.connect() as connection:
        connection.autocommit = False
        connection.execute("SELECT 1")
        raise_fence(world, migration)
        assert not world.beat(level=41, on=connection).ok


def test_the_fence_waits_for_a_beat_in_flight_and_then_counts_it(world: World) -> None:
    world.configure(WEB)
    migration = world.expanded(42)
    with world.connect() as connection:
        connection.autocommit = False
        assert world.beat(level=41, on=connection).ok
        thread = threading.Thread(target=raise_fence, args=(world, migration))
        thread.start()
        with world.connect() as watcher:
            waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = %s"
            wait_for(lambda: watcher.execute(waiting, (world.session.pid,)).fetchone() is not None)
        connection.commit()
        thread.join()
    assert [row.level for row in services.running(world.session, "default")] == [41]


def test_a_beat_that_comes_during_the_fence_waits_for_it_and_is_refused(world: World) -> None:
    world.configure(WEB)
    migration = world.expanded(42)
    answers: list[Any] = []
    with world.connect() as connection:
        pid = connection.info.backend_pid
        thread = threading.Thread(target=lambda: answers.append(world.beat(level=41, on=connection)))
        subject = Subject(world.settings, migration, Direction.CONTRACT)
        with world.session.transaction():
            fences.raise_fence(world.session, subject, lease_s=300, actor="tester")
            thread.start()
            waiting = "SELECT FROM pg_locks WHERE NOT granted AND pid = %(pid)s"
            wait_for(lambda: world.session.maybe(waiting, {"pid": pid}) is not None)
        thread.join()
    assert not answers[0].ok
    assert world.instance() is None


def test_many_beats_do_not_starve_the_fence(world: World) -> None:
    world.configure(WEB)
    migration = world.expanded(42)
    stop = threading.Event()

    def keep_beating(number: int) -> None:
        with world.connect() as connection:
            while not stop.is_set():
                with connection.transaction():
                    world.beat(instance=f"web-{number}", level=42, on=connection)
                    connection.execute("SELECT pg_sleep(0.02)")

    threads = [threading.Thread(target=keep_beating, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: len(services.running(world.session, "default")) == 8)
        before = services.server(world.session).at
        for _ in range(10):
            raise_fence(world, migration)
        took = services.server(world.session).at - before
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert took < timedelta(seconds=5), f"ten fences took {took}"


def test_a_service_added_late_starts_with_the_window_of_the_project(world: World) -> None:
    gate = world.configure(WEB)
    old, new = world.expanded(40), world.expanded(42)
    world.table()
    world.beat(level=42)
    world.contract(gate, old)
    world.configure(WEB, ServiceSettings(name="worker"))
    window = services.window(world.session, "worker")
    assert (window.min_level, window.max_level) == (40, new.level)


def test_two_projects_cannot_list_one_service(world: World) -> None:
    world.configure(WEB)
    with pytest.raises(UsageError, match='listed by project "default"'):
        services.sync(world.session, "other", [WEB])


def test_a_service_cannot_take_the_name_of_the_tool(world: World) -> None:
    with pytest.raises(UsageError, match='cannot be called "migrator"'):
        services.sync(world.session, "default", [ServiceSettings(name="migrator")])


def test_a_changed_configuration_updates_the_service_and_never_removes_one(world: World) -> None:
    world.configure(WEB, ServiceSettings(name="etl"))
    world.configure(ServiceSettings(name="web", ttl="60s", db_roles=("web_l*",)))
    listed = {service.name: service for service in services.listed(world.session, "default")}
    assert set(listed) == {"web", "etl"}
    assert (listed["web"].ttl_s, listed["web"].db_roles) == (60, ("web_l*",))
