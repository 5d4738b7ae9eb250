"""Renaming a unique column: two unique indexes stand, and an upsert watches one of them."""

from __future__ import annotations

import random
import threading
import time
from typing import Any, Self

import psycopg
import pytest

from migrator.client import application_name
from tests.lifecycle.clients import COLLISIONS
from tests.support.sandbox import SERVICE, Sandbox

KEYS = 6


class Upserts:
    """Threads of one version that upsert a few hot keys, some of them several in one statement."""

    def __init__(self, url: str, column: str, level: int, threads: int = 2) -> None:
        self._url, self._column, self._name = url, column, application_name("web", level=level, version="1")
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(seed,)) for seed in range(threads)]
        self.done = self.collisions = 0
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def work(self, operations: int) -> None:
        wanted, deadline = self.done + operations, time.monotonic() + 60
        while self.done < wanted and not self.failures:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def _run(self, seed: int) -> None:
        chance = random.Random(seed)
        upsert = (
            f"INSERT INTO u ({self._column}, n) SELECT unnest(%s::text[]), 1"
            f" ON CONFLICT ({self._column}) DO UPDATE SET n = u.n + 1"
        )
        with psycopg.connect(self._url, autocommit=True, application_name=self._name) as connection:
            while not self._stop.is_set():
                try:
                    if chance.random() < 0.3:
                        connection.execute(f"DELETE FROM u WHERE {self._column} = %s", (self._key(chance),))
                    else:
                        keys = sorted({self._key(chance) for _ in range(chance.choice((1, 1, 1, 3)))})
                        connection.execute(upsert, (keys,))
                except psycopg.Error as error:
                    if error.sqlstate in COLLISIONS:
                        self.collisions += 1
                    else:
                        self.failures.append(f"{error.sqlstate} {error}")
                self.done += 1

    @staticmethod
    def _key(chance: random.Random) -> str:
        return f"k{chance.randrange(KEYS)}"


def test_hot_upserts_of_both_versions_never_fail(sandbox: Sandbox) -> None:
    sandbox.configure(SERVICE)
    sandbox.execute("CREATE TABLE u (k bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text UNIQUE, n int)")
    sandbox.install()
    migration = sandbox.new("rename u.a", "ALTER TABLE u RENAME COLUMN a TO b")
    with Upserts(sandbox.url, "a", level=0) as old:
        old.work(100)
        sandbox.expand(migration)
        with Upserts(sandbox.url, "b", level=1) as new:
            new.work(1500)
            old.work(1000)
            sandbox.backfill(migration)
            old.__exit__()
            assert sandbox.beat(level=1)
            sandbox.contract(migration, wait_s=10)
            new.work(200)
    assert old.failures == new.failures == []
    assert old.collisions + new.collisions <= 3


@pytest.fixture
def pending(sandbox: Sandbox) -> Sandbox:
    sandbox.execute("CREATE TABLE u (k bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text UNIQUE, n int)")
    sandbox.expand(sandbox.new("rename u.a", "ALTER TABLE u RENAME COLUMN a TO b"))
    return sandbox


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_bulk_insert_does_not_fill_the_lock_table(pending: Sandbox, name: str) -> None:
    with psycopg.connect(pending.url) as connection:
        connection.execute(f"INSERT INTO u ({name}) SELECT 'x' || g FROM generate_series(1, 20000) AS g")
        assert advisory_locks(connection) <= 100
    assert pending.value("SELECT count(*) FROM u WHERE a = b") == 20_000


def test_a_session_that_loaded_in_bulk_is_guarded_again_afterwards(pending: Sandbox) -> None:
    with psycopg.connect(pending.url, autocommit=True) as connection:
        connection.execute("INSERT INTO u (a) SELECT 'x' || g FROM generate_series(1, 500) AS g")
        with connection.transaction():
            connection.execute("INSERT INTO u (a) VALUES ('hot')")
            assert advisory_locks(connection) == 1


@pytest.mark.parametrize("statement", ["UPDATE u SET n = 1", "UPDATE u SET b = b || 'x'", "DELETE FROM u"])
def test_only_inserts_take_turns(pending: Sandbox, statement: str) -> None:
    pending.execute("INSERT INTO u (a) VALUES ('x'), ('y')")
    with psycopg.connect(pending.url) as connection:
        connection.execute(statement)
        assert advisory_locks(connection) == 0


def advisory_locks(connection: psycopg.Connection[Any]) -> int:
    query = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'"
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_a_duplicate_is_refused_under_either_name(pending: Sandbox) -> None:
    with psycopg.connect(pending.url, autocommit=True) as connection:
        connection.execute("INSERT INTO u (a) VALUES ('x')")
        for name in ("a", "b"):
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute(f"INSERT INTO u ({name}) VALUES ('x')")
        connection.execute("INSERT INTO u (a) VALUES (NULL), (NULL)")
        connection.execute("INSERT INTO u (b) VALUES (NULL), (NULL)")
