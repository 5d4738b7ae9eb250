"""Starting and stopping processes of the shop, and reading what they write down."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from migrator.demo.commands import neutral_environment
from migrator.demo.records import Operation, RecordReader

_PATIENCE_S = 30.0
_POLL_S = 0.02


class WorkerFailed(Exception):
    """A process of the shop did not start, or did not work; the argument says which and why."""


class Worker:
    """One process.

    Attributes:
        name: for people, and in its heartbeat.
        version: of its code.
    """

    def __init__(self, name: str, version: int, arguments: list[str], folder: Path, url: str) -> None:
        self.name, self.version = name, version
        records = folder / f"{name}.jsonl"
        self._errors = folder / f"{name}.err"
        self._reader = RecordReader(records, name, version)
        self._asked_to_stop = False
        program = [sys.executable, "-m", "migrator.demo.shop", "--version", str(version), "--name", name]
        with self._errors.open("wb") as errors:
            # A session of its own: Ctrl-C is for us. Should we be killed, the end of its input stops it.
            self._process = subprocess.Popen(
                [*program, "--records", str(records), *arguments],
                cwd=folder,
                env=neutral_environment(url),
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def died(self) -> bool:
        """Whether it ended without being asked to."""
        return not self._asked_to_stop and self.exit_code is not None

    @property
    def said(self) -> str:
        """What it printed, its last word about why it ended."""
        return self._errors.read_text(encoding="utf-8", errors="replace").strip()

    def operations(self) -> list[Operation]:
        """Everything it has recorded so far."""
        self._reader.read()
        return self._reader.operations

    def wait_until_working(self, count: int = 1) -> bool:
        """Wait until it has done ``count`` operations; whether it did, False: it ended before.

        Raises:
            WorkerFailed: it neither worked nor ended in time.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while len(self.operations()) < count:
            if self.exit_code is not None:
                return len(self.operations()) >= count
            if time.monotonic() > deadline:
                raise WorkerFailed(f"{self.name} did not work within {_PATIENCE_S:.0f} s: {self.said}")
            time.sleep(_POLL_S)
        return True

    def ask_to_stop(self) -> None:
        """Let it finish what it is at."""
        self._asked_to_stop = True
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def wait(self) -> int:
        """Wait for its end after it was asked to stop; its exit code."""
        try:
            code = self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self.operations()
        return code


class Crew:
    """All processes of the shop on one database.

    Args:
        folder: for their records, writable.
        url: of the database, with the application's own role.
        orders: how many there are.
        customers: how many there are.
        seed: of the random choices of all of them.
        prefix: in front of their names.
    """

    def __init__(self, folder: Path, url: str, orders: int, customers: int, seed: int, prefix: str = "shop") -> None:
        self._folder, self._url, self._prefix, self._seed = folder, url, prefix, seed
        self._arguments = ["--orders", str(orders), "--customers", str(customers)]
        self._numbers = itertools.count(1)
        self.workers: list[Worker] = []

    def start(self, version: int, count: int) -> list[Worker]:
        """Start processes and wait until each has worked.

        Raises:
            WorkerFailed: one did not.
        """
        started = [self.launch(version) for _ in range(count)]
        for worker in started:
            if not worker.wait_until_working():
                raise WorkerFailed(f"{worker.name} ended with exit code {worker.exit_code}: {worker.said}")
        return started

    def launch(self, version: int) -> Worker:
        """Start one process without waiting for it."""
        number = next(self._numbers)
        seed = ["--seed", str(self._seed * 1000 + number)]
        name = f"{self._prefix}-{number}"
        worker = Worker(name, version, [*self._arguments, *seed], self._folder, self._url)
        self.workers.append(worker)
        return worker

    def stop(self, workers: list[Worker]) -> None:
        """Ask processes to stop and wait until they have."""
        for worker in workers:
            worker.ask_to_stop()
        for worker in workers:
            worker.wait()

    def running(self, version: int) -> list[Worker]:
        """The processes of a version that have not ended."""
        return [worker for worker in self.workers if worker.version == version and worker.exit_code is None]

    def died(self) -> list[str]:
        """Names of those that ended without being asked to."""
        return [worker.name for worker in self.workers if worker.died]

    def operations(self) -> list[Operation]:
        """What all of them have recorded so far."""
        return [operation for worker in self.workers for operation in worker.operations()]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop([worker for worker in self.workers if worker.exit_code is None])
        for worker in self.workers:
            worker.ask_to_stop()
