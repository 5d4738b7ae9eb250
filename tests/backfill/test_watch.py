"""Signals of a real server, orders given while it runs, and processes that look in turn."""

from __future__ import annotations

import contextlib
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import psycopg
import pytest

from migrator import embedded
from migrator.backfill import control, watch
from migrator.backfill.watch import segments_between
from migrator.config import SignalSettings
from migrator.errors import BudgetSpent
from migrator.ledger import install
from migrator.postgres.connect import Database
from tests.backfill.conftest import Bench

ROWS = 2_000
FILL = "UPDATE t SET c = 'x' || s WHERE c IS NULL"
SLOW = "UPDATE t SET c = slow(s) WHERE c IS NULL"


@pytest.fixture
def slow(bench):
    """A table whose backfill takes some seconds for each worker."""
    make_slow(bench)
    return bench


def make_slow(bench):
    """Few rows on a page: a batch has eight pages at least."""
    bench.session.execute("CREATE TABLE t (id int PRIMARY KEY, s text NOT NULL, other int NOT NULL DEFAULT 0, c text)")
    bench.session.execute(f"INSERT INTO t (id, s) SELECT g, repeat('v', 400) || g FROM generate_series(1, {ROWS}) g")
    bench.session.execute(
        "CREATE FUNCTION slow(text) RETURNS text LANGUAGE plpgsql STABLE AS"
        " $$ BEGIN PERFORM pg_sleep(0.001); RETURN 'x' || $1; END $$"
    )


def stands_still(bench, run, migration):
    """Whether nothing moves over four further reports, once the batches under way are over.

    A worker may be between two statements of its batch when it is looked at, so a first try may see its end.
    """
    return any(_stands_still(bench, run, migration) for _ in range(2))


def _stands_still(bench, run, migration):
    bench.wait_for(
        lambda: (
            bench.session.one(
                "SELECT count(*) = 0 AS idle FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name LIKE 'migrator/%/backfill' AND state = 'active' AND query LIKE '%slow%'"
            ).idle
        ),
        "no batch is running",
    )
    before, seen = bench.progress(migration).rows_done, len(run.events)
    bench.wait_for(lambda: len(run.events) > seen + 4, "a second of reports")
    assert before < ROWS
    return bench.progress(migration).rows_done == before


def begun(bench, migration):
    bench.wait_for(lambda: bench.count("c IS NOT NULL") > 20, "progress")


def workers(bench):
    return bench.session.one("SELECT coalesce(sum(workers), 0) AS n FROM migrator.backfill_process").n


def test_pause_and_resume_while_it_runs(slow):
    migration = slow.register(SLOW)
    run = slow.start(migration, target_ms=5, workers=2)
    begun(slow, migration)
    assert control.pause(slow.session, slow.project, migration.id, "ann@laptop")
    assert not control.pause(slow.session, slow.project, migration.id, "bob@laptop")
    slow.wait_for(lambda: "paused by ann@laptop" in run.notes, "the order")
    assert stands_still(slow, run, migration)
    status = slow.progress(migration)
    assert (status.state, status.reason) == ("paused", "paused by ann@laptop")
    assert run.events[-1].state == "paused"
    assert control.resume(slow.session, slow.project, migration.id)
    assert run.result() is True
    assert any(note.startswith("goes on after") for note in run.notes)
    assert slow.progress(migration).rows_done == ROWS


def test_a_paused_backfill_can_be_stopped_and_stays_paused(slow):
    migration = slow.register(SLOW)
    control.ensure(slow.session, slow.project, migration.id)
    control.pause(slow.session, slow.project, migration.id, "ann")
    run = slow.start(migration)
    slow.wait_for(lambda: run.notes, "the order")
    run.stop.set()
    assert run.result() is False
    assert slow.count("c IS NOT NULL") == 0
    assert slow.progress(migration).state == "paused"


def test_limits_are_changed_while_it_runs(slow):
    migration = slow.register(SLOW)
    run = slow.start(migration, target_ms=20)
    begun(slow, migration)

    slow.wait_for(lambda: workers(slow) == 1, "one worker")
    control.change(slow.session, slow.project, migration.id, {"workers": 3, "target_ms": 10})
    slow.wait_for(lambda: workers(slow) == 3, "three workers")
    control.reset(slow.session, slow.project, migration.id)
    slow.wait_for(lambda: workers(slow) == 1, "one worker again")
    assert run.result() is True
    assert slow.progress(migration).rows_done == ROWS


def test_quiet_hours_hold_it(slow):
    migration = slow.register(FILL)
    now = datetime.now(UTC)
    window = f"{now - timedelta(minutes=5):%H:%M}-{now + timedelta(hours=2):%H:%M}"
    run = slow.start(migration, quiet_hours=(window,))
    slow.wait_for(lambda: run.notes, "a note")
    assert run.notes[0] == f"quiet hours until {now + timedelta(hours=2):%H:%M}"
    assert slow.progress(migration).state == "paused"
    assert slow.count("c IS NOT NULL") == 0


def test_a_query_of_the_users_own_holds_it_and_lets_it_go(slow):
    slow.session.execute("CREATE TABLE brake (ok bool, reason text)")
    slow.session.execute("INSERT INTO brake VALUES (false, 'three alerts')")
    migration = slow.register(FILL)
    signal = SignalSettings(name="pager", kind="sql", query="SELECT ok, reason FROM brake", every="1ms")
    run = slow.start(migration, signal=(signal,), workers=4)
    slow.wait_for(lambda: run.notes, "a note")
    assert run.notes[0] == "throttled: pager: three alerts"
    slow.wait_for(lambda: slow.progress(migration).reason == "throttled: pager: three alerts", "the reason in status")
    assert slow.count("c IS NOT NULL") == 0
    slow.session.execute("UPDATE brake SET ok = true")
    assert run.result() is True
    assert slow.progress(migration).throttled_s > 0


def test_a_query_that_fails_holds_it_until_the_budget_is_spent(slow):
    migration = slow.register(FILL)
    signal = SignalSettings(name="pager", kind="sql", query="SELECT ok FROM nowhere")
    run = slow.start(migration, signal=(signal,), throttle_budget="300ms")
    with pytest.raises(BudgetSpent, match='pager: the query failed: relation "nowhere" does not exist') as raised:
        run.result()
    assert raised.value.exit_code == 14
    assert slow.count("c IS NOT NULL") == 0


def test_a_program_of_the_users_own_holds_it(slow, tmp_path):
    flag = tmp_path / "stop"
    flag.touch()
    program = f"import os, sys; print('flag is up') or sys.exit(os.path.exists({str(flag)!r}))"
    migration = slow.register(FILL)
    signal = SignalSettings(name="flag", kind="command", command=(sys.executable, "-c", program), every="1ms")
    run = slow.start(migration, signal=(signal,), workers=4)
    slow.wait_for(lambda: run.notes, "a note")
    assert run.notes[0] == "throttled: flag: flag is up"
    flag.unlink()
    assert run.result() is True


def test_an_url_of_the_users_own_holds_it(slow):
    answers = [503]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(answers[0])
            self.end_headers()
            self.wfile.write(b"load is high")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        migration = slow.register(FILL)
        url = f"http://127.0.0.1:{server.server_port}/"
        signal = SignalSettings(name="load", kind="http", url=url, every="1ms")
        run = slow.start(migration, signal=(signal,), workers=4)
        slow.wait_for(lambda: run.notes, "a note")
        assert run.notes[0] == "throttled: load: load is high"
        answers[0] = 200
        assert run.result() is True
    finally:
        server.shutdown()
        server.server_close()


def test_sessions_that_wait_for_our_rows_slow_it_down(slow):
    migration = slow.register(SLOW)
    run = slow.start(migration, target_ms=300)
    with psycopg.connect(slow.database.url, autocommit=True, application_name="web") as application:
        while not (seen := [note for note in run.notes if "locked" in note]) and run.thread.is_alive():
            # It waits for the first row of whatever batch is under way, until that ends.
            application.execute("SELECT FROM t FOR UPDATE")
    assert seen[0] == "throttled to 50 % of full speed: 1 session waits for a row the backfill has locked"
    run.stop.set()
    run.result()


def test_one_process_reads_for_all_and_another_goes_on_when_it_ends(slow):
    migration = slow.register(SLOW)
    runs = [slow.start(migration, target_ms=5) for _ in range(3)]
    slow.wait_for(lambda: workers(slow) == 3, "three processes")
    assert slow.progress(migration).processes == 3
    ended = runs.pop()
    ended.stop.set()
    assert ended.result() is False
    assert workers(slow) == 2
    seen = slow.session.one("SELECT read_at FROM migrator.backfill_control").read_at
    slow.wait_for(
        lambda: slow.session.one("SELECT read_at FROM migrator.backfill_control").read_at > seen, "a further look"
    )
    for run in runs:
        assert run.result() is True
    assert slow.progress(migration).rows_done == ROWS
    assert workers(slow) == 0


def test_progress_survives_restarts(slow):
    migration = slow.register(SLOW)
    run = slow.start(migration, target_ms=5)
    begun(slow, migration)
    slow.wait_for(lambda: slow.progress(migration).rows_per_s_overall > 0, "a rate")
    run.stop.set()
    assert run.result() is False
    slow.wait_for(lambda: slow.progress(migration).rows_per_s == 0, "the server has noticed that it is gone")
    assert slow.progress(migration).state == "running"
    again = slow.start(migration, target_ms=5, workers=4)
    assert again.result() is True
    done = slow.progress(migration)
    assert done.rows_done == ROWS
    assert done.growth_bytes is not None
    assert done.growth_bytes > 0
    assert done.wal_bytes > 0


@contextlib.contextmanager
def server_with(major, **settings):
    """A bench on a server of its own with other settings."""
    with embedded.start(major=major, settings={**embedded.FAST, **settings}) as server:
        database = Database(server.url(), command="test")
        with database.connect("test") as session:
            install.ensure_installed(session)
            bench = Bench(database, session)
            make_slow(bench)
            try:
                yield bench
            finally:
                for run in bench.runs:
                    run.stop.set()
                    run.thread.join(30)


def test_a_slot_that_fills_stops_it_and_it_goes_on_when_the_slot_is_gone(postgres_server):
    settings = {"max_slot_wal_keep_size": "64MB", "max_wal_size": "48MB", "min_wal_size": "32MB"}
    with server_with(postgres_server.major, **settings) as bench:
        bench.session.query("SELECT pg_create_physical_replication_slot('cdc', true)")
        bench.session.execute("CREATE TABLE filler (a text)")
        while bench.session.one("SELECT safe_wal_size AS room FROM pg_replication_slots").room > 24 << 20:
            bench.session.execute("INSERT INTO filler SELECT repeat('x', 500) FROM generate_series(1, 8000)")
        migration = bench.register(FILL)
        run = bench.start(migration, workers=4)
        bench.wait_for(lambda: run.notes, "a note")
        assert run.notes[0].startswith("throttled: replication slot cdc is lost after ")
        assert bench.count("c IS NOT NULL") == 0
        assert bench.progress(migration).state == "throttled"
        bench.session.query("SELECT pg_drop_replication_slot('cdc')")
        assert run.result() is True
        assert bench.progress(migration).rows_done == ROWS


def test_an_archive_that_fails_stops_it_until_it_works_again(postgres_server):
    with server_with(postgres_server.major, archive_mode="on", archive_command="test -e allowed") as bench:
        bench.session.query("SELECT pg_switch_wal()")
        bench.wait_for(lambda: bench.session.one("SELECT failed_count AS n FROM pg_stat_archiver").n, "a failure")
        migration = bench.register(FILL)
        run = bench.start(migration)
        bench.wait_for(lambda: run.notes, "a note")
        assert run.notes[0].startswith("throttled: archiving of WAL fails, last for 00000001")
        assert bench.count("c IS NOT NULL") == 0
        folder = bench.session.one("SELECT current_setting('data_directory') AS name").name
        bench.session.execute(f"COPY (SELECT 1) TO '{folder}/allowed'")
        # The archiver sleeps for a minute after failures, unless there is a new segment.
        bench.wait_for(
            lambda: bench.session.query("SELECT pg_switch_wal()") and not run.thread.is_alive(), "it goes on and ends"
        )
        assert run.result() is True


@pytest.mark.chaos
def test_a_vacuum_against_wraparound_is_not_competed_with(postgres_server):
    settings = {
        "autovacuum_freeze_max_age": "100000",
        "autovacuum_naptime": "1s",
        "autovacuum_vacuum_cost_delay": "100ms",
        "autovacuum_vacuum_cost_limit": "1",
    }
    with server_with(postgres_server.major, **settings) as bench:
        bench.session.execute("CREATE TABLE burnt (a int)")
        bench.session.execute(
            "DO $$ BEGIN FOR i IN 1..120000 LOOP BEGIN INSERT INTO burnt VALUES (i); EXCEPTION WHEN OTHERS THEN NULL;"
            " END; END LOOP; END $$"
        )
        bench.wait_for(
            lambda: bench.session.maybe(
                "SELECT 1 FROM pg_stat_progress_vacuum AS v JOIN pg_stat_activity AS a USING (pid)"
                " WHERE v.relid = 't'::regclass AND a.query LIKE '%to prevent wraparound%'"
            ),
            "the vacuum",
        )
        migration = bench.register(FILL)
        run = bench.start(migration)
        bench.wait_for(lambda: run.notes, "a note")
        assert run.notes[0] == "throttled: public.t is being vacuumed to prevent wraparound"
        assert bench.count("c IS NOT NULL") == 0


def test_whoever_keeps_dead_rows_is_named(slow, monkeypatch):
    monkeypatch.setattr(watch, "_HELD_S", 0.0)
    with psycopg.connect(slow.database.url, application_name="report") as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM t")
        migration = slow.register(FILL)
        run = slow.run(migration)
    notes = [note for note in run.notes if note.startswith("dead row versions are kept for ")]
    assert len(notes) == 1
    assert "(report): the table grows by more than it must" in notes[0]


@pytest.mark.parametrize(
    ("archived", "writing", "waiting"),
    [
        ("000000010000000000000001", "000000010000000000000002", 0),
        ("000000010000000000000001", "000000010000000000000012", 16),
        ("0000000100000000000000FE", "000000010000000100000003", 4),
        ("00000002000000000000000A", "000000010000000000000012", None),
        ("00000002.history", "000000010000000000000012", None),
        (None, "000000010000000000000012", None),
    ],
)
def test_segments_that_wait_for_the_archive(archived, writing, waiting):
    assert segments_between(archived, writing, 16 << 20) == waiting
