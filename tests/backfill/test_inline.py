"""Small tables are done by one statement of the director, and everything that is not plain goes the ordinary way."""

from __future__ import annotations

import psycopg
import pytest

from migrator.backfill import inline
from migrator.backfill.target import LeafName, LeafState
from migrator.errors import StatementFailed

FILL = "UPDATE t SET c = 'x' || s WHERE c IS DISTINCT FROM 'x' || s"
WRONG = "c IS DISTINCT FROM 'x' || s"


def segments(bench):
    return bench.session.one("SELECT count(*) AS n FROM migrator.backfill_segment").n


def analyzed(bench):
    return bench.session.one("SELECT count(*) AS n FROM pg_stats WHERE tablename = 't' AND attname = 'c'").n


def batches(bench):
    return bench.session.one("SELECT sum(batches) AS n FROM migrator.backfill_job").n


def test_a_small_table_is_filled_and_verified_by_one_transaction(bench):
    bench.make_table(1_500)
    migration = bench.register(FILL)
    bench.run(migration, workers=4)
    assert (segments(bench), batches(bench), analyzed(bench)) == (0, 1, 1)
    assert bench.session.one("SELECT count(DISTINCT xmin::text) AS n FROM t").n == 1
    status = bench.progress(migration)
    assert (status.state, status.rows_done, status.percent) == ("done", 1_500, 100.0)


def test_an_empty_table_is_not_even_analyzed(bench):
    bench.make_table(0)
    migration = bench.register(FILL)
    bench.run(migration)
    assert (segments(bench), analyzed(bench)) == (0, 0)
    assert bench.session.one("SELECT last_analyze AS at FROM pg_stat_user_tables WHERE relname = 't'").at is None
    assert bench.progress(migration).state == "done"


def test_a_done_one_is_verified_again_and_repaired_also_when_it_was_done_by_workers(bench):
    bench.make_table(20_000)
    migration = bench.register(FILL)
    bench.run(migration)
    assert segments(bench) > 0
    bench.session.execute("DELETE FROM t WHERE id > 300")
    bench.session.execute("VACUUM FULL t")
    bench.session.execute("UPDATE t SET c = NULL WHERE id > 250")
    bench.run(migration)
    assert bench.count(WRONG) == 0
    assert segments(bench) == 0
    assert bench.progress(migration).rows_done == 20_050


def test_one_that_is_under_way_goes_on_in_its_segments(bench):
    bench.make_table(20_000)
    migration = bench.register(FILL)
    run = bench.start(migration, target_ms=5)
    bench.wait_for(lambda: bench.count("c IS NOT NULL") > 500, "progress")
    run.stop.set()
    assert run.result() is False
    bench.session.execute("DELETE FROM t WHERE id BETWEEN 200 AND 19900")
    bench.session.execute("VACUUM FULL t")
    bench.run(migration)
    assert bench.count(WRONG) == 0
    assert segments(bench) > 0


def test_rows_that_are_locked_are_left_to_the_ordinary_way(bench, database_url):
    bench.make_table(500)
    migration = bench.register(FILL)
    with psycopg.connect(database_url) as holder:
        holder.execute("UPDATE t SET other = 1 WHERE id = 7")
        run = bench.start(migration)
        bench.wait_for(lambda: bench.count("c IS NOT NULL") == 499, "the free rows")
        holder.rollback()
        assert run.result() is True
    assert bench.count(WRONG) == 0
    assert bench.progress(migration).rows_done == 500


def test_a_bad_row_is_found_by_the_ordinary_way(bench):
    bench.make_table(500)
    bench.session.execute("ALTER TABLE t ADD CHECK (c NOT LIKE '%77')")
    with pytest.raises(StatementFailed, match="5 rows cannot be backfilled"):
        bench.run(bench.register(FILL))
    assert bench.count("c IS NOT NULL") == 495


def test_nothing_is_done_while_it_is_paused(bench):
    bench.make_table(500)
    migration = bench.register(FILL)
    run = bench.start(migration, quiet_hours=["Mon-Sun 00:00-23:59", "Mon-Sun 12:00-11:59"])
    bench.wait_for(lambda: any(note.startswith("quiet hours") for note in run.notes), "a note")
    assert bench.count("c IS NOT NULL") == 0
    run.stop.set()
    assert run.result() is False


def test_all_small_partitions_are_done_and_one_that_was_attached_is_seen(bench):
    bench.session.execute("CREATE TABLE t (id int, s text, c text) PARTITION BY RANGE (id)")
    for number in range(4):
        bench.session.execute(
            f"CREATE TABLE t_{number} PARTITION OF t FOR VALUES FROM ({100 * number}) TO ({100 * number + 100})"
        )
    bench.session.execute("INSERT INTO t SELECT g, g FROM generate_series(0, 299) g")
    bench.run(bench.register(FILL))
    assert bench.count(WRONG) == 0
    assert segments(bench) == 0


@pytest.mark.parametrize(
    ("sizes", "target_ms", "small"),
    [
        ([], 100.0, True),
        ([0] * 16, 100.0, True),
        ([0] * 17, 100.0, False),
        ([inline.SMALL_BYTES], 100.0, True),
        ([inline.SMALL_BYTES, 8192], 100.0, False),
        ([inline.SMALL_BYTES], 400.0, True),
        ([inline.SMALL_BYTES], 50.0, False),
        ([inline.SMALL_BYTES // 2], 50.0, True),
    ],
)
def test_what_is_small(sizes, target_ms, small):
    leaves = [LeafState(LeafName("s", f"t{n}"), n, 1, size_bytes=size) for n, size in enumerate(sizes)]
    assert inline.is_small(leaves, target_ms) is small
