"""Pools of psycopg_pool that hand out nothing without a lease."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from migrator.client import Heartbeat, Lease, LeaseLost
from migrator.client.pool import AsyncLeasedConnectionPool, LeasedConnectionPool, async_lease_check, lease_check
from migrator.ledger import services
from tests.client.application import NAME, facts, process, raise_floor, running, sessions, wait_for_next_beat
from tests.gate.world import World, wait_for


@pytest.fixture
def heartbeat(world: World) -> Heartbeat:
    return Heartbeat(lambda: psycopg.connect(world.url), **facts())


@pytest.fixture
def pool(world: World, heartbeat: Heartbeat) -> Iterator[LeasedConnectionPool]:
    with heartbeat, LeasedConnectionPool(world.url, lease=heartbeat, min_size=1, max_size=1) as pool:
        yield pool


def fence(world: World, heartbeat: Heartbeat) -> None:
    raise_floor(world, 43)
    wait_for(lambda: heartbeat.refused)


def test_no_pool_opens_before_the_first_beat(world: World, heartbeat: Heartbeat) -> None:
    with pytest.raises(LeaseLost, match="start the heartbeat"):
        LeasedConnectionPool(world.url, lease=heartbeat, open=True)
    pool = LeasedConnectionPool(world.url, lease=heartbeat, open=False)
    with pytest.raises(LeaseLost, match="start the heartbeat"):
        pool.open()
    assert not sessions(world)
    with heartbeat, pool, pool.connection() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_its_sessions_are_ones_that_the_gate_knows(world: World, pool: LeasedConnectionPool) -> None:
    pool.wait()
    assert sessions(world, NAME) == 2  # the heartbeat's and the pool's


def test_a_lost_lease_stops_checkouts_and_queries_and_lets_a_transaction_end(
    world: World, pool: LeasedConnectionPool, heartbeat: Heartbeat
) -> None:
    with pool.connection() as connection:
        connection.execute("SELECT 1")
        fence(world, heartbeat)
        with connection.cursor() as cursor, connection.cursor("named") as on_server:
            for send in (
                lambda: connection.execute("SELECT 1"),
                lambda: cursor.execute("SELECT 1"),
                lambda: cursor.executemany("SELECT %s", [(1,)]),
                lambda: cursor.stream("SELECT 1"),
                lambda: cursor.copy("COPY (SELECT 1) TO STDOUT"),
                lambda: on_server.execute("SELECT 1"),
            ):
                with pytest.raises(LeaseLost, match="too old"):
                    send()
    with pytest.raises(LeaseLost, match="too old"), pool.connection():
        pass


class LastsForOneMore(Lease):
    """A lease that is lost after the next question, once it is told to be."""

    ends = False
    lost = False

    def check(self) -> None:
        if self.lost:
            raise LeaseLost("it ran out")
        self.lost = self.ends


def test_a_checkout_that_waited_in_vain_says_that_the_lease_was_lost_meanwhile(world: World) -> None:
    lease = LastsForOneMore(**facts())
    with LeasedConnectionPool(world.url, lease=lease, min_size=1, max_size=1) as pool, pool.connection():
        lease.ends = True
        with pytest.raises(LeaseLost, match="ran out"):
            pool.getconn(timeout=0.1)
    assert pool.closed


def test_a_pool_that_is_used_up_does_not_stop_the_beats(world: World, pool: LeasedConnectionPool) -> None:
    with pool.connection() as connection:
        with pytest.raises(PoolTimeout):
            pool.getconn(timeout=0.1)
        wait_for_next_beat(world)
        connection.execute("SELECT 1")


def test_the_applications_own_options_are_kept(world: World, heartbeat: Heartbeat) -> None:
    called: list[str] = []

    class Own(psycopg.ClientCursor[Any]):
        pass

    def configure(connection: psycopg.Connection[Any]) -> None:
        connection.cursor_factory = Own
        called.append("configure")

    options: dict[str, Any] = {
        "kwargs": {"application_name": "mine", "autocommit": True},
        "configure": configure,
        "check": lambda _: called.append("check"),
    }
    with heartbeat, LeasedConnectionPool(world.url, lease=heartbeat, **options) as pool:
        with pool.connection() as connection:
            assert isinstance(connection.cursor(), Own)
            assert connection.autocommit
        assert {"configure", "check"} <= set(called)
        assert sessions(world, "mine")
    with pytest.raises(TypeError, match="mapping"):
        LeasedConnectionPool(world.url, lease=heartbeat, kwargs=dict, open=False)


def test_a_plain_pool_with_the_check_waits_for_the_lease(world: World, heartbeat: Heartbeat) -> None:
    check = lease_check(heartbeat, also=ConnectionPool.check_connection)
    with heartbeat, ConnectionPool(world.url, min_size=1, check=check) as pool:
        with pool.connection() as connection:
            connection.execute("SELECT 1")
        fence(world, heartbeat)
        with pytest.raises(PoolTimeout):
            pool.getconn(timeout=0.3)


def test_asynchronous_pools_are_leased_too(world: World, heartbeat: Heartbeat) -> None:
    async def main() -> None:
        early = AsyncLeasedConnectionPool(world.url, lease=heartbeat, open=False)
        with pytest.raises(LeaseLost, match="start the heartbeat"):
            await early.open()
        with heartbeat:
            async with AsyncLeasedConnectionPool(world.url, lease=heartbeat, min_size=1) as pool:
                async with pool.connection() as connection:
                    cursor = await connection.execute("SELECT 1")
                    assert await cursor.fetchone() == (1,)
                    await asyncio.to_thread(fence, world, heartbeat)
                    with pytest.raises(LeaseLost, match="too old"):
                        await connection.execute("SELECT 1")
                with pytest.raises(LeaseLost, match="too old"):
                    await pool.getconn()

    asyncio.run(main())


def test_a_plain_asynchronous_pool_with_the_check_waits_for_the_lease(world: World, heartbeat: Heartbeat) -> None:
    async def main() -> None:
        check = async_lease_check(heartbeat, also=AsyncConnectionPool.check_connection)
        with heartbeat:
            async with AsyncConnectionPool(world.url, min_size=1, check=check, open=False) as pool:
                async with pool.connection() as connection:
                    await connection.execute("SELECT 1")
                await asyncio.to_thread(fence, world, heartbeat)
                with pytest.raises(PoolTimeout):
                    await pool.getconn(timeout=0.3)

    asyncio.run(main())


def test_a_process_paused_beyond_its_ttl_sends_no_query_when_it_wakes(world: World) -> None:
    """Scenario 6: across the pause its row was retired and what it uses was dropped; no 42703 happens."""
    program = """
    from migrator.client import Heartbeat
    from migrator.client.pool import LeasedConnectionPool
    heartbeat = Heartbeat(lambda: psycopg.connect(url), service="web", level=42, version="1.0", instance="web-1")
    def use(connection):
        try:
            connection.execute("SELECT legacy FROM users")
            return "ok"
        except Exception as error:
            return type(error).__name__
    heartbeat.start()
    pool = LeasedConnectionPool(url, lease=heartbeat, min_size=2, open=True)
    with pool.connection() as held:
        held.autocommit = True
        for line in sys.stdin:
            try:
                with pool.connection() as fresh:
                    said = use(fresh)
            except Exception as error:
                said = type(error).__name__
            print(use(held), said, flush=True)
    pool.close()
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
        wait_for(lambda: [row[1] for row in running(world)] == ["retired"])
        assert paused.ask() == "LeaseLost LeaseLost"
