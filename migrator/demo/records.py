"""What a process of the shop writes down about every operation, in a file of its own, one JSON array a line.

Times are those of ``time.monotonic``, which is one clock for all processes of a machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO


@dataclass(frozen=True, slots=True)
class Seen:
    """An order as it was written or read.

    Attributes:
        order: its id.
        revision: number of writes before this one.
        total: in cents; None: the column was not filled yet.
    """

    order: int
    revision: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of the shop: a statement or a transaction.

    Attributes:
        worker: which process.
        version: of its code, 1 or 2.
        kind: what it did.
        started: seconds of the monotonic clock.
        ms: how long it took.
        error: SQLSTATE and message; None: it succeeded.
        writes: orders as it wrote them; what a failed operation wrote is not known.
        reads: orders as it read them.
    """

    worker: str
    version: int
    kind: str
    started: float
    ms: float
    error: str | None = None
    writes: tuple[Seen, ...] = ()
    reads: tuple[Seen, ...] = ()


class Recorder:
    """Writes the file of one process.

    Every line is flushed, so that a process that is killed has recorded everything but its last operation.
    """

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", buffering=1, encoding="utf-8")

    def started(self) -> None:
        """Note that the process may use the database."""
        self._write(["started"])

    def add(self, operation: Operation) -> None:
        """Append one operation."""
        done = operation
        seen = [[[each.order, each.revision, each.total] for each in group] for group in (done.writes, done.reads)]
        self._write(["operation", done.kind, round(done.started, 6), round(done.ms, 3), done.error, *seen])

    def _write(self, line: list[object]) -> None:
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class RecordReader:
    """Reads what a process has appended since the last call, while it goes on.

    Attributes:
        started: whether the process got as far as using the database.
        operations: all that were read so far, oldest first.
    """

    def __init__(self, path: Path, worker: str, version: int) -> None:
        self._path, self._worker, self._version = path, worker, version
        self._offset = 0
        self.started = False
        self.operations: list[Operation] = []

    def read(self) -> None:
        """Take in complete lines; one that is still being written is left for the next call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        complete = text[: text.rfind(b"\n") + 1]
        self._offset += len(complete)
        for line in complete.splitlines():
            self._take(json.loads(line))

    def _take(self, line: list[object]) -> None:
        if line[0] == "started":
            self.started = True
            return
        _, kind, started, ms, error, writes, reads = line
        self.operations.append(
            Operation(self._worker, self._version, kind, started, ms, error, _seen(writes), _seen(reads))  # type: ignore[arg-type]
        )


def _seen(rows: object) -> tuple[Seen, ...]:
    return tuple(Seen(*row) for row in rows)  # type: ignore[attr-defined]
