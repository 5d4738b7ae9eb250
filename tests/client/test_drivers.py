"""Drivers and poolers an application may have between itself and the server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from migrator.client import AsyncHeartbeat, Fenced, Heartbeat, start_check
from tests.client.application import NAME, facts, raise_floor, running, sessions, terminate, wait_for_next_beat
from tests.gate.world import World, wait_for


def test_psycopg2_will_do(world: World) -> None:
    psycopg2 = pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    from psycopg2.extras import RealDictCursor

    def connect() -> Any:
        return psycopg2.connect(world.url, cursor_factory=RealDictCursor)

    with Heartbeat(connect, **facts()) as beating:
        assert sessions(world) == 1
        wait_for_next_beat(world)
        terminate(world)
        wait_for_next_beat(world)
        wait_for(lambda: beating.lease_valid)
    assert running(world) == []
    assert start_check(connect, service="web", level=42).max_level == 42
    raise_floor(world, 43)
    with pytest.raises(Fenced, match="too old"):
        Heartbeat(connect, **facts()).start()


@contextlib.contextmanager
def pgbouncer(url: str, folder: Path) -> Iterator[str]:
    """URL of a pooler in transaction mode with one connection to the server."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    target = urlsplit(url)
    host = target.hostname or parse_qs(target.query)["host"][0]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={host} port={target.port or 5432} user=postgres\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
        "default_pool_size = 1\nserver_check_query = SELECT 1\n"
    )
    user = []
    if os.getuid() == 0:
        # It refuses to run as root, and only the server's own account may enter the folder of its socket.
        account = Path(host).owner() if host.startswith("/") else "nobody"
        user = ["-u", account]
    with subprocess.Popen([program, *user, "-q", str(settings)], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: _listens(port) or process.poll() is not None)
            assert process.poll() is None
            yield f"postgresql://postgres@127.0.0.1:{port}{target.path}"
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def test_settings_of_the_heartbeat_do_not_stay_on_a_poolers_connections(world: World, tmp_path: Path) -> None:
    with pgbouncer(world.url, tmp_path) as pooled:
        connect = lambda: psycopg.connect(pooled, prepare_threshold=None)  # noqa: E731
        with Heartbeat(lambda: psycopg.connect(pooled), **facts()) as beating:
            wait_for_next_beat(world)
            with connect() as other:
                assert other.execute("SHOW statement_timeout").fetchone() == ("0",)
            wait_for(lambda: beating.lease_valid)
            assert sessions(world, NAME) == 0

        async def main() -> None:
            async with AsyncHeartbeat(lambda: psycopg.AsyncConnection.connect(pooled), **facts()) as beating:
                beating.check()

        asyncio.run(main())
        with connect() as other:
            assert other.execute("SHOW statement_timeout").fetchone() == ("0",)
