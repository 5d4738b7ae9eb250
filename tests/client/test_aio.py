"""The heartbeat of an asyncio program."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from migrator.client import AsyncHeartbeat, Fenced, LeaseLost
from migrator.config import ServiceSettings
from migrator.embedded import Server
from migrator.ledger import services
from tests.client.application import NAME, facts, process, raise_floor, running, sessions, terminate
from tests.gate.world import World, open_world, wait_for

HEARTBEAT = """
import asyncio, signal
from migrator.client import AsyncHeartbeat, exit_on_sigterm
def heartbeat():
    connect = lambda: psycopg.AsyncConnection.connect(url)
    return AsyncHeartbeat(connect, service="web", level=42, version="1.0", instance="web-1")
"""


def connector(driver: str, url: str) -> Callable[[], Awaitable[Any]]:
    if driver == "psycopg":
        return lambda: psycopg.AsyncConnection.connect(url)
    asyncpg = pytest.importorskip("asyncpg", reason="asyncpg is not installed")

    async def connect() -> Any:
        return await asyncpg.connect(url)

    return connect


@pytest.fixture(params=["psycopg", "asyncpg"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(driver: str, world: World) -> Callable[[], Awaitable[Any]]:
    return connector(driver, world.url)


async def until(fact: Callable[[], Any], *, timeout_s: float = 15) -> None:
    async with asyncio.timeout(timeout_s):
        while not fact():
            await asyncio.sleep(0.02)


async def next_beat(world: World) -> None:
    first = world.instance().last_beat
    await until(lambda: world.instance().last_beat > first)


def test_it_beats_before_anything_else_goes_on_and_says_bye(world: World, connect: Any) -> None:
    async def main() -> None:
        beating = AsyncHeartbeat(connect, **facts())
        with pytest.raises(LeaseLost, match="start the heartbeat"):
            beating.check()
        async with beating:
            beating.check()
            assert sessions(world) == 1
            await next_beat(world)
            await until(lambda: beating.lease_valid)
            with pytest.raises(RuntimeError, match="already"):
                await beating.start()
        with pytest.raises(LeaseLost, match="stopped"):
            beating.check()
        assert world.instance().state == "stopped"
        async with beating:
            assert [row[1] for row in running(world)] == ["live"]
        assert running(world) == []

    asyncio.run(main())


def test_refused_code_does_not_start(world: World, connect: Any) -> None:
    raise_floor(world, 43)
    with pytest.raises(Fenced, match="too old"):
        asyncio.run(AsyncHeartbeat(connect, **facts()).start())
    with pytest.raises(Fenced, match="not listed"):
        asyncio.run(AsyncHeartbeat(connect, **facts(service="cron")).start())
    assert running(world) == []
    wait_for(lambda: not sessions(world))


def test_a_running_process_learns_that_it_is_refused(world: World, connect: Any) -> None:
    async def main() -> None:
        lost: list[str] = []
        fenced: list[str] = []
        async with AsyncHeartbeat(connect, **facts(on_lost=lost.append, on_fenced=fenced.append)) as beating:
            raise_floor(world, 43)
            await until(lambda: fenced)
            assert not beating.lease_valid
            await next_beat(world)
            assert world.instance().state == "live"
        assert lost == fenced
        assert len(lost) == 1

    asyncio.run(main())


def test_a_broken_connection_is_replaced(world: World, connect: Any) -> None:
    async def main() -> None:
        async with AsyncHeartbeat(connect, **facts()) as beating:
            terminate(world)
            await next_beat(world)
            await until(lambda: beating.lease_valid)

    asyncio.run(main())


def test_the_end_of_the_lease_is_told_when_beats_stop_arriving(world: World, connect: Any) -> None:
    down = False

    async def connect_or_not() -> Any:
        if down:
            raise OSError("the network is gone")
        return await connect()

    async def main() -> None:
        nonlocal down
        lost: list[str] = []
        async with AsyncHeartbeat(connect_or_not, **facts(on_lost=lost.append)) as beating:
            down = True
            terminate(world)
            await until(lambda: lost)
            assert "ran out" in lost[0]
            down = False
            await until(lambda: beating.lease_valid)

    asyncio.run(main())


def test_a_beat_that_waits_too_long_is_cancelled_and_leaves_nothing_running(world: World, connect: Any) -> None:
    with world.session.transaction():
        services.lock(world.session, "default")
        with pytest.raises(Exception, match="statement timeout"):
            asyncio.run(AsyncHeartbeat(connect, **facts()).start())
    assert running(world) == []


def test_a_cancelled_task_says_bye(world: World, connect: Any) -> None:
    async def main() -> None:
        started = asyncio.Event()

        async def serve() -> None:
            async with AsyncHeartbeat(connect, **facts()):
                started.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(serve())
        await started.wait()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()  # while it says bye
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert world.instance().state == "stopped"


def test_a_start_that_is_cancelled_leaves_nothing_running(world: World, connect: Any) -> None:
    async def main() -> None:
        beating = AsyncHeartbeat(connect, **facts())
        with world.session.transaction():
            services.lock(world.session, "default")
            task = asyncio.create_task(beating.start())
            waiting = (
                "SELECT FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database"
                " WHERE d.datname = current_database() AND NOT l.granted"
            )
            await until(lambda: world.session.query(waiting))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert not beating.lease_valid

    asyncio.run(main())
    assert running(world) == []


def test_a_blocked_loop_finds_its_lease_gone(world: World, connect: Any) -> None:
    async def main() -> None:
        async with AsyncHeartbeat(connect, **facts()) as beating:
            wait_for(lambda: not beating.lease_valid)  # blocks the loop
            await until(lambda: beating.lease_valid)

    asyncio.run(main())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_ends_the_loop_is_a_clean_end(world: World, number: signal.Signals) -> None:
    program = f"""{HEARTBEAT}
async def main():
    async with heartbeat():
        print("up", flush=True)
        await asyncio.Event().wait()
exit_on_sigterm()
asyncio.run(main())
"""
    with process(program, world.url) as stopped:
        assert stopped.read() == "up"
        stopped.popen.send_signal(number)
        stopped.popen.wait(10)
    assert world.instance().state == "stopped"


def test_a_forked_child_has_no_lease_and_may_start_its_own(world: World) -> None:
    program = f"""{HEARTBEAT}
beating = heartbeat()
async def child(beating):
    assert not beating.lease_valid
    await beating.stop()
    async with beating:
        print(beating.lease_valid, flush=True)
        sys.stdin.readline()
async def main():
    async with beating:
        if os.fork() == 0:
            asyncio._set_running_loop(None)
            asyncio.set_event_loop(None)
            asyncio.run(child(beating))
            os._exit(0)
        await asyncio.to_thread(os.wait)
        print(beating.lease_valid, flush=True)
asyncio.run(main())
"""
    with process(program, world.url) as parent:
        assert parent.read() == "True"
        assert running(world) == [("web-1", "live", False)] * 2
        assert parent.ask() == "True"
        assert parent.end() == 0
    assert running(world) == []


def test_a_connection_whose_server_does_not_answer_is_cut_off(own_server: Server, driver: str) -> None:
    async def main(world: World) -> None:
        async with AsyncHeartbeat(connector(driver, own_server.url()), **facts()):
            pid = world.session.one(
                "SELECT pid FROM pg_stat_activity WHERE application_name = %(name)s", {"name": NAME}
            ).pid
            first = world.instance().last_beat
            os.kill(pid, signal.SIGSTOP)
            try:
                await until(lambda: world.instance().last_beat > first, timeout_s=30)
            finally:
                os.kill(pid, signal.SIGCONT)

    with open_world(own_server.url()) as world:
        world.configure(ServiceSettings(name="web", ttl="3s"))
        world.expanded(42)
        asyncio.run(main(world))
