"""``examples/clients/node``, compiled and run against a real server."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.ledger import services
from tests.client.application import NAME, raise_floor, running, sessions, terminate, wait_for_next_beat
from tests.gate.world import World, wait_for

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "clients" / "node"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled program; built once, by whichever worker comes first."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node and npm are not installed")
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "node"
    with (shared / "node.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "dist" / "app.js").exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
            options = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
            installed = subprocess.run([npm, "install", *options], cwd=folder, capture_output=True, text=True)
            if installed.returncode:
                pytest.skip(f"npm cannot install: {(installed.stderr.strip().splitlines() or [''])[0]}")
            compiled = subprocess.run([npm, "run", "build"], cwd=folder, capture_output=True, text=True)
            assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    return folder / "dist" / "app.js"


class Running:
    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self.popen = popen

    def read(self) -> str:
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def ask(self, sql: str) -> str:
        assert self.popen.stdin is not None
        self.popen.stdin.write(sql + "\n")
        self.popen.stdin.flush()
        while (answer := self.read()).startswith("lost: "):
            pass
        return answer


def _url(world: World) -> str:
    # pg reads the folder of a socket from the parameter "host", but not with an empty host before the database.
    return world.url.replace("postgres@/", "postgres@localhost/")


@contextlib.contextmanager
def run(application: Path, world: World, level: int = 42) -> Iterator[Running]:
    environment = {**os.environ, "DATABASE_URL": _url(world), "SCHEMA_LEVEL": str(level), "POD_NAME": "web-1"}
    with subprocess.Popen(
        ["node", str(application)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as popen:
        try:
            yield Running(popen)
        finally:
            popen.kill()


def test_it_beats_before_its_pool_goes_on_and_says_bye_on_sigterm(application: Path, world: World) -> None:
    with run(application, world) as app:
        assert app.read() == "up"
        assert running(world) == [("web-1", "live", False)]
        assert sessions(world, NAME) == 1
        assert app.ask("SELECT 1 AS one") == '[{"one":1}]'
        assert sessions(world, NAME) == 2
        wait_for_next_beat(world)
        terminate(world)
        wait_for_next_beat(world)
        assert app.ask("SELECT 1 AS one") == '[{"one":1}]'
        app.popen.terminate()
        assert app.popen.wait(20) == 0
    assert world.instance().state == "stopped"


@pytest.mark.parametrize(("floor", "level", "why"), [(43, 42, "too old"), (0, 43, "too new")])
def test_refused_code_does_not_start(application: Path, world: World, floor: int, level: int, why: str) -> None:
    raise_floor(world, floor)
    with run(application, world, level) as app:
        out, err = app.popen.communicate(timeout=20)
        assert app.popen.returncode == 13
    assert out == ""
    assert why in err
    assert running(world) == []
    assert world.session.query("SELECT FROM migrator.instance") == []


def test_a_database_without_a_ledger_is_no_start(application: Path, world: World) -> None:
    world.session.execute("DROP SCHEMA migrator CASCADE")
    with run(application, world) as app:
        _, err = app.popen.communicate(timeout=20)
        assert app.popen.returncode == 3
    assert 'schema "migrator" does not exist' in err


def test_a_process_paused_beyond_its_ttl_sends_no_query_when_it_wakes(application: Path, world: World) -> None:
    world.table()
    with run(application, world) as app:
        assert app.read() == "up"
        assert app.ask("SELECT legacy FROM users") == '[{"legacy":"a"}]'
        app.popen.send_signal(signal.SIGSTOP)
        wait_for(lambda: running(world) == [("web-1", "live", True)])
        assert services.retire(world.session, "web", "web-1", "the node is gone, we think") == 1
        raise_floor(world, 43)
        world.session.execute("ALTER TABLE users DROP COLUMN legacy")
        app.popen.send_signal(signal.SIGCONT)
        assert app.ask("SELECT legacy FROM users").startswith("LeaseLost: web must not use the database")
        wait_for(lambda: "was retired" in app.ask("SELECT legacy FROM users"))
        assert [row[1] for row in running(world)] == ["retired"]


def test_a_running_process_is_told_once_that_it_is_refused(application: Path, world: World) -> None:
    with run(application, world) as app:
        assert app.read() == "up"
        raise_floor(world, 43)
        assert app.read().startswith("lost: code at level 42 is too old")
        wait_for_next_beat(world)
        assert app.ask("SELECT 1 AS one").startswith("LeaseLost: ")
        app.popen.terminate()
        assert app.popen.wait(20) == 0
    assert running(world) == []
