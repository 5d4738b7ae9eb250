"""Writers, locks and other workers beside the backfill."""

from __future__ import annotations

import random
import threading
import time

import psycopg
import pytest

FILL = "UPDATE t SET c = 'x' || s WHERE c IS DISTINCT FROM 'x' || s"
WRONG = "c IS DISTINCT FROM 'x' || s"


class Writers:
    """Threads that write like an application, a tenth of it rolled back."""

    def __init__(self, url: str, rows: int, threads: int = 3) -> None:
        self.errors: list[psycopg.Error] = []
        self.written = 0
        self._url, self._rows = url, rows
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        rng = random.Random(number)
        with psycopg.connect(self._url) as connection:
            while not self._stop.is_set():
                try:
                    self._write(connection, rng, number)
                    if rng.random() < 0.1:
                        connection.rollback()
                    else:
                        connection.commit()
                    self.written += 1
                except psycopg.Error as error:
                    connection.rollback()
                    self.errors.append(error)

    def _write(self, connection: psycopg.Connection, rng: random.Random, number: int) -> None:
        key = (rng.randint(1, self._rows),)
        choice = rng.random()
        if choice < 0.4:
            connection.execute("UPDATE t SET other = other + 1 WHERE id = %s", key)
        elif choice < 0.7:
            connection.execute("UPDATE t SET s = s || 'n' WHERE id = %s", key)
        elif choice < 0.85:
            new = self._rows + number + 10 * rng.randint(1, 100_000)
            connection.execute(
                "INSERT INTO t (id, s) VALUES (%s, 'new') ON CONFLICT (id) DO UPDATE SET s = 'up'", (new,)
            )
        else:
            connection.execute("DELETE FROM t WHERE id = %s", key)


@pytest.mark.parametrize("workers", [1, 2])
def test_no_row_is_missed_or_stale_beside_writers(bench, database_url, workers):
    bench.make_table(60_000, trigger=True)
    migration = bench.register(FILL)
    with Writers(database_url, 60_000) as writers:
        bench.run(migration, workers=workers, target_ms=10)
    assert writers.errors == []
    assert writers.written > 50
    assert bench.count(WRONG) == 0


def test_rows_are_counted_once_by_two_workers_and_a_second_process(bench):
    bench.make_table(80_000)
    migration = bench.register(FILL)
    first = bench.start(migration, workers=2, target_ms=5)
    second = bench.start(migration, workers=2, target_ms=5)
    bench.wait_for(lambda: first.outcome or distinct_workers(bench) >= 3, "three workers at work")
    assert first.result() is True
    assert second.result() is True
    assert bench.progress(migration).rows_done == 80_000
    assert bench.count(WRONG) == 0


def distinct_workers(bench) -> int:
    return bench.session.one("SELECT count(DISTINCT worker) AS n FROM migrator.backfill_segment").n


def test_the_application_is_never_the_deadlock_victim(bench, database_url):
    """Writers lock rows from the last to the first, all alike, so only the backfill can make a circle with them."""
    bench.make_table(1_200)
    bench.session.execute(
        "CREATE FUNCTION slow(text) RETURNS text LANGUAGE plpgsql STABLE AS"
        " $$ BEGIN PERFORM pg_sleep(0.0002); RETURN 'x' || $1; END $$"
    )
    migration = bench.register("UPDATE t SET c = slow(s) WHERE c IS NULL")
    stop, errors, done = threading.Event(), [], []

    def write(number: int) -> None:
        rng = random.Random(number)
        with psycopg.connect(database_url) as connection:
            while not stop.is_set():
                try:
                    for key in sorted(rng.sample(range(1, 1_201), 4), reverse=True):
                        connection.execute("UPDATE t SET other = other + 1 WHERE id = %s", (key,))
                        connection.execute("SELECT pg_sleep(0.005)")
                    connection.commit()
                    done.append(number)
                except psycopg.Error as error:
                    errors.append(error)
                    connection.rollback()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    try:
        bench.run(migration, workers=2, target_ms=200)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert errors == []
    assert len(done) > 20
    assert bench.count(WRONG) == 0


def test_rows_that_stay_locked_are_left_for_later_and_nobody_else_waits(bench, database_url):
    bench.make_table(30_000, trigger=True)
    migration = bench.register(FILL)
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url, autocommit=True) as application:
        holder.execute("SELECT FROM t WHERE id IN (100, 200, 15000) FOR UPDATE")
        run = bench.start(migration)
        slowest = 0.0
        deadline = time.monotonic() + 60

        def almost_done() -> bool:
            nonlocal slowest
            started = time.monotonic()
            application.execute("UPDATE t SET other = other + 1 WHERE id = %s", (random.choice([99, 101, 14_999]),))
            slowest = max(slowest, time.monotonic() - started)
            return bench.count(WRONG) == 3 and time.monotonic() < deadline

        bench.wait_for(almost_done, "everything but the locked rows")
        assert slowest < 0.9
        bench.wait_for(lambda: any("rows are locked by pid" in note for note in run.notes), "who locks is said")
        assert not run.outcome
        status = bench.progress(migration)
        assert "rows are locked by pid" in status.reason
        holder.rollback()
        assert run.result() is True
    assert bench.count(WRONG) == 0
    assert bench.progress(migration).rows_done >= 30_000 - 3


def test_locked_rows_of_a_unique_column_are_passed_over_and_done_later(bench, database_url):
    bench.make_table(2_000)
    bench.session.execute("CREATE UNIQUE INDEX ON t (c)")
    migration = bench.register(FILL)
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM t WHERE id % 100 = 0 FOR KEY SHARE")
        run = bench.start(migration)
        bench.wait_for(lambda: bench.count(WRONG) == 20, "everything but the locked rows")
        holder.rollback()
        assert run.result() is True
    assert bench.progress(migration).rows_done == 2_000


def test_a_table_lock_is_waited_for_in_short_attempts(bench, database_url):
    bench.make_table(5_000)
    migration = bench.register(FILL)
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url) as reader:
        holder.execute("LOCK TABLE t IN SHARE MODE")
        run = bench.start(migration)
        waiting = "SELECT count(*) AS n FROM pg_locks WHERE relation = 't'::regclass AND NOT granted"
        bench.wait_for(lambda: bench.session.one(waiting).n, "the backfill waits")
        reader.execute("SELECT count(*) FROM t")
        bench.wait_for(lambda: not bench.session.one(waiting).n, "the backfill gives way")
        holder.rollback()
        assert run.result() is True
    assert bench.progress(migration).rows_done == 5_000


def test_an_exclusively_locked_table_can_be_left(bench, database_url):
    bench.make_table(5_000)
    migration = bench.register(FILL)
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        run = bench.start(migration)
        waiting = "SELECT count(*) AS n FROM pg_locks WHERE relation = 't'::regclass AND NOT granted"
        bench.wait_for(lambda: bench.session.one(waiting).n, "the backfill waits")
        run.stop.set()
        assert run.result() is False
        holder.rollback()
    bench.run(migration)


def test_a_statement_slower_than_its_limit_is_done_in_smaller_batches(bench):
    bench.make_table(600)
    bench.session.execute(
        "CREATE FUNCTION slow(text) RETURNS text LANGUAGE plpgsql STABLE AS"
        " $$ BEGIN PERFORM pg_sleep(0.002); RETURN 'x' || $1; END $$"
    )
    migration = bench.register("UPDATE t SET c = slow(s) WHERE c IS NULL")
    bench.run(migration, target_ms=50)
    assert bench.progress(migration).rows_done == 600
    assert bench.count(WRONG) == 0
