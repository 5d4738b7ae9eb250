"""Applications as processes, and what the tests of the client ask a ledger."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from migrator.ledger import services
from tests.gate.world import World, wait_for

NAME = "web/1.0/42"


class Process:
    """A Python program that answers each line on stdin with a line on stdout; ``url`` is defined in it."""

    def __init__(self, program: str, url: str) -> None:
        preamble = f"import gc, os, psycopg, sys\nurl = {url!r}\n"
        self.popen = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", preamble + textwrap.dedent(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def read(self) -> str:
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def ask(self, question: str = "?") -> str:
        assert self.popen.stdin is not None
        self.popen.stdin.write(question + "\n")
        self.popen.stdin.flush()
        return self.read()

    def end(self) -> int:
        """Close its input; its exit code."""
        assert self.popen.stdin is not None
        self.popen.stdin.close()
        return self.popen.wait(20)


@contextlib.contextmanager
def process(program: str, url: str) -> Iterator[Process]:
    started = Process(program, url)
    try:
        yield started
    finally:
        started.popen.kill()
        for stream in (started.popen.stdin, started.popen.stdout):
            with contextlib.suppress(BrokenPipeError):
                stream.close()  # type: ignore[union-attr]
        started.popen.wait(20)


def facts(**more: Any) -> dict[str, Any]:
    return {"service": "web", "level": 42, "version": "1.0", "instance": "web-1", **more}


def raise_floor(world: World, level: int) -> None:
    with world.session.transaction():
        services.lock(world.session, "default")
        services.raise_floor(world.session, "default", {"web": level})


def terminate(world: World, name: str = NAME) -> None:
    world.session.query(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = %(name)s AND datname = current_database()",
        {"name": name},
    )


def sessions(world: World, name: str = NAME) -> int:
    count: int = world.session.one(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = %(name)s AND datname = current_database()",
        {"name": name},
    ).n
    return count


def running(world: World) -> list[tuple[str, str, bool]]:
    """Instance, state and whether it is stale, of every process that counts as running."""
    return [(row.instance, row.state, row.stale) for row in services.running(world.session, "default")]


def wait_for_next_beat(world: World) -> None:
    first = world.instance().last_beat
    wait_for(lambda: world.instance().last_beat > first, what="a beat")
