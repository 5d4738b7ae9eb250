"""Application code of one version: threads that write and read all the time, and remember what they committed."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg

from migrator.client import Heartbeat, application_name

COLLISIONS = ("40001", "40P01")
"""Serialization failure and deadlock: an application retries these; they are counted apart."""

Value = Any
Values = Callable[[random.Random], Value]


@dataclass(frozen=True)
class Code:
    """The statements of one version. Parameters: ``id``, ``value``, ``n``; a missing statement is never run.

    Attributes:
        insert: returns the id of the new row.
        update: sets the value that the change is about.
        touch: sets ``n`` only, as code that has nothing to do with the change.
        read: one row as ``(n, value)``; ``(n,)`` when this version does not know the value.
        read_all: every row as ``(id, n, value)`` or ``(id, n)``.
        values: what it writes on insert; ``updates``: on update.
        default: the value of a row it inserts when its insert does not name one.
        unfilled: what a row may be read as that was written before expand and is not filled yet.
        prepares: whether its driver prepares statements on the server, as psycopg does from the fifth time on.
        touch_fills: whether ``touch`` fills a row, as it does where a trigger of that table computes the value.
        table: which rows: code that writes different tables shares nothing.
    """

    read: str
    read_all: str
    insert: str = ""
    update: str = ""
    touch: str = ""
    values: Values = lambda chance: f"v{chance.randrange(10**9)}"
    updates: Values | None = None
    default: Value = None
    unfilled: tuple[Value, ...] = ()
    prepares: bool = True
    touch_fills: bool = True
    table: str = "items"

    @property
    def names_value(self) -> bool:
        return "%(value)s" in self.insert


@dataclass(frozen=True)
class Row:
    """What was committed last; ``generation``: how many expands were over by then, at least."""

    n: int
    value: Value
    generation: int = 0


@dataclass
class Truth:
    """What was committed, by table and id, and a lock for each row so that this can be known.

    Attributes:
        generation: how many expands are over; a row of an earlier one may be unfilled until ``filled``.
    """

    generation: int = 0
    filled: bool = False
    tables: dict[str, dict[int, Row]] = field(default_factory=dict)
    mutex: threading.Lock = field(default_factory=threading.Lock)
    locks: list[threading.Lock] = field(default_factory=lambda: [threading.Lock() for _ in range(64)])

    def rows(self, table: str) -> dict[int, Row]:
        with self.mutex:
            return dict(self.tables.setdefault(table, {}))

    def row(self, table: str, row_id: int) -> Row:
        with self.mutex:
            return self.tables[table][row_id]

    def put(self, table: str, row_id: int, row: Row) -> None:
        with self.mutex:
            self.tables.setdefault(table, {})[row_id] = row

    def pick(self, table: str, chance: random.Random) -> int | None:
        with self.mutex:
            known = self.tables.setdefault(table, {})
            if not known:
                return None
            # Mostly rows written lately, some of those that were there before.
            ids = list(known)
            return ids[-1 - int(len(ids) * chance.random() ** 3)]

    def fits(self, code: Code, seen: tuple[Value, ...], row: Row, seen_as: Callable[[Value, Value], bool]) -> bool:
        """Whether a row as read by ``code`` is the one committed."""
        if seen[0] != row.n:
            return False
        if len(seen) == 1 or seen_as(seen[1], row.value):
            return True
        return row.generation < self.generation and not self.filled and seen[1] in code.unfilled

    def lock(self, row_id: int) -> threading.Lock:
        return self.locks[row_id % len(self.locks)]


class Fleet:
    """One version of the application: a heartbeat, writers and readers, from ``__enter__`` to ``stop``."""

    def __init__(
        self,
        url: str,
        truth: Truth,
        code: Code,
        *,
        level: int,
        seen_as: Callable[[Value, Value], bool],
        seed: int,
        writers: int = 2,
        readers: int = 1,
    ) -> None:
        self._url, self._truth, self._code, self._level, self._seen_as = url, truth, code, level, seen_as
        self._stop, self._hold = threading.Event(), threading.Event()
        self._busy: set[str] = set()
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._run, args=(self._write, seed + number), name=f"writer-{level}-{number}")
            for number in range(writers)
        ] + [
            threading.Thread(target=self._run, args=(self._read, seed + 50 + number), name=f"reader-{level}-{number}")
            for number in range(readers)
        ]
        self._name = application_name("web", level=level, version=f"v{level}")
        self._heartbeat = Heartbeat(
            lambda: psycopg.connect(url, application_name=self._name),
            service="web",
            level=level,
            version=f"v{level}",
            instance=f"web-{level}",
        )
        self.failures: list[str] = []
        self.collisions = 0
        self.writes = 0
        self.reads = 0

    def __enter__(self) -> Self:
        self._heartbeat.start()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the last query, then say bye. May be called again."""
        self._stop.set()
        self._hold.clear()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._heartbeat.stop()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is in progress inside."""
        self._hold.set()
        with self._changed:
            assert self._changed.wait_for(lambda: not self._busy, timeout=30), f"still busy: {self._busy}"
        try:
            yield
        finally:
            self._hold.clear()
            with self._changed:
                self._changed.notify_all()

    def work(self, operations: int = 30) -> None:
        """Wait until so many more writes and reads have gone through."""
        writes, reads = self.writes + operations * bool(self._code.insert), self.reads + operations // 3
        deadline = time.monotonic() + 30
        while self.writes < writes or self.reads < reads:
            assert not self.failures, self.failures[:3]
            assert time.monotonic() < deadline, f"{self._name} does not get on: {self.writes} writes {self.reads} reads"
            time.sleep(0.005)

    def _run(self, operate: Callable[[psycopg.Connection[Any], random.Random], None], seed: int) -> None:
        chance = random.Random(seed)
        name = threading.current_thread().name
        with psycopg.connect(self._url, autocommit=True, application_name=self._name) as connection:
            if not self._code.prepares:
                connection.prepare_threshold = None
            while not self._stop.is_set():
                with self._changed:
                    self._changed.wait_for(lambda: not self._hold.is_set() or self._stop.is_set())
                    self._busy.add(name)
                try:
                    operate(connection, chance)
                except psycopg.Error as error:
                    if error.sqlstate in COLLISIONS:
                        self.collisions += 1
                    else:
                        self.failures.append(f"{name}: {error.sqlstate} {error}")
                except AssertionError as error:
                    self.failures.append(f"{name}: {error}")
                finally:
                    with self._changed:
                        self._busy.discard(name)
                        self._changed.notify_all()
                time.sleep(chance.uniform(0, 0.012))

    def _write(self, connection: psycopg.Connection[Any], chance: random.Random) -> None:
        code, truth = self._code, self._truth
        if not code.insert:
            return
        row_id = truth.pick(code.table, chance)
        generation = truth.generation
        if row_id is None or chance.random() < 0.3:
            value = code.values(chance) if code.names_value else code.default
            row = Row(chance.randrange(10**6), value, generation)
            answer = connection.execute(code.insert, {"value": row.value, "n": row.n}).fetchone()
            assert answer is not None
            truth.put(code.table, answer[0], row)
        else:
            with truth.lock(row_id):
                self._change(connection, chance, row_id, generation)
        self.writes += 1

    def _change(self, connection: psycopg.Connection[Any], chance: random.Random, row_id: int, generation: int) -> None:
        """One or two updates of a row, in a transaction or as they come."""
        code, truth = self._code, self._truth
        row = truth.row(code.table, row_id)
        together = chance.random() < 0.4
        with connection.transaction() if together else contextlib.nullcontext():
            if code.update and (not code.touch or chance.random() < 0.7):
                row = Row(row.n, (code.updates or code.values)(chance), generation)
                self._send(connection, code.update, {"id": row_id, "value": row.value})
            if not together:
                truth.put(code.table, row_id, row)
            if code.touch and (not code.update or chance.random() < 0.5):
                row = Row(chance.randrange(10**6), row.value, generation if code.touch_fills else row.generation)
                self._send(connection, code.touch, {"id": row_id, "n": row.n})
        truth.put(code.table, row_id, row)

    @staticmethod
    def _send(connection: psycopg.Connection[Any], statement: str, parameters: dict[str, Value]) -> None:
        assert connection.execute(statement, parameters).rowcount == 1, f"row {parameters['id']} is gone"

    def _read(self, connection: psycopg.Connection[Any], chance: random.Random) -> None:
        code, truth = self._code, self._truth
        row_id = truth.pick(code.table, chance)
        if row_id is None:
            return
        with truth.lock(row_id):
            expected = truth.row(code.table, row_id)
            seen = connection.execute(code.read, {"id": row_id}).fetchone()
        assert seen is not None, f"row {row_id} cannot be read"
        assert truth.fits(code, seen, expected, self._seen_as), f"row {row_id}: {seen}, committed: {expected}"
        self.reads += 1
