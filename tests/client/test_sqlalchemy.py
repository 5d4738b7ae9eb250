"""Engines that send nothing without a lease."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from migrator.client import AsyncHeartbeat, Heartbeat, LeaseLost
from migrator.client.sqlalchemy import guard
from migrator.ledger import services
from tests.client.application import NAME, facts, process, raise_floor, running, sessions, wait_for_next_beat
from tests.gate.world import World, wait_for


def url(world: World, driver: str = "psycopg") -> Any:
    return make_url(world.url).set(drivername=f"postgresql+{driver}")


@pytest.fixture
def heartbeat(world: World) -> Heartbeat:
    return Heartbeat(lambda: psycopg.connect(world.url), **facts())


@pytest.fixture
def engine(world: World, heartbeat: Heartbeat) -> Iterator[Engine]:
    made = create_engine(url(world), pool_size=1, max_overflow=0)
    guard(made, heartbeat)
    yield made
    made.dispose()


def one(engine: Engine) -> int:
    with engine.connect() as connection:
        value: int = connection.execute(text("SELECT 1")).scalar_one()
        return value


def test_nothing_connects_before_the_first_beat(world: World, engine: Engine, heartbeat: Heartbeat) -> None:
    with pytest.raises(LeaseLost, match="start the heartbeat"):
        one(engine)
    assert not sessions(world)
    with heartbeat:
        assert one(engine) == 1


def test_its_sessions_are_ones_that_the_gate_knows(world: World, engine: Engine, heartbeat: Heartbeat) -> None:
    with heartbeat:
        one(engine)
        assert sessions(world, NAME) == 2  # the heartbeat's and the pool's


def test_a_name_in_the_url_stays(world: World, heartbeat: Heartbeat) -> None:
    engine = create_engine(url(world).update_query_dict({"application_name": "mine"}))
    guard(engine, heartbeat)
    with heartbeat:
        one(engine)
        assert sessions(world, "mine") == 1
    engine.dispose()


def test_a_lost_lease_stops_checkouts_and_statements_and_lets_a_transaction_end(
    world: World, engine: Engine, heartbeat: Heartbeat
) -> None:
    world.table()
    with heartbeat:
        connection = engine.connect()
        connection.execute(text("UPDATE users SET name = 'b'"))
        raise_floor(world, 43)
        wait_for(lambda: heartbeat.refused)
        with pytest.raises(LeaseLost, match="too old"):
            connection.execute(text("SELECT 1"))
        connection.rollback()
        connection.close()
        with pytest.raises(LeaseLost, match="too old"):
            one(engine)
    assert world.session.one("SELECT name FROM users").name == "a"


def test_refused_checkouts_use_up_nothing(world: World, engine: Engine, heartbeat: Heartbeat) -> None:
    with heartbeat:
        one(engine)
        lost = heartbeat._until
        for _ in range(3):
            heartbeat._until = 0.0
            with pytest.raises(LeaseLost):
                one(engine)
        heartbeat._until = lost
        wait_for(lambda: heartbeat.lease_valid)
        assert one(engine) == 1


def test_a_pool_that_is_used_up_does_not_stop_the_beats(world: World, engine: Engine, heartbeat: Heartbeat) -> None:
    with heartbeat, engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        wait_for_next_beat(world)
        connection.execute(text("SELECT 1"))


def test_a_pool_that_was_made_anew_is_guarded_as_well(engine: Engine, heartbeat: Heartbeat) -> None:
    with heartbeat:
        one(engine)
        engine.dispose()
        one(engine)
    engine.dispose()
    with pytest.raises(LeaseLost, match="was stopped"):
        one(engine)


def test_a_process_paused_beyond_its_ttl_sends_no_query_when_it_wakes(world: World) -> None:
    """Scenario 6: across the pause its row was retired and what it uses was dropped; no 42703 happens."""
    program = """
    from sqlalchemy import create_engine, text
    from migrator.client import Heartbeat
    from migrator.client.sqlalchemy import guard
    heartbeat = Heartbeat(lambda: psycopg.connect(url), service="web", level=42, version="1.0", instance="web-1")
    heartbeat.start()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    guard(engine, heartbeat)
    with engine.connect() as held:
        for line in sys.stdin:
            said = []
            for connection in (held, None):
                try:
                    with connection.begin_nested() if connection else engine.begin() as used:
                        (connection or used).execute(text("SELECT legacy FROM users"))
                    said.append("ok")
                except Exception as error:
                    said.append(type(error).__name__)
            held.rollback()
            print(*said, flush=True)
    """
    world.table()
    with process(program, world.url) as paused:
        assert paused.ask() == "ok ok"
        paused.popen.send_signal(signal.SIGSTOP)
        wait_for(lambda: running(world) == [("web-1", "live", True)])
        assert services.retire(world.session, "web", "web-1", "the node is gone, we think") == 1
        raise_floor(world, 43)
        world.session.execute("ALTER TABLE users DROP COLUMN legacy")
        paused.popen.send_signal(signal.SIGCONT)
        assert paused.ask() == "LeaseLost LeaseLost"
        # Its beat is told no, and it counts as running again.
        wait_for(lambda: [row[1] for row in running(world)] == ["retired"])
        assert paused.ask() == "LeaseLost LeaseLost"


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_asynchronous_engines_are_guarded_too(world: World, driver: str) -> None:
    pytest.importorskip(driver, reason=f"{driver} is not installed")

    async def main() -> None:
        async with AsyncHeartbeat(lambda: psycopg.AsyncConnection.connect(world.url), **facts()) as heartbeat:
            engine = create_async_engine(_async_url(world, driver))
            guard(engine, heartbeat)
            try:
                async with engine.connect() as connection:
                    assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
                    assert sessions(world, NAME) == 2
                    await asyncio.to_thread(raise_floor, world, 43)
                    while not heartbeat.refused:
                        await asyncio.sleep(0.02)
                    with pytest.raises(LeaseLost, match="too old"):
                        await connection.execute(text("SELECT 1"))
                with pytest.raises(LeaseLost, match="too old"):
                    async with engine.connect():
                        pass
            finally:
                await engine.dispose()

    asyncio.run(main())


def _async_url(world: World, driver: str) -> Any:
    found = url(world, driver)
    if driver == "asyncpg":
        # It does not know libpq's way to say that the host is a socket's folder.
        query = dict(found.query)
        host = str(query.pop("host", found.host))
        return found.set(query={**query, "host": host})
    return found
