"""``python -m migrator.client start-check``, as entrypoints run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from migrator.client import Fenced, start_check
from tests.client.application import facts, raise_floor
from tests.gate.world import World, role


def run(*arguments: str, url: str | None, variable: str = "DATABASE_URL") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({variable: url} if url else {})}
    return subprocess.run(
        [sys.executable, "-m", "migrator.client", *arguments], capture_output=True, text=True, env=environment
    )


def test_it_says_that_code_may_start_without_saying_that_it_runs(world: World) -> None:
    done = run("start-check", "web", "--level", "42", url=world.url)
    assert (done.returncode, done.stdout) == (0, "")
    assert '"web" at level 42 may start: levels 0 to 42 may' in done.stderr
    assert world.session.query("SELECT FROM migrator.instance") == []


def test_it_becomes_the_command_when_it_may(world: World) -> None:
    done = run(
        "start-check", "web", "--level", "42", "--", "sh", "-c", 'echo "$0 $1"; exit 5', "a b", "-c", url=world.url
    )
    assert (done.returncode, done.stdout) == (5, "a b -c\n")


@pytest.mark.parametrize(
    ("service", "level", "why"),
    [("web", 41, "too old"), ("web", 43, "too new: the database is expanded up to"), ("cron", 42, "is not listed")],
)
def test_it_refuses_code_that_must_not_start(world: World, service: str, level: int, why: str) -> None:
    raise_floor(world, 42)
    done = run("start-check", service, "--level", str(level), "--", "echo", "started", url=world.url)
    assert (done.returncode, done.stdout) == (13, "")
    assert why in done.stderr
    assert done.stderr.startswith("error: ")
    with pytest.raises(Fenced, match=why):
        start_check(lambda: psycopg.connect(world.url), service=service, level=level)


def test_any_role_may_ask_and_the_url_may_name_a_driver(world: World) -> None:
    with role(world.session) as name:
        url = world.url.replace("postgresql://postgres@", f"postgresql+psycopg://{name}@")
        done = run("start-check", "web", "--level", "42", "--url-env", "APP_URL", url=url, variable="APP_URL")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("wait", [(), ("--wait-db", "600ms")])
def test_a_database_that_cannot_be_asked_is_not_a_start(tmp_path: Path, wait: tuple[str, ...]) -> None:
    done = run("start-check", "web", "--level", "42", *wait, url=f"postgresql:///x?host={tmp_path}")
    assert done.returncode == 3
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_without_a_ledger_says_what_to_do(empty_database_url: str) -> None:
    done = run("start-check", "web", "--level", "42", url=empty_database_url)
    assert done.returncode == 3
    assert (
        'HINT: this database has no ledger: nothing was ever expanded in it; run "migrator expand" first' in done.stderr
    )


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("start-check", "web"),
        ("start-check", "web", "--level", "x"),
        ("start-check", "web", "--level", "1", "--wait-db", "soon"),
        ("start-check", "web", "--level", "1", "--url-env", "NOT_SET"),
    ],
)
def test_wrong_usage_is_told_as_such(arguments: tuple[str, ...]) -> None:
    done = run(*arguments, url=None)
    assert done.returncode == 2
    assert "error: " in done.stderr


def test_a_heartbeat_may_follow(world: World) -> None:
    from migrator.client import Heartbeat

    start_check(lambda: psycopg.connect(world.url), service="web", level=42)
    with Heartbeat(lambda: psycopg.connect(world.url), **facts()):
        assert world.instance().state == "live"
