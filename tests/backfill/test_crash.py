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
from migrator.backfill.connection import MOST_LOSSES, Connection
from migrator.errors import DatabaseUnavailable
from migrator.postgres.session import ConnectionLost

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
    return subprocess.Popen([sys.executable, "-c", PROCESS, url, migration.id, migration.steps[0].sql])


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


@pytest.mark.parametrize(
    ("sql", "done", "wrong"),
    [
        (
            "UPDATE t SET c = u.x FROM u WHERE u.id = t.other AND t.c IS DISTINCT FROM u.x",
            "SELECT count(*) AS n FROM t WHERE c IS NOT NULL",
            "SELECT count(*) AS n FROM t WHERE c IS DISTINCT FROM 'u' || other",
        ),
        (
            "INSERT INTO n (id, c) SELECT t.id, u.x FROM t JOIN u ON u.id = t.other ON CONFLICT (id) DO NOTHING",
            "SELECT count(*) AS n FROM n",
            "SELECT count(*) AS n FROM t FULL JOIN n USING (id) WHERE n.c IS DISTINCT FROM 'u' || t.other",
        ),
    ],
    ids=["update from", "insert select"],
)
def test_rows_with_another_table_survive_a_kill(bench, database_url, sql, done, wrong):
    rows = 30_000
    bench.make_table(rows)
    bench.session.execute("UPDATE t SET other = id % 50")
    bench.session.execute("CREATE TABLE u AS SELECT g AS id, 'u' || g AS x FROM generate_series(0, 49) g")
    bench.session.execute("ALTER TABLE u ADD PRIMARY KEY (id)")
    bench.session.execute("CREATE TABLE n (id int PRIMARY KEY, c text NOT NULL)")
    migration = bench.register(sql)
    for share in (0.1, 0.4):
        process = start_process(database_url, migration)
        bench.wait_for(lambda share=share: bench.session.one(done).n >= rows * share, "progress")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start_process(database_url, migration).wait(60) == 0
    assert bench.session.one(wrong).n == 0
    status = bench.progress(migration)
    assert (status.rows_done, status.state) == (rows, "done")


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


@pytest.mark.parametrize("losses", [0, MOST_LOSSES, MOST_LOSSES + 1])
def test_the_directors_connection_may_break_some_times_in_a_row(bench, losses):
    left = [losses]

    def look(session):
        if left[0]:
            left[0] -= 1
            session.query("SELECT pg_terminate_backend(pg_backend_pid())")
        return "seen"

    with Connection(bench.database, bench.database.connect("backfill"), lambda: False) as connection:
        if losses <= MOST_LOSSES:
            assert connection.call(look) == "seen"
        else:
            with pytest.raises(ConnectionLost):
                connection.call(look)


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
