"""A PgBouncer in transaction mode in front of a test server, where the program is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tests.gate.world import wait_for

PROGRAM = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")


@contextlib.contextmanager
def pgbouncer(server_url: str, folder: Path) -> Iterator[str]:
    """The URL of its console; a database's own URL has the database's name instead of ``pgbouncer``."""
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed: apt-get install pgbouncer")
    parts = urlsplit(server_url)
    host = parse_qs(parts.query)["host"][0]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir(mode=0o755, exist_ok=True)
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\npooled = host={host} dbname={parts.path[1:]}\n* = host={host}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n"
        f"auth_file = {folder / 'users'}\nadmin_users = postgres\npool_mode = transaction\n"
        f"default_pool_size = 1\nlogfile = {folder / 'log'}\n"
    )
    (folder / "users").write_text("".join(f'"{name}" ""\n' for name in ("postgres", *USERS)))
    for path in (folder, *folder.iterdir()):
        path.chmod(0o777 if path.is_dir() else 0o666)
    command = [PROGRAM, str(configuration)]
    if os.geteuid() == 0:  # it refuses to run as root, and only its owner may enter the folder of the server's socket
        command[1:1] = ["-u", Path(host).owner()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"postgresql://postgres@127.0.0.1:{port}/pgbouncer"

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text() if (folder / "log").exists() else "no log"
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as console:
            return console.execute(b"SHOW VERSION").fetchone() is not None
        return False

    try:
        wait_for(answers)
        yield url
    finally:
        process.terminate()
        process.wait(10)


USERS = ("pooled_web_l41", "pooled_web_l42", "pooled_app")
"""Roles a test may make and connect with through the pooler."""
