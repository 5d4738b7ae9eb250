"""Throttling on the lag of a real streaming standby."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest

from migrator import embedded
from migrator.embedded.account import account_for

FILL = "UPDATE t SET c = 'x' || s WHERE c IS DISTINCT FROM 'x' || s"
ROWS = 1_500


@pytest.fixture
def standby(own_server):
    account = account_for(None)
    programs = own_server._bin
    if not (programs / "pg_basebackup").exists():
        pytest.skip("this PostgreSQL comes without pg_basebackup, so there is no standby to look at")
    folder = Path(tempfile.mkdtemp(prefix="standby-"))
    account.give(folder)
    url = f"{own_server.url()}&application_name=replica1"
    account.run(
        [str(programs / "pg_basebackup"), "-D", str(folder / "data"), "-d", url, "-R", "-c", "fast", "-X", "stream"]
    )
    try:
        with embedded.start(folder / "data", settings=embedded.FAST) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_it_pauses_while_a_standby_is_behind_and_goes_on_after(bench_on_own_server, standby):
    bench = bench_on_own_server
    bench.make_table(ROWS)
    # A millisecond a row: the backfill must not be over before the lag is seen.
    bench.session.execute(
        "CREATE FUNCTION slow(text) RETURNS text LANGUAGE plpgsql STABLE AS"
        " $$ BEGIN PERFORM pg_sleep(0.001); RETURN 'x' || $1; END $$"
    )
    migration = bench.register("UPDATE t SET c = slow(s) WHERE c IS NULL")
    with psycopg.connect(standby.url(), autocommit=True) as replica:
        bench.wait_for(
            lambda: bench.session.maybe("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"), "streaming"
        )
        replica.execute("SELECT pg_wal_replay_pause()")
        run = bench.start(migration, target_ms=5, max_lag="300ms")
        bench.wait_for(lambda: run.notes, "a note about the lag")
        assert run.notes[0].startswith("throttled: standby replica1 is ")
        status = bench.progress(migration)
        assert status.state == "throttled"
        assert "replica1" in status.reason
        bench.wait_for(
            lambda: (
                bench.session.one(
                    "SELECT count(*) = 0 AS idle FROM pg_stat_activity WHERE"
                    " application_name LIKE 'migrator/%/backfill' AND state = 'active'"
                ).idle
            ),
            "no batch is running",
        )
        before = bench.progress(migration).rows_done
        assert before < ROWS
        seen = len(run.events)
        bench.wait_for(lambda: len(run.events) > seen + 4, "a second of reports")
        assert run.events[-1].state == "throttled"
        assert bench.progress(migration).rows_done == before
        replica.execute("SELECT pg_wal_replay_resume()")
        assert run.result() is True
        assert any(note.startswith("goes on after") for note in run.notes)
    assert bench.progress(migration).rows_done == ROWS


def test_a_synchronous_standby_that_stands_still_is_not_waited_for(bench_on_own_server, standby):
    bench = bench_on_own_server
    bench.make_table(ROWS)
    migration = bench.register(FILL)
    with psycopg.connect(standby.url(), autocommit=True) as replica:
        bench.wait_for(
            lambda: bench.session.maybe("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"), "streaming"
        )
        replica.execute("SELECT pg_wal_replay_pause()")
        bench.session.set("synchronous_commit", "off")
        bench.session.execute("ALTER SYSTEM SET synchronous_standby_names = 'replica1'")
        bench.session.execute("ALTER SYSTEM SET synchronous_commit = 'remote_apply'")
        bench.session.query("SELECT pg_reload_conf()")
        bench.wait_for(
            lambda: bench.session.maybe("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"), "synchronous"
        )
        bench.run(migration, max_lag="1h", max_lag_size="off")
        assert bench.progress(migration).rows_done == ROWS
        replica.execute("SELECT pg_wal_replay_resume()")


def test_a_role_that_cannot_see_the_lag_is_told_so(bench_on_own_server, standby):
    bench = bench_on_own_server
    bench.make_table(100)
    bench.session.execute("CREATE ROLE blind LOGIN")
    bench.session.execute("GRANT USAGE ON SCHEMA migrator TO blind")
    bench.session.execute("GRANT ALL ON ALL TABLES IN SCHEMA migrator TO blind")
    bench.session.execute("GRANT SELECT, UPDATE ON t TO blind")
    bench.wait_for(lambda: bench.session.maybe("SELECT 1 FROM pg_stat_replication"), "streaming")
    migration = bench.register(FILL)
    bench.database = type(bench.database)(bench.database.url.replace("postgres@", "blind@", 1), command="test")
    run = bench.run(migration)
    assert any("GRANT pg_monitor" in note for note in run.notes)
