"""Long transactions of others: what waits, for how long, and what is given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, Self

import psycopg
import pytest

from migrator.errors import BudgetSpent
from migrator.model.plan import Migration
from tests.support.sandbox import SERVICE, Sandbox, refusal, wait_for

RENAME = "ALTER TABLE t RENAME COLUMN a TO b"
LOCK_TIMEOUT_S = 0.3


@pytest.fixture
def table(sandbox: Sandbox) -> Sandbox:
    sandbox.configure(SERVICE, lock_timeout="300ms", lock_budget="30s")
    sandbox.execute(
        "CREATE TABLE t (k int PRIMARY KEY, a text); INSERT INTO t SELECT g, g FROM generate_series(1, 9) g"
    )
    return sandbox


class Readers:
    """Threads that read the table all the time, each waiting at most as long as a lock of ours may last."""

    def __init__(self, url: str, column: str = "a", *, name: str = "web/1/0") -> None:
        self._url, self._query, self._name = url, f"SELECT {column} FROM t WHERE k = 1", name
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(2)]
        self.longest_s = 0.0
        self.reads = 0
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with psycopg.connect(self._url, autocommit=True, application_name=self._name) as connection:
            while not self._stop.is_set():
                started = time.monotonic()
                try:
                    connection.execute(self._query)
                except psycopg.Error as error:
                    self.failures.append(str(error))
                self.longest_s = max(self.longest_s, time.monotonic() - started)
                self.reads += 1
                time.sleep(0.001)


@pytest.fixture(params=["a reader", "a writer"])
def long(request: pytest.FixtureRequest, table: Sandbox) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that stays open, idle, and holds a lock on the table."""
    statement = {"a reader": "SELECT * FROM t", "a writer": "UPDATE t SET a = a WHERE k = 9"}[request.param]
    with psycopg.connect(table.url, application_name="web/long/1") as connection:
        connection.execute(statement)
        yield connection


def test_a_refused_lock_is_tried_again_and_readers_hardly_wait(table: Sandbox, long: psycopg.Connection[Any]) -> None:
    migration = table.new("rename t.a", RENAME)
    with Readers(table.url) as readers:
        thread = threading.Thread(target=table.expand, args=(migration,))
        thread.start()
        wait_for(lambda: len(table.retried()) >= 2)
        assert table.state(migration) == "expanding"
        long.rollback()
        thread.join(30)
        assert table.state(migration) == "expanded"
        wait_for(lambda seen=readers.reads: readers.reads > seen + 10)
    assert readers.failures == []
    # What the operating system adds on a machine with more threads than processors.
    assert readers.longest_s < LOCK_TIMEOUT_S + 0.35
    refused = table.retried()[0]
    assert "web/long/1" in refused.blocked_by
    assert "idle in transaction" in refused.blocked_by


def test_a_lock_budget_that_is_spent_changes_nothing(table: Sandbox, long: psycopg.Connection[Any]) -> None:
    table.configure(SERVICE, lock_timeout="100ms", lock_budget="1s")
    migration = table.new("rename t.a", RENAME)
    before = table.snapshot()
    outcome = table.command("expand")
    assert outcome.code == 14
    assert "a lock was refused" in outcome.err
    assert "web/long/1" in outcome.err
    assert table.snapshot() == before
    long.rollback()
    assert table.command("expand").code == 0
    assert table.state(migration) == "expanded"


def contractable(table: Sandbox) -> Migration:
    migration = table.new("rename t.a", RENAME)
    table.expand(migration)
    table.backfill(migration)
    assert table.beat(level=1)
    return migration


def test_contract_tries_again_too_and_new_code_hardly_waits(table: Sandbox) -> None:
    migration = contractable(table)
    with (
        psycopg.connect(table.url, application_name="web/long/1") as long,
        Readers(table.url, "b", name="web/1/1") as readers,
    ):
        long.execute("SELECT b FROM t")
        thread = threading.Thread(target=table.contract, args=(migration,))
        thread.start()
        wait_for(lambda: len(table.retried()) >= 2)
        long.rollback()
        thread.join(30)
        assert table.state(migration) == "contracted"
        wait_for(lambda seen=readers.reads: readers.reads > seen + 10)
    assert readers.failures == []
    assert readers.longest_s < LOCK_TIMEOUT_S + 0.35


def test_a_contract_whose_budget_is_spent_lowers_its_fence(table: Sandbox) -> None:
    table.configure(SERVICE, lock_timeout="100ms", lock_budget="1s")
    migration = contractable(table)
    before = table.snapshot()
    with psycopg.connect(table.url, application_name="web/long/1") as long:
        long.execute("SELECT b FROM t")
        with pytest.raises(BudgetSpent) as spent:
            table.contract(migration)
    assert "web/long/1" in refusal(spent.value)
    assert table.snapshot() == before
    assert table.state(migration) == "backfilled"
    assert table.record(migration).gate == "aborted"
    assert table.beat(level=0, instance="old code starts again")
    table.bye(instance="old code starts again")
    table.contract(migration)
    assert table.state(migration) == "contracted"


def test_a_rollback_tries_again_too(table: Sandbox) -> None:
    before = table.snapshot()
    migration = table.new("rename t.a", RENAME)
    table.expand(migration)
    assert table.beat(level=0)
    with psycopg.connect(table.url, application_name="web/long/0") as long:
        long.execute("SELECT a FROM t")
        thread = threading.Thread(target=table.rollback, args=(migration,))
        thread.start()
        wait_for(lambda: len(table.retried()) >= 2)
        long.rollback()
        thread.join(30)
    assert table.state(migration) == "rolled_back"
    assert table.snapshot() == before
