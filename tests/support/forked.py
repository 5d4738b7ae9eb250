"""Runs of the command, each in a process forked from one that has everything loaded: a run costs what its work costs.

As a script it answers lines of JSON on stdin: ``{"arguments": […], "folder": …, "url": …, "counter": {…}}``
with ``{"code": …, "statements": …, "output": …}``; a negative code is a signal's number.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Answer:
    code: int
    statements: int
    output: str


class ForkedCommand:
    """A loaded process; a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()

    def run(
        self,
        *arguments: str,
        folder: Path,
        url: str,
        kill_at: int = 0,
        match: str = "",
        commits_only: bool = False,
    ) -> Answer:
        """One run of the command; its exit code, how many statements it sent, and what it wrote."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        counted = {"kill_at": kill_at, "match": match, "commits_only": commits_only}
        request = {"arguments": arguments, "folder": str(folder), "url": url, "counter": counted}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Answer(**json.loads(self._process.stdout.readline()))


def serve() -> None:
    import migrator
    from migrator import cli
    from migrator.templating import render
    from tests.support.kill_at import Counter, install

    for module in pkgutil.walk_packages(migrator.__path__, "migrator."):
        if not module.name.startswith(("migrator.demo", "migrator.embedded")) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    render("init/migrator.toml.mako")
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as counted:
            child = os.fork()
            if child == 0:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                os.chdir(request["folder"])
                os.environ["DATABASE_URL"] = request["url"]
                counter = Counter(**request["counter"])
                install(counter)
                code = 70
                with contextlib.suppress(BaseException):
                    code = cli.run(request["arguments"])
                    sys.stdout.flush()
                    sys.stderr.flush()
                    counted.write(str(counter.count))
                    counted.flush()
                os._exit(code)
            _, status = os.waitpid(child, 0)
            output.seek(0)
            counted.seek(0)
            answer = {
                "code": os.waitstatus_to_exitcode(status),
                "statements": int(counted.read() or 0),
                "output": output.read(),
            }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
