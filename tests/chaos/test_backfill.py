"""Three processes fill one table, are killed and started again, the server is stopped at once, an application writes:
the counts are exact, the rows that cannot be updated are the ones that were planted, and no write is lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from migrator import embedded
from migrator.backfill import rejects
from migrator.backfill.progress import progress
from migrator.ledger import install, state
from migrator.model.plan import Migration, Phase, Step
from migrator.postgres.connect import Database

FILL = "UPDATE t SET n = s::int WHERE n IS DISTINCT FROM s::int"
ROWS = 120_000
WORKERS = 3
KILLS = 5
TARGET = "20260101T000000_test"

PROCESS = textwrap.dedent("""
    import sys
    from migrator.backfill import engine
    from migrator.config import BackfillSettings
    from migrator.errors import StatementFailed
    from migrator.model.events import ignore
    from migrator.model.plan import Migration, Phase, Step
    from migrator.postgres.connect import Database

    url, sql = sys.argv[1:]
    steps = (Step("fill", sql, Phase.BACKFILL, None, line=3, at="m/backfill.sql:3"),)
    migration = Migration(id="20260101T000000_test", level=1, title="test", steps=steps)
    engine.run(Database(url), BackfillSettings(target_ms=5), "default", migration, ignore, lambda: False)
""")


def start(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROCESS, url, FILL], stderr=subprocess.DEVNULL)


def filled(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        (count,) = connection.execute("SELECT count(*) FROM t WHERE n IS NOT NULL").fetchone()
    return int(count)


def until(fact, what: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            if fact():
                return
        time.sleep(0.02)
    raise AssertionError(f"not within 120 s: {what}")


@contextlib.contextmanager
def writing(url: str, rng: random.Random) -> Iterator[list[int]]:
    """An application that touches other columns of rows all the time; counts what it wrote per row."""
    written = [0] * (ROWS + 1)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as connection:
                while not stop.is_set():
                    number = rng.randrange(1, ROWS + 1)
                    # Committed or not known to be: only what is acknowledged is counted.
                    query = "UPDATE t SET other = other + 1 WHERE id = %s AND s <> 'abc'"
                    written[number] += connection.execute(query, [number]).rowcount

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield written
    finally:
        stop.set()
        thread.join(30)


def one_round(server: embedded.Server, rng: random.Random) -> None:
    url = server.url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS t")
        connection.execute("DROP SCHEMA IF EXISTS migrator CASCADE")
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, s text NOT NULL, n int, other int NOT NULL DEFAULT 0)")
        connection.execute(
            "INSERT INTO t SELECT g, CASE WHEN g % 17000 = 11 THEN 'abc' ELSE g::text END, NULL, 0"
            f" FROM generate_series(1, {ROWS}) AS g"
        )
        bad = [row[0] for row in connection.execute("SELECT id FROM t WHERE s = 'abc' ORDER BY id")]
    with Database(url).connect("test") as session:
        install.ensure_installed(session)
        steps = (Step("fill", FILL, Phase.BACKFILL, None, line=3, at="m/backfill.sql:3"),)
        state.register(session, "default", Migration(id=TARGET, level=1, title="test", steps=steps))
    processes = [start(url) for _ in range(WORKERS)]
    with writing(url, rng) as written:
        for number in range(KILLS):
            aim = min(ROWS - len(bad), filled(url) + rng.randint(2_000, 12_000))
            until(lambda aim=aim: filled(url) >= aim, "progress")
            victim = rng.randrange(WORKERS)
            processes[victim].send_signal(signal.SIGKILL)
            processes[victim].wait()
            if number == KILLS // 2:
                server.restart("immediate")
            processes[victim] = start(url)
        for process in processes:
            process.wait(180)
        # A process may have given up while the server was away.
        last = start(url)
        assert last.wait(180) != 0, "rejected rows were not told"
    with Database(url).connect("test") as session:
        listed = rejects.listed(session, "default", TARGET)
        assert sorted(row.key["id"] for row in listed) == bad
        found = progress(session, "default", TARGET)
        assert found is not None
        assert found.state == "done"
        wrong = session.one(
            "SELECT count(*) AS n FROM t WHERE n IS DISTINCT FROM CASE WHEN s = 'abc' THEN n ELSE s::int END"
        )
        assert wrong.n == 0
        assert session.one("SELECT count(*) AS n FROM t WHERE n IS NULL").n == len(bad)
        assert found.rows_done == ROWS - len(bad)
        stored = {row.id: row.other for row in session.query("SELECT id, other FROM t")}
    # The server was stopped at once, and what was not acknowledged may be there all the same.
    assert all(written[number] <= stored[number] <= written[number] + 1 for number in stored)


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_nothing_is_lost_or_counted_twice_whatever_dies(own_server: embedded.Server) -> None:
    deadline = time.monotonic() + float(os.environ.get("MIGRATOR_CHAOS_SECONDS", "120"))
    seed, played = 0, 0
    while not played or time.monotonic() < deadline:
        one_round(own_server, random.Random(seed))
        seed, played = seed + 1, played + 1
