"""The heartbeat of an application, on a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from migrator.client import Fenced, Heartbeat, LeaseLost
from migrator.config import ServiceSettings
from migrator.embedded import Server
from migrator.ledger import services
from tests.client.application import (
    NAME,
    facts,
    process,
    raise_floor,
    running,
    sessions,
    terminate,
    wait_for_next_beat,
)
from tests.gate.world import World, open_world, role, wait_for

HEARTBEAT = """
from migrator.client import Heartbeat
heartbeat = Heartbeat(lambda: psycopg.connect(url), service="web", level=42, version="1.0", instance="web-1")
"""


def heartbeat(world: World, **more: Any) -> Heartbeat:
    return Heartbeat(lambda: psycopg.connect(world.url), **facts(**more))


def test_it_beats_before_anything_else_and_says_bye_at_the_end(world: World) -> None:
    beating = heartbeat(world)
    with pytest.raises(LeaseLost, match="start the heartbeat before anything uses the database"):
        beating.check()
    with beating:
        beating.check()
        assert beating.lease_valid
        assert world.instance().state == "live"
    with pytest.raises(LeaseLost, match="was stopped"):
        beating.check()
    assert world.instance().state == "stopped"
    wait_for(lambda: not sessions(world))


def test_its_own_session_is_one_that_the_gate_knows(world: World) -> None:
    with heartbeat(world):
        assert sessions(world, NAME) == 1


def test_it_goes_on_beating(world: World) -> None:
    with heartbeat(world) as beating:
        wait_for_next_beat(world)
        wait_for(lambda: beating.lease_valid)


def test_refused_code_does_not_start_and_leaves_no_row(world: World) -> None:
    raise_floor(world, 43)
    beating = heartbeat(world, on_lost=pytest.fail, on_fenced=pytest.fail)
    with pytest.raises(Fenced, match="web at level 42 must not start: code at level 42 is too old"):
        beating.start()
    with pytest.raises(LeaseLost, match="too old"):
        beating.check()
    assert world.instance() is None
    wait_for(lambda: not sessions(world))


def test_code_that_is_too_new_does_not_start(world: World) -> None:
    with pytest.raises(Fenced, match="too new: the database is expanded up to level 42"):
        heartbeat(world, level=43).start()


def test_a_refused_start_of_an_unlisted_service_leaves_nothing_running(world: World) -> None:
    with pytest.raises(Fenced, match="not listed"):
        heartbeat(world, service="cron").start()
    assert running(world) == []


def test_an_unreachable_database_is_an_error_and_not_a_start(world: World) -> None:
    beating = Heartbeat(lambda: psycopg.connect("host=/nonexistent"), **facts())
    with pytest.raises(psycopg.OperationalError):
        beating.start()
    assert not beating.lease_valid


def test_a_database_without_a_ledger_says_what_to_do(empty_database_url: str) -> None:
    with pytest.raises(psycopg.errors.InvalidSchemaName) as caught:
        Heartbeat(lambda: psycopg.connect(empty_database_url), **facts()).start()
    assert "migrator expand" in caught.value.__notes__[0]


def test_an_answer_lost_on_the_way_leaves_nothing_running(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from migrator.client import drivers

    ask = drivers.ask

    def lose_the_answer(connection: Any, statement: str, *more: Any, **named: Any) -> Any:
        row = ask(connection, statement, *more, **named)
        if statement == drivers.BEAT:
            assert len(running(world)) == 1
            raise psycopg.OperationalError("the network is gone")
        return row

    monkeypatch.setattr(drivers, "ask", lose_the_answer)
    with pytest.raises(psycopg.OperationalError, match="network"):
        heartbeat(world).start()
    assert running(world) == []


def test_a_running_process_learns_that_it_is_refused_and_counts_until_it_ends(world: World) -> None:
    lost: list[str] = []
    fenced: list[str] = []
    with heartbeat(world, on_lost=lost.append, on_fenced=fenced.append) as beating:
        raise_floor(world, 43)
        wait_for(lambda: fenced)
        assert lost == fenced
        assert "too old" in fenced[0]
        with pytest.raises(LeaseLost, match="too old"):
            beating.check()
        wait_for_next_beat(world)
        assert world.instance().state == "live"
        assert len(fenced) == len(lost) == 1
    assert world.instance().state == "stopped"


def test_a_retired_boot_is_told_no_and_a_new_boot_may_start(world: World) -> None:
    lost: list[str] = []
    with heartbeat(world, on_lost=lost.append):
        world.age()
        services.retire(world.session, "web", "web-1", "the node is gone")
        wait_for(lambda: lost)
        assert "was retired (the node is gone)" in lost[0]
        with heartbeat(world) as again:
            assert again.lease_valid


def test_a_callback_that_fails_does_not_end_the_beats(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def fail(reason: str) -> None:
        raise RuntimeError(reason)

    with heartbeat(world, on_lost=fail):
        raise_floor(world, 43)
        wait_for(lambda: "a callback of the heartbeat failed" in caplog.text)
        wait_for_next_beat(world)


def test_a_broken_connection_is_replaced(world: World) -> None:
    with heartbeat(world) as beating:
        terminate(world)
        wait_for_next_beat(world)
        wait_for(lambda: beating.lease_valid)


def test_it_survives_a_restart_of_the_server(own_server: Server) -> None:
    with open_world(own_server.url()) as world:
        world.configure(ServiceSettings(name="web", ttl="3s"))
        world.expanded(42)
    lost: list[str] = []
    with Heartbeat(lambda: psycopg.connect(own_server.url()), **facts(on_lost=lost.append)) as beating:
        own_server.stop("immediate")
        wait_for(lambda: lost)
        assert not beating.lease_valid
        own_server.start()
        wait_for(lambda: beating.lease_valid)
    with open_world(own_server.url()) as world:
        assert world.instance().state == "stopped"


def test_the_lease_runs_out_before_the_row_is_stale_when_beats_stop_arriving(world: World) -> None:
    world.configure(ServiceSettings(name="web", ttl="6s"))  # two seconds to look in
    down = False
    lost: list[str] = []

    def connect() -> Any:
        if down:
            raise psycopg.OperationalError("the network is gone")
        return psycopg.connect(world.url)

    with Heartbeat(connect, **facts(on_lost=lost.append)) as beating:
        down = True
        terminate(world)
        wait_for(lambda: lost)
        assert running(world) == [("web-1", "live", False)]
        assert "ran out" in lost[0]
        assert "the network is gone" in lost[0]
        with pytest.raises(LeaseLost, match="the network is gone"):
            beating.check()
        down = False
        wait_for(lambda: beating.lease_valid)
        assert len(lost) == 1


def test_the_end_of_the_lease_is_told_while_a_beat_hangs(world: World) -> None:
    lost: list[str] = []
    hang, hanging = threading.Event(), threading.Event()

    def connect() -> Any:
        if hang.is_set():
            hanging.set()
            wait_for(lambda: not hang.is_set(), timeout_s=60)
        return psycopg.connect(world.url)

    with Heartbeat(connect, **facts(on_lost=lost.append)) as beating:
        hang.set()
        terminate(world)
        wait_for(lambda: lost)
        assert hanging.is_set()
        hang.clear()
        wait_for(lambda: beating.lease_valid)


def test_a_connection_whose_server_does_not_answer_is_cut_off(own_server: Server) -> None:
    with open_world(own_server.url()) as world:
        world.configure(ServiceSettings(name="web", ttl="3s"))
        world.expanded(42)
        with Heartbeat(lambda: psycopg.connect(own_server.url()), **facts()):
            pid = world.session.one(
                "SELECT pid FROM pg_stat_activity WHERE application_name = %(name)s", {"name": NAME}
            ).pid
            first = world.instance().last_beat
            os.kill(pid, signal.SIGSTOP)
            try:
                wait_for(lambda: world.instance().last_beat > first, timeout_s=30)
            finally:
                os.kill(pid, signal.SIGCONT)


def test_a_paused_process_finds_its_lease_gone_when_it_wakes(world: World) -> None:
    program = f"""
{HEARTBEAT}
heartbeat.start()
for line in sys.stdin:
    print(heartbeat.lease_valid, flush=True)
"""
    # The first answer after the pause is given before a beat can be: the server holds beats up meanwhile.
    with process(program, world.url) as paused:
        assert paused.ask() == "True"
        paused.popen.send_signal(signal.SIGSTOP)
        wait_for(lambda: running(world) == [("web-1", "live", True)])
        with world.session.transaction():
            services.lock(world.session, "default")
            paused.popen.send_signal(signal.SIGCONT)
            assert paused.ask() == "False"
        wait_for(lambda: paused.ask() == "True")


def test_a_killed_process_leaves_a_row_that_goes_stale_and_counts_as_running(world: World) -> None:
    with process(f"{HEARTBEAT}\nheartbeat.start()\nprint('up', flush=True)\nsys.stdin.read()", world.url) as killed:
        assert killed.read() == "up"
        killed.popen.kill()
        killed.popen.wait(10)
        wait_for(lambda: running(world) == [("web-1", "live", True)])


def test_a_program_that_ends_says_bye_by_itself(world: World) -> None:
    with process(f"{HEARTBEAT}\nheartbeat.start()\nprint('up', flush=True)\nsys.stdin.read()", world.url) as ending:
        assert ending.read() == "up"
        assert world.instance().state == "live"
        assert ending.end() == 0
    assert world.instance().state == "stopped"


def test_threads_that_still_work_at_the_end_of_a_program_keep_the_lease_until_they_end(world: World) -> None:
    program = f"""
{HEARTBEAT}
import threading
heartbeat.start()
def work():
    sys.stdin.readline()
    print(heartbeat.lease_valid, flush=True)
threading.Thread(target=work).start()
threading._register_atexit(print, "ending", flush=True)
"""
    with process(program, world.url) as ending:
        assert ending.read() == "ending"
        assert ending.ask() == "True"
        assert ending.end() == 0
    assert world.instance().state == "stopped"


def test_sigterm_is_a_clean_end(world: World) -> None:
    program = f"""
{HEARTBEAT}
from migrator.client import exit_on_sigterm
assert exit_on_sigterm()
assert not exit_on_sigterm()
with heartbeat:
    print("up", flush=True)
    sys.stdin.read()
"""
    with process(program, world.url) as stopped:
        assert stopped.read() == "up"
        stopped.popen.terminate()
        assert stopped.popen.wait(10) == 143
    assert world.instance().state == "stopped"


def test_a_forked_child_has_no_lease_and_does_not_end_its_parents_heartbeat(world: World) -> None:
    program = f"""
{HEARTBEAT}
with heartbeat:
    child = os.fork()
    if child == 0:
        assert not heartbeat.lease_valid
        try:
            heartbeat.check()
        except Exception as error:
            assert "forked" in str(error), error
        heartbeat.stop()
        gc.collect()
        sys.exit(7)         # runs what was registered with atexit
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    heartbeat.check()
    heartbeat._beat()       # its connection is whole
    print("parent beats", flush=True)
    sys.stdin.readline()
"""
    with process(program, world.url) as parent:
        assert parent.read() == "parent beats"
        assert world.instance().state == "live"
        assert parent.end() == 0
    assert world.instance().state == "stopped"


def test_a_forked_child_that_asks_for_it_beats_under_a_boot_of_its_own(world: World) -> None:
    program = f"""
{HEARTBEAT}
with heartbeat:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        heartbeat.start()
        os.write(writing, str(heartbeat.lease_valid).encode())
        sys.stdin.readline()
        sys.exit(0)
    print(os.read(reading, 10).decode(), flush=True)
    os.waitpid(child, 0)
    print(heartbeat.lease_valid, flush=True)
    sys.stdin.read()
"""
    with process(program, world.url) as parent:
        assert parent.read() == "True"
        assert running(world) == [("web-1", "live", False)] * 2
        assert parent.ask() == "True"
        assert running(world) == [("web-1", "live", False)]
        assert parent.end() == 0
    assert running(world) == []


def test_each_process_has_a_boot_of_its_own(world: World) -> None:
    with heartbeat(world), heartbeat(world):
        assert len(running(world)) == 2


def test_it_starts_again_as_another_process_and_not_twice(world: World) -> None:
    beating = heartbeat(world)
    for _ in range(2):
        with beating:
            assert beating.lease_valid
            with pytest.raises(RuntimeError, match="already"):
                beating.start()
        beating.stop()
    assert world.session.one("SELECT count(*) AS n FROM migrator.instance WHERE state = 'stopped'").n == 2


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_role_that_reads_only_or_isolates_more_beats_all_the_same(world: World, isolation: str) -> None:
    with role(world.session) as name:
        world.session.execute(f"ALTER ROLE {name} SET default_transaction_isolation = '{isolation}'")
        world.session.execute(f"ALTER ROLE {name} SET default_transaction_read_only = on")
        world.session.execute(f"ALTER ROLE {name} SET idle_session_timeout = '100ms'")
        with Heartbeat(lambda: psycopg.connect(world.url, user=name), **facts()):
            pid = "SELECT pid FROM pg_stat_activity WHERE usename = %(name)s"
            before = world.session.one(pid, {"name": name}).pid
            wait_for_next_beat(world)
            assert world.session.one(pid, {"name": name}).pid == before
        assert world.instance().state == "stopped"


def test_it_works_on_connections_of_any_row_factory_and_transaction_mode(world: World) -> None:
    with Heartbeat(lambda: psycopg.connect(world.url, row_factory=dict_row, autocommit=False), **facts()):
        assert world.instance().state == "live"


def test_a_beat_that_waits_too_long_is_cancelled(world: World) -> None:
    began = time.monotonic()
    with world.session.transaction():
        services.lock(world.session, "default")
        with pytest.raises(psycopg.errors.QueryCanceled):
            heartbeat(world).start()
    assert time.monotonic() - began < 10


def test_a_service_that_is_no_application_name_beats_under_the_name_it_was_given(world: World) -> None:
    world.configure(ServiceSettings(name="caf\u00e9", ttl="3s"))
    world.expanded(43)
    with Heartbeat(lambda: psycopg.connect(world.url, application_name="mine"), **facts(service="caf\u00e9")):
        assert sessions(world, "mine") == 1


def test_importing_the_client_imports_nothing_else_of_the_package() -> None:
    script = (
        "import sys, migrator.client; names = ('migrator', 'psycopg', 'asyncio', 'sqlalchemy')\n"
        "print(*sorted(name for name in sys.modules if name.split('.')[0] in names))\n"
        "from migrator.client import AsyncHeartbeat, exit_on_sigterm, start_check\n"
        "import migrator.client.pool, migrator.client.sqlalchemy\n"
        "print(*{name.split('.')[1] for name in sys.modules if name.startswith('migrator.')})\n"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    first, second = shown.stdout.splitlines()
    modules = ("drivers", "heartbeat", "lease", "naming")
    assert first.split() == ["migrator", "migrator.client", *(f"migrator.client.{name}" for name in modules)]
    assert second == "client"
