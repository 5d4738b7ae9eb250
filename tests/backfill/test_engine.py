from __future__ import annotations

import pytest

from migrator.backfill import engine
from migrator.backfill.progress import progress
from migrator.errors import Refused, StatementFailed
from migrator.model.events import BackfillProgress

FILL = "UPDATE t SET c = 'x' || s WHERE c IS DISTINCT FROM 'x' || s"
WRONG = "c IS DISTINCT FROM 'x' || s"


def test_every_row_is_filled_and_counted_once(bench):
    bench.make_table(20_000)
    migration = bench.register(FILL)
    run = bench.run(migration)
    assert bench.count(WRONG) == 0
    status = bench.progress(migration)
    assert (status.state, status.rows_done, status.percent, status.eta_s) == ("done", 20_000, 100.0, 0.0)
    last = run.events[-1]
    assert isinstance(last, BackfillProgress)
    assert (last.state, last.rows_done) == ("done", 20_000)


def test_statistics_of_the_column_are_refreshed(bench):
    bench.make_table(1_000)
    bench.run(bench.register(FILL))
    assert bench.session.one("SELECT count(*) AS n FROM pg_stats WHERE tablename = 't' AND attname = 'c'").n == 1
    assert bench.session.one("SELECT count(*) AS n FROM pg_stats WHERE tablename = 't' AND attname = 's'").n == 0


def test_table_without_rows(bench):
    bench.make_table(0)
    migration = bench.register(FILL)
    bench.run(migration)
    assert bench.progress(migration).state == "done"


def test_nothing_was_started(bench):
    assert progress(bench.session, "default", "unknown") is None


def test_a_done_backfill_is_verified_again_and_repaired(bench):
    bench.make_table(5_000)
    migration = bench.register(FILL)
    bench.run(migration)
    bench.session.execute("UPDATE t SET c = NULL WHERE id % 10 = 0")
    bench.run(migration)
    assert bench.count(WRONG) == 0
    assert bench.progress(migration).rows_done == 5_500


def test_a_forgotten_backfill_starts_anew(bench):
    bench.make_table(100)
    migration = bench.register(FILL)
    bench.run(migration)
    engine.forget(bench.session, "default", migration.id)
    assert progress(bench.session, "default", migration.id) is None
    bench.session.execute("UPDATE t SET c = NULL")
    bench.run(migration)
    assert bench.progress(migration).rows_done == 100


def test_steps_run_in_order_and_all_are_checked_before_the_first(bench):
    bench.make_table(1_000)
    bench.session.execute("CREATE TABLE u AS SELECT id, NULL::text AS d FROM t")
    second = "UPDATE u SET d = (SELECT t.c FROM t WHERE t.id = u.id) WHERE d IS NULL"
    bench.run(bench.register(FILL, second))
    assert bench.count("d LIKE 'xv%'", "u") == 1_000

    migration = bench.register(FILL, "UPDATE nowhere SET d = 1 WHERE d IS NULL")
    bench.session.execute("UPDATE t SET c = NULL")
    with pytest.raises(Refused, match="nowhere does not exist"):
        bench.run(migration)
    assert bench.count(WRONG) == 1_000


def test_stopping_keeps_what_was_done_and_the_next_run_goes_on(bench):
    bench.make_table(60_000)
    migration = bench.register(FILL)
    run = bench.start(migration, target_ms=5)
    bench.wait_for(lambda: bench.count("c IS NOT NULL") > 2_000)
    run.stop.set()
    assert run.result() is False
    before = bench.progress(migration)
    assert 2_000 < before.rows_done < 60_000
    assert 0 < before.percent < 100
    assert before.rows_done == bench.count("c IS NOT NULL")
    bench.run(migration)
    assert bench.progress(migration).rows_done == 60_000
    assert bench.count(WRONG) == 0


def test_partitions_are_swept_each_and_one_attached_later_is_found(bench):
    bench.session.execute("CREATE TABLE t (id int, region text, s text, c text) PARTITION BY LIST (region)")
    bench.session.execute("CREATE TABLE t_eu PARTITION OF t FOR VALUES IN ('eu') PARTITION BY RANGE (id)")
    bench.session.execute("CREATE TABLE t_eu_1 PARTITION OF t_eu FOR VALUES FROM (0) TO (5000)")
    bench.session.execute('CREATE TABLE "t EU 2" PARTITION OF t_eu FOR VALUES FROM (5000) TO (100000)')
    bench.session.execute("CREATE TABLE t_us PARTITION OF t FOR VALUES IN ('us')")
    bench.session.execute("CREATE TABLE t_none PARTITION OF t FOR VALUES IN ('none')")
    bench.session.execute("INSERT INTO t SELECT g, 'eu', 'a' || g FROM generate_series(1, 9999) g")
    bench.session.execute("INSERT INTO t SELECT g, 'us', 'a' || g FROM generate_series(1, 9999) g")
    bench.session.execute("CREATE TABLE late AS SELECT 1 AS id, 'xx' AS region, 'a' AS s, NULL::text AS c")
    migration = bench.register("UPDATE public.t SET c = 'x' || public.t.s WHERE t.c IS DISTINCT FROM 'x' || t.s")
    attached = []

    def attach(event):
        if not attached:
            attached.append(event)
            bench.session.execute("ALTER TABLE t ATTACH PARTITION late FOR VALUES IN ('xx')")

    assert bench.start(migration, attach, target_ms=5).result() is True
    assert bench.count(WRONG) == 0
    assert bench.progress(migration).rows_done == 9_999 * 2 + 1


def test_inherited_tables_are_swept_unless_the_author_wrote_only(bench):
    bench.make_table(500)
    bench.session.execute("CREATE TABLE child (extra int) INHERITS (t)")
    bench.session.execute("INSERT INTO child (id, s) SELECT g, 'k' || g FROM generate_series(501, 900) g")
    only = bench.register(FILL.replace("UPDATE t", "UPDATE ONLY t"))
    bench.run(only)
    assert bench.count(WRONG) == 400
    engine.forget(bench.session, "default", only.id)
    bench.run(bench.register(FILL))
    assert bench.count(WRONG) == 0


def test_names_that_need_quoting_and_fill_all_63_bytes(bench):
    table, column = 'T "' + "ü" * 30, "c %s" + "x" * 59
    assert len(table.encode()) == len(column.encode()) == 63
    quoted, quoted_column = '"' + table.replace('"', '""') + '"', f'"{column}"'
    bench.session.execute('CREATE SCHEMA "S.1"')
    bench.session.execute(f'CREATE TABLE "S.1".{quoted} ("Key" int PRIMARY KEY, s text, {quoted_column} text)')
    bench.session.execute(f"INSERT INTO \"S.1\".{quoted} SELECT g, 'v%' || g FROM generate_series(1, 3000) g")
    sql = f"UPDATE \"S.1\".{quoted} SET {quoted_column} = s || '%s' WHERE {quoted_column} IS NULL"
    migration = bench.register(sql)
    bench.run(migration)
    assert bench.count(f"{quoted_column} = s || '%s'", f'"S.1".{quoted}') == 3_000


def test_table_without_a_key(bench):
    bench.session.execute("CREATE TABLE t AS SELECT 'v' || g AS s, NULL::text AS c FROM generate_series(1, 10000) g")
    migration = bench.register(FILL)
    bench.run(migration)
    assert bench.count(WRONG) == 0
    assert bench.progress(migration).rows_done == 10_000


def test_a_rewritten_table_is_swept_from_its_start(bench):
    bench.make_table(60_000)
    # Rows at the end move to the front when the table is rewritten.
    bench.session.execute("DELETE FROM t WHERE id <= 20000")
    migration = bench.register(FILL)
    run = bench.start(migration, target_ms=5)
    bench.wait_for(lambda: bench.count("c IS NOT NULL") > 1_000)
    bench.session.execute("VACUUM FULL t")
    assert run.result() is True
    assert any("was rewritten" in note for note in run.notes)
    assert bench.count(WRONG) == 0
    assert bench.progress(migration).rows_done == 40_000


def test_the_share_of_hot_updates_is_that_of_the_rows(bench):
    bench.make_table(60_000)
    bench.session.execute("CREATE INDEX ON t (s)")
    migration = bench.register(FILL)
    bench.run(migration, target_ms=5)
    share = bench.progress(migration).hot_share
    updated = bench.wait_for(
        lambda: bench.session.maybe(
            "SELECT n_tup_hot_upd::float8 / n_tup_upd AS share FROM pg_stat_user_tables"
            " WHERE relname = 't' AND n_tup_upd = 60000"
        ),
        "the server's own figures",
    )
    assert share == pytest.approx(updated.share, abs=0.001)


def test_a_bad_row_is_named_and_everything_else_is_kept(bench):
    bench.session.execute("CREATE TABLE t (a int, b int, s text, n int, PRIMARY KEY (a, b))")
    bench.session.execute("INSERT INTO t SELECT g / 100, g % 100, g::text FROM generate_series(1, 50000) g")
    bench.session.execute("UPDATE t SET s = 'abc' WHERE a = 300 AND b = 17")
    migration = bench.register("UPDATE t SET n = s::int WHERE n IS NULL AND s IS NOT NULL")
    with pytest.raises(StatementFailed) as failed:
        bench.run(migration)
    tid = bench.session.one("SELECT ctid::text AS tid FROM t WHERE s = 'abc'").tid
    assert f"row a = 300, b = 17 (ctid {tid}) of public.t cannot be backfilled" in failed.value.message
    assert 'invalid input syntax for type integer: "abc" (SQLSTATE 22P02)' in failed.value.message
    assert failed.value.at == "m/backfill.sql:3"
    kept = bench.progress(migration)
    assert kept.rows_done == bench.count("n IS NOT NULL") > 10_000
    bench.session.execute("UPDATE t SET s = '1' WHERE s = 'abc'")
    bench.run(migration)
    assert bench.count("n IS NULL") == 0
    assert bench.progress(migration).rows_done == 50_000


def test_a_row_that_violates_a_deferred_constraint_is_named(bench):
    bench.session.execute("CREATE TABLE parent (id int PRIMARY KEY)")
    bench.session.execute("INSERT INTO parent VALUES (1)")
    bench.session.execute("CREATE TABLE t (s int, c int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
    bench.session.execute("INSERT INTO t SELECT 1 FROM generate_series(1, 500)")
    bench.session.execute("INSERT INTO t VALUES (2)")
    with pytest.raises(StatementFailed, match=r"row ctid \(\d+,\d+\) of public\.t cannot .*SQLSTATE 23503"):
        bench.run(bench.register("UPDATE t SET c = s WHERE c IS NULL"))


def test_a_statement_that_would_do_its_rows_again_and_again_is_stopped_before_any_harm(bench):
    bench.make_table(1_000)
    with pytest.raises(StatementFailed, match="does not make its own condition false: 1,000 of 1,000") as failed:
        bench.run(bench.register("UPDATE t SET other = other + 1 WHERE other >= 0"))
    assert bench.count("other <> 0") == 0
    assert "id = " in failed.value.detail


def test_rows_that_stay_wrong_are_reported_with_an_example(bench):
    bench.make_table(1_000)
    bench.session.execute("UPDATE t SET c = 'x' || s WHERE id <> 77")
    # Right for the statement, wrong for the verification.
    migration = bench.register("UPDATE t SET c = 'y' WHERE c IS NULL", verify="c = 'y'")
    with pytest.raises(StatementFailed, match="1 row is still wrong after 3 passes") as failed:
        bench.run(migration)
    assert "id = 77" in failed.value.detail


def test_a_table_that_was_replaced_meanwhile_is_noticed_and_then_swept(bench):
    bench.make_table(30_000)
    migration = bench.register(FILL)
    done = []

    def swap(event):
        if not done:
            done.append(event)
            bench.session.execute("ALTER TABLE t RENAME TO t_old; CREATE TABLE t (LIKE t_old INCLUDING ALL)")
            bench.session.execute("INSERT INTO t (id, s) SELECT id, s FROM t_old")

    with pytest.raises(StatementFailed, match=r"public\.t was replaced"):
        bench.start(migration, swap, target_ms=5).result()
    bench.run(migration)
    assert bench.count(WRONG) == 0


def test_a_step_that_names_another_table_now_starts_anew(bench):
    bench.make_table(1_000)
    bench.make_table(500, "u")
    bench.run(bench.register(FILL))
    migration = bench.register(FILL.replace("UPDATE t", "UPDATE u"))
    bench.run(migration)
    assert bench.count(WRONG, "u") == 0
    assert bench.progress(migration).rows_done == 1_500


def test_a_row_that_breaks_a_check_is_named_although_two_workers_run(bench):
    bench.make_table(50_000)
    bench.session.execute("ALTER TABLE t ADD CHECK (c <> 'x' || repeat('v', 40) || '31234')")
    with pytest.raises(StatementFailed, match=r"row id = 31234 .*violates check constraint"):
        bench.run(bench.register(FILL), workers=2)


def test_settings_of_the_session_do_not_matter(bench):
    bench.make_table(2_000)
    name = bench.session.one("SELECT current_database() AS name").name
    bench.session.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    bench.session.execute(f"ALTER DATABASE {name} SET enable_tidscan = off")
    bench.run(bench.register(FILL))
    assert bench.count(WRONG) == 0


def test_a_statement_timeout_of_the_server_does_not_end_batches_or_the_run(bench):
    """It is meant for the application; batches have limits of their own."""
    bench.make_table(1_000)
    bench.session.execute(
        "CREATE FUNCTION slow(text) RETURNS text LANGUAGE plpgsql STABLE AS"
        " $$ BEGIN PERFORM pg_sleep(0.0003); RETURN 'x' || $1; END $$"
    )
    name = bench.session.one("SELECT current_database() AS name").name
    bench.session.execute(f"ALTER DATABASE {name} SET statement_timeout = '150ms'")
    bench.session.execute(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '150ms'")
    migration = bench.register("UPDATE t SET c = slow(s) WHERE c IS NULL")
    bench.run(migration)
    assert bench.count(WRONG) == 0
    assert bench.progress(migration).rows_done == 1_000
    assert bench.session.one("SELECT max(n) AS n FROM (SELECT count(*) AS n FROM t GROUP BY xmin::text) AS s").n > 300


def test_rows_with_large_values_outside_are_done_few_at_a_time(bench):
    bench.session.execute("CREATE TABLE t (id int, pad text, doc text, c text)")
    bench.session.execute("ALTER TABLE t ALTER pad SET STORAGE PLAIN, ALTER doc SET STORAGE EXTERNAL")
    bench.session.execute(
        "INSERT INTO t SELECT g, repeat('p', 1900), repeat('d', 3000000) FROM generate_series(1, 20) g"
    )
    migration = bench.register("UPDATE t SET c = md5(doc) WHERE c IS NULL")
    bench.run(migration)
    assert bench.count("c IS NULL") == 0
    assert bench.session.one("SELECT count(DISTINCT xmin::text) AS n FROM t").n >= 3


def test_rows_that_take_longer_than_a_batch_may_are_done_one_by_one(bench):
    """A block has 60 rows of 50 ms: it would be locked for 3 s, and its statement be cancelled after 0.7."""
    bench.session.execute("CREATE TABLE t (id int, s text, c text)")
    bench.session.execute("INSERT INTO t SELECT g, repeat('v', 80) FROM generate_series(1, 60) g")
    assert bench.session.one("SELECT pg_relation_size('t') / 8192 AS blocks").blocks == 1
    bench.session.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END $$"
    )
    bench.session.execute("CREATE TRIGGER zz BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION slow()")
    migration = bench.register("UPDATE t SET c = s WHERE c IS NULL")
    run = bench.start(migration, target_ms=100)
    bench.wait_for(lambda: bench.count("c IS NOT NULL") > 10, "progress")
    run.stop.set()
    assert run.result() is False
    line = "SELECT max(next_line) AS line FROM migrator.backfill_segment"
    assert bench.session.one(line).line > 0, "it stopped in the middle of the block"
    bench.run(migration, target_ms=100)
    assert bench.count("c IS NULL") == 0
    assert bench.progress(migration).rows_done == 60
    largest = "SELECT max(n) AS n FROM (SELECT count(*) AS n FROM t GROUP BY xmin::text) AS s"
    assert bench.session.one(largest).n <= 14, "no transaction did more than its statement's limit lets it"


def test_a_small_table_is_done_by_one_statement(bench):
    bench.make_table(2_000)
    bench.run(bench.register("UPDATE t SET c = 'x' || s WHERE c IS NULL"), workers=2)
    assert bench.session.one("SELECT count(DISTINCT xmin::text) AS n FROM t").n == 1
