"""Room of dead row versions is made known while the backfill goes on, and nobody waits for that."""

from __future__ import annotations

import psycopg
import pytest

from migrator.backfill import engine, vacuum

FILL = "UPDATE t SET c = 'x' || s WHERE c IS DISTINCT FROM 'x' || s"


@pytest.fixture
def eager(monkeypatch):
    """Due for every table, after each look."""
    monkeypatch.setattr(vacuum, "SMALLEST_BYTES", 1)
    monkeypatch.setattr(vacuum, "SHARE", 10**6)
    monkeypatch.setattr(engine, "_BEAT_S", 0.2)


def make_slow(bench):
    """Some seconds of work, of updates that are never HOT."""
    bench.make_table(12_000)
    bench.session.execute("CREATE INDEX ON t (c)")
    bench.session.execute("ALTER TABLE t SET (autovacuum_enabled = off)")
    bench.session.execute("ANALYZE t")
    bench.session.execute(
        "CREATE FUNCTION slow(text) RETURNS text LANGUAGE plpgsql STABLE AS"
        " $$ BEGIN PERFORM pg_sleep(0.0001); RETURN 'x' || $1; END $$"
    )
    return bench.register("UPDATE t SET c = slow(s) WHERE c IS NULL")


def vacuums(bench):
    return bench.session.one("SELECT vacuum_count AS n FROM pg_stat_user_tables WHERE relname = 't'").n


def test_it_is_vacuumed_while_it_is_filled_and_all_rows_are_done(bench, eager):
    migration = make_slow(bench)
    run = bench.start(migration, target_ms=20)
    bench.wait_for(lambda: vacuums(bench) or run.outcome, "a vacuum")
    run.stop.set()
    run.result()
    assert vacuums(bench) > 0
    bench.session.execute(
        "CREATE OR REPLACE FUNCTION slow(text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'x' || $1 $$"
    )
    bench.run(migration)
    assert bench.count("c IS NULL") == 0
    assert bench.progress(migration).rows_done == 12_000


def test_none_unless_it_is_wanted(bench, eager):
    migration = make_slow(bench)
    run = bench.start(migration, target_ms=20, vacuum=False)
    bench.wait_for(lambda: bench.count("c IS NOT NULL") > 2_000, "progress")
    run.stop.set()
    run.result()
    assert vacuums(bench) == 0


def test_whoever_waits_for_the_table_has_it_at_once(bench, eager, monkeypatch, database_url):
    """The vacuum is made to take a minute; ALTER TABLE needs the lock that it holds."""
    migration = make_slow(bench)
    gentle = vacuum._SQL["gentle"].replace("'2'", "'100'") + ", set_config('vacuum_cost_limit', '1', false) AS lim"
    monkeypatch.setitem(vacuum._SQL, "gentle", gentle)
    run = bench.start(migration, target_ms=20)
    bench.wait_for(lambda: bench.session.maybe("SELECT 1 FROM pg_stat_progress_vacuum") or run.outcome, "a vacuum")
    assert not run.outcome
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SET lock_timeout = '30s'")
        other.execute("ALTER TABLE t SET (toast_tuple_target = 2000)")
    run.stop.set()
    run.result()
    assert vacuums(bench) == 0


def test_only_who_may_vacuum_a_table_tries(bench):
    bench.make_table(1)
    asked = {"leaf": "public.t", "privilege": "MAINTAIN"}
    assert bench.session.one(vacuum._SQL["may"], asked).may is True
    bench.session.execute("SET ROLE pg_monitor")
    assert bench.session.one(vacuum._SQL["may"], asked).may is False
