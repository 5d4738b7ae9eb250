"""The heartbeat of an application, on a real server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from migrator.client import Fenced, Heartbeat, application_name
from migrator.config import ServiceSettings
from migrator.ledger import services
from tests.gate.world import World, open_world, wait_for

FAST = ServiceSettings(name="web", ttl="3s")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with open_world(database_url) as world:
        world.configure(FAST)
        world.expanded(42)
        yield world


def heartbeat(world: World, **more: Any) -> Heartbeat:
    facts: dict[str, Any] = {"service": "web", "level": 42, "version": "1.0", "instance": "web-1", **more}
    return Heartbeat(lambda: psycopg.connect(world.url, application_name="web/1.0/42"), **facts)


def raise_floor(world: World, level: int) -> None:
    with world.session.transaction():
        services.lock(world.session, "default")
        services.raise_floor(world.session, "default", {"web": level})


def test_it_beats_before_anything_else_and_says_bye_at_the_end(world: World) -> None:
    beating = heartbeat(world)
    assert not beating.lease_valid
    with beating:
        assert beating.lease_valid
        assert world.instance().state == "live"
    assert not beating.lease_valid
    assert world.instance().state == "stopped"
    connected = "SELECT FROM pg_stat_activity WHERE application_name = 'web/1.0/42'"
    wait_for(lambda: not world.session.query(connected))


def test_it_goes_on_beating(world: World) -> None:
    with heartbeat(world) as beating:
        first = world.instance().last_beat
        wait_for(lambda: world.instance().last_beat > first)
        assert beating.lease_valid


def test_refused_code_does_not_start(world: World) -> None:
    raise_floor(world, 43)
    beating = heartbeat(world)
    with pytest.raises(Fenced, match="too old"):
        beating.start()
    assert not beating.lease_valid
    assert world.instance() is None


def test_a_refused_start_of_an_unlisted_service_leaves_nothing_running(world: World) -> None:
    with pytest.raises(Fenced, match="not listed"):
        heartbeat(world, service="cron").start()
    assert services.running(world.session, "default") == ()


def test_an_unreachable_database_is_an_error_and_not_a_start(world: World) -> None:
    beating = Heartbeat(lambda: psycopg.connect("host=/nonexistent"), service="web", level=42, version="1")
    with pytest.raises(psycopg.OperationalError):
        beating.start()
    assert not beating.lease_valid


def test_a_running_process_learns_that_it_is_refused_and_counts_until_it_ends(world: World) -> None:
    told: list[str] = []
    with heartbeat(world, on_fenced=told.append) as beating:
        raise_floor(world, 43)
        wait_for(lambda: told)
        assert "too old" in told[0]
        assert not beating.lease_valid
        assert world.instance().state == "live"
    assert world.instance().state == "stopped"


def test_a_broken_connection_is_replaced(world: World) -> None:
    with heartbeat(world) as beating:
        first = world.instance().last_beat
        world.session.query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'web/1.0/42'"
        )
        wait_for(lambda: world.instance().last_beat > first)
        assert beating.lease_valid


def test_the_lease_runs_out_before_the_row_is_stale_when_beats_stop_arriving(world: World) -> None:
    down = False

    def connect() -> Any:
        if down:
            raise psycopg.OperationalError("the network is gone")
        return psycopg.connect(world.url, application_name="web/1.0/42")

    with Heartbeat(connect, service="web", level=42, version="1.0", instance="web-1") as beating:
        down = True
        world.session.query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'web/1.0/42'"
        )
        wait_for(lambda: not beating.lease_valid)
        [row] = services.running(world.session, "default")
        assert not row.stale
        down = False
        wait_for(lambda: beating.lease_valid)


def test_a_paused_process_finds_its_lease_gone_when_it_wakes(world: World) -> None:
    script = f"""
import psycopg, sys
from migrator.client import Heartbeat
beating = Heartbeat(lambda: psycopg.connect({world.url!r}), service="web", level=42, version="1", instance="web-1")
beating.start()
beating._stop.set()
beating._thread.join()
for line in sys.stdin:
    print(beating.lease_valid, flush=True)
"""
    import signal

    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def valid() -> str:
            process.stdin.write("?\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        assert valid() == "True"
        process.send_signal(signal.SIGSTOP)
        wait_for(lambda: [row.stale for row in services.running(world.session, "default")] == [True])
        process.send_signal(signal.SIGCONT)
        assert valid() == "False"
        process.stdin.close()


def test_a_forked_child_has_no_lease_and_does_not_end_its_parents_heartbeat(world: World) -> None:
    script = f"""
import gc, os, psycopg, sys
from migrator.client import Heartbeat
connect = lambda: psycopg.connect({world.url!r})
with Heartbeat(connect, service="web", level=42, version="1", instance="web-1") as beating:
    if os.fork() == 0:
        assert not beating.lease_valid
        beating.stop()
        del beating
        gc.collect()
        os._exit(0)
    assert os.wait()[1] == 0
    assert beating.lease_valid
    beating._beat()
    print("parent beats", flush=True)
    sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "parent beats\n"
        assert world.instance().state == "live"
        process.stdin.write("\n")
        process.stdin.close()
        assert process.wait(10) == 0
    assert world.instance().state == "stopped"


def test_each_process_has_a_boot_of_its_own(world: World) -> None:
    with heartbeat(world), heartbeat(world):
        assert len(services.running(world.session, "default")) == 2


def test_it_works_on_connections_of_any_row_factory_and_transaction_mode(world: World) -> None:
    from psycopg.rows import dict_row

    beating = Heartbeat(
        lambda: psycopg.connect(world.url, row_factory=dict_row, autocommit=False),
        service="web",
        level=42,
        version="1",
        instance="web-1",
    )
    with beating:
        assert world.instance().state == "live"


def test_a_beat_that_hangs_is_cut_off(world: World) -> None:
    raised = time.monotonic()
    with world.session.transaction():
        services.lock(world.session, "default")
        with pytest.raises(psycopg.errors.QueryCanceled):
            heartbeat(world).start()
    assert time.monotonic() - raised < 10


def test_importing_the_client_imports_nothing_else_of_the_package() -> None:
    script = (
        "import sys, migrator.client; print(sorted(n for n in sys.modules if n.startswith(('migrator', 'psycopg'))))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    assert shown.stdout.strip() == str(["migrator", "migrator.client", "migrator.client.heartbeat"])


@pytest.mark.parametrize("service", ["", "a/b", "x" * 62, "caf\u00e9"])
def test_some_services_cannot_be_part_of_an_application_name(service: str) -> None:
    with pytest.raises(ValueError, match="application_name"):
        application_name(service, level=42, version="1")


def test_a_long_version_is_cut_and_the_level_is_not() -> None:
    made = application_name("web", level=42, version="v" * 100)
    assert made.startswith("web/vvv")
    assert made.endswith("v/42")
    assert len(made) == 62
