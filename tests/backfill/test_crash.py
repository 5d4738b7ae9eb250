"""Workers, connections and servers that die in the middle."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import textwrap

import pytest

from migrator.backfill import engine
from migrator.errors import DatabaseUnavailable

FILL = "UPDATE t SET c = 'x' || s WHERE c IS DISTINCT FROM 'x' || s"
WRONG = "c IS DISTINCT FROM 'x' || s"

PROCESS = textwrap.dedent("""
    import sys
    from migrator.backfill import engine
    from migrator.config import BackfillSettings
    from migrator.model.events import ignore
    from migrator.model.plan import Migration, Phase, Step
    from migrator.postgres.connect import Database

    url, migration_id, sql = sys.argv[1:]
    steps = (Step("fill_1", sql, Phase.BACKFILL, None, line=3, at="m/backfill.sql:3"),)
    migration = Migration(id=migration_id, level=1, title="test", steps=steps)
    settings = BackfillSettings(workers=2, target_ms=5)
    done = engine.run(Database(url), settings, "default", migration, ignore, lambda: False)
    sys.exit(0 if done else 14)
""")


def start_process(url, migration):
    return subprocess.Popen([sys.executable, "-c", PROCESS, url, migration.id, FILL])


def test_killed_processes_lose_nothing_and_count_nothing_twice(bench, database_url):
    rows = 100_000
    bench.make_table(rows)
    migration = bench.register(FILL)
    rng = random.Random(7)
    for _ in range(4):
        before = bench.count("c IS NOT NULL")
        aim = min(rows, before + rng.randint(2_000, 15_000))
        process = start_process(database_url, migration)
        bench.wait_for(lambda aim=aim: bench.count("c IS NOT NULL") >= aim, "progress")
        process.send_signal(signal.SIGKILL)
        process.wait()
    process = start_process(database_url, migration)
    assert process.wait(120) == 0
    assert bench.count(WRONG) == 0
    assert bench.progress(migration).rows_done == rows
    assert bench.progress(migration).state == "done"


def test_cut_connections_are_replaced(bench):
    bench.make_table(100_000)
    migration = bench.register(FILL)
    run = bench.start(migration, workers=2, target_ms=5)
    for least in (1_000, 20_000, 50_000):
        bench.wait_for(lambda least=least: bench.count("c IS NOT NULL") > least, "progress")
        bench.session.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'migrator/%/backfill'"
        )
    assert run.result() is True
    assert bench.progress(migration).rows_done == 100_000
    assert bench.count(WRONG) == 0


def test_a_server_that_crashes_in_the_middle_is_found_again(bench_on_own_server, own_server):
    bench = bench_on_own_server
    bench.make_table(100_000)
    migration = bench.register(FILL)
    run = bench.start(migration, workers=2, target_ms=5)
    bench.wait_for(lambda: bench.count("c IS NOT NULL") > 5_000, "progress")
    bench.session.close()
    own_server.restart("immediate")
    with contextlib.suppress(DatabaseUnavailable):  # it may have been gone for longer than a run waits
        run.result()
    with bench.database.connect("test") as session:
        bench.session = session
        bench.run(migration, workers=2)
        assert bench.count(WRONG) == 0
        assert bench.progress(migration).rows_done == 100_000


def test_a_server_that_stays_away_is_reported_and_the_next_run_goes_on(bench_on_own_server, own_server, monkeypatch):
    monkeypatch.setattr(engine, "_RECONNECT_S", 0.2)
    bench = bench_on_own_server
    bench.make_table(100_000)
    migration = bench.register(FILL)
    run = bench.start(migration, target_ms=5)
    bench.wait_for(lambda: bench.count("c IS NOT NULL") > 5_000, "progress")
    bench.session.close()
    own_server.stop("immediate")
    with pytest.raises(DatabaseUnavailable):
        run.result()
    own_server.start()
    with bench.database.connect("test") as session:
        bench.session = session
        kept = bench.progress(migration)
        assert kept.rows_done == bench.count("c IS NOT NULL")
        bench.run(migration)
        assert bench.progress(migration).rows_done == 100_000
