"""Runs of the command, each in a process forked from one that has everything loaded: a run costs what its work costs.

``command()`` is that process, one for each process of the tests. It is this file run as a script: it takes requests
over a socket, a line of JSON with the files that become stdin, stdout and stderr of the run and one for what is
counted, and ends with whoever started it.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Answer:
    """What a run came to; a negative code is a signal's number.

    Attributes:
        statements: how many of those that were to be counted it sent; 0 if it was killed.
    """

    code: int
    statements: int
    out: str
    err: str

    @property
    def output(self) -> str:
        return self.out + self.err


class ForkedProcess:
    """A run in progress; what tests need of ``subprocess.Popen``.

    Attributes:
        stdout: the end to read of what it writes, both streams, if that was asked for.
    """

    def __init__(self, status: IO[str], stdout: IO[str] | None = None) -> None:
        self._status, self.stdout = status, stdout
        self.pid = int(status.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not _readable(self._status, timeout):
                raise subprocess.TimeoutExpired("migrator", timeout or 0)
            self.returncode = int(self._status.readline())
            self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = 60.0) -> tuple[str, None]:
        """Everything it still writes, when it is over."""
        assert self.stdout is not None
        deadline = time.monotonic() + timeout
        pieces = []
        while _readable(self.stdout, deadline - time.monotonic()):
            piece = os.read(self.stdout.fileno(), 1 << 16)
            if not piece:
                break
            pieces.append(piece)
        self.wait(max(0.0, deadline - time.monotonic()))
        os.set_blocking(self.stdout.fileno(), False)
        with self.stdout:
            # What readline() had taken along comes first.
            return self.stdout.read() + b"".join(pieces).decode(), None


def _readable(stream: IO[str], timeout: float | None) -> bool:
    return bool(select.select([stream], [], [], None if timeout is None else max(0.0, timeout))[0])


class ForkedCommand:
    """The loaded process."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__)), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            )

    def close(self) -> None:
        self._socket.close()
        self._process.wait(timeout=60)

    def start(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        counter: Mapping[str, Any] | None = None,
        stdin: IO[Any] | int | None = None,
        stdout: IO[Any] | None = None,
        stderr: IO[Any] | None = None,
        counted: IO[Any] | None = None,
    ) -> ForkedProcess:
        """Begin a run.

        Args:
            environment: all of it.
            counter: the keywords of ``kill_at.Counter``; default: what the environment says.
            stdout: default: a pipe, for stderr too.
        """
        request = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": dict(environment),
            "counter": None if counter is None else dict(counter),
        }
        with contextlib.ExitStack() as closing:
            nothing = closing.enter_context(Path(os.devnull).open("r+"))
            ours, theirs = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), "rw", strict=True))
            closing.enter_context(theirs)
            pipe = None
            if stdout is None:
                pipe, stdout = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), "rw", strict=True))
                stderr = closing.enter_context(stdout)
            files = [stdin or nothing, stdout, stderr or nothing, counted or nothing, theirs]
            descriptors = [each if isinstance(each, int) else each.fileno() for each in files]
            text = json.dumps(request).encode()
            socket.send_fds(self._socket, [len(text).to_bytes(4, "big")], descriptors)
            self._socket.sendall(text)
            theirs.close()
            return ForkedProcess(ours, pipe)

    def run(
        self,
        *arguments: str,
        folder: Path,
        url: str,
        environment: Mapping[str, str] | None = None,
        stdin: str = "",
        kill_at: int = 0,
        match: str = "",
        commits_only: bool = False,
        timeout: float = 120.0,
    ) -> Answer:
        """One run to its end.

        Args:
            environment: beside that of the tests.
        """
        with contextlib.ExitStack() as stack:
            given, out, err, counted = (stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(4))
            given.write(stdin)
            given.seek(0)
            process = self.start(
                *arguments,
                folder=folder,
                environment={**os.environ, "DATABASE_URL": url, **(environment or {})},
                counter={"kill_at": kill_at, "match": match, "commits_only": commits_only},
                stdin=given,
                stdout=out,
                stderr=err,
                counted=counted,
            )
            try:
                code = process.wait(timeout)
            finally:
                process.kill()
            for file in (out, err, counted):
                file.seek(0)
            return Answer(code, int(counted.read() or 0), out.read(), err.read())


@functools.cache
def command() -> ForkedCommand:
    """The loaded process of these tests; begun when it is first wanted."""
    loaded = ForkedCommand()
    atexit.register(loaded.close)
    return loaded


def serve(requests: socket.socket) -> None:
    import migrator
    from migrator.templating import render

    for module in pkgutil.walk_packages(migrator.__path__, "migrator."):
        if not module.name.startswith(("migrator.demo", "migrator.embedded")) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    render("init/migrator.toml.mako")
    # Nobody waits for the processes that watch over the runs.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        size, descriptors, _, _ = socket.recv_fds(requests, 4, 5)
        if not size:
            return
        request = json.loads(requests.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
        if os.fork() == 0:
            requests.close()
            _watch(request, *descriptors)
        for each in descriptors:
            os.close(each)


def _watch(request: Any, stdin: int, stdout: int, stderr: int, counted: int, status: int) -> NoReturn:
    """Be the parent of one run: tell its process number, and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(status)
        for number, each in enumerate((stdin, stdout, stderr)):
            os.dup2(each, number)
        _run(request, counted)
    for each in (stdin, stdout, stderr, counted):
        os.close(each)
    with contextlib.suppress(BrokenPipeError), os.fdopen(status, "w") as told:
        print(child, file=told, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=told, flush=True)
    os._exit(0)


def _run(request: Any, counted: int) -> NoReturn:
    from migrator import cli
    from tests.support.kill_at import Counter, install

    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["migrator", *request["arguments"]]
    counter = Counter.wanted() if request["counter"] is None else Counter(**request["counter"])
    install(counter)
    atexit.register(lambda: os.write(counted, str(counter.count).encode()))
    cli.main()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
