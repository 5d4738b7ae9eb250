"""Rows that cannot be updated: found, set aside, left out, tried again."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.backfill import engine, rejects
from migrator.backfill.rejects import at_fault
from migrator.backfill.segments import LAST_LINE, Place, Span
from migrator.errors import StatementFailed

FILL = "UPDATE t SET n = s::int WHERE n IS DISTINCT FROM s::int"
LEFT = "n IS NULL"


@pytest.fixture
def poisoned(bench):
    """40,000 rows, 8 of which hold no number."""
    bench.session.execute("CREATE TABLE t (id int PRIMARY KEY, s text NOT NULL, n int)")
    bench.session.execute("INSERT INTO t SELECT g, CASE WHEN g % 5003 = 5 THEN 'abc' ELSE g::text END, NULL"
                          " FROM generate_series(1, 40000) g")  # fmt: skip
    bench.bad = [row.id for row in bench.session.query("SELECT id FROM t WHERE s = 'abc' ORDER BY id")]
    return bench


def fill(bench):
    return bench.register(FILL)


def failed(bench, migration, **settings):
    with pytest.raises(StatementFailed) as raised:
        bench.run(migration, **settings)
    return raised.value


def test_planted_rows_are_set_aside_by_several_workers_and_nothing_else_is_left(poisoned):
    migration = fill(poisoned)
    error = failed(poisoned, migration, workers=3, target_ms=20)
    assert error.exit_code == 4
    assert error.message == f"{len(poisoned.bad)} rows cannot be backfilled; all others are done"
    assert "migrator backfill retry" in error.hint
    listed = rejects.listed(poisoned.session, poisoned.project, migration.id)
    assert sorted(row.key["id"] for row in listed) == poisoned.bad
    assert {(row.sqlstate, row.leaf, row.step) for row in listed} == {("22P02", "public.t", "fill_1")}
    assert listed[0].message == 'invalid input syntax for type integer: "abc"'
    assert poisoned.count(LEFT) == len(poisoned.bad)
    status = poisoned.progress(migration)
    assert (status.state, status.rejected) == ("done", len(poisoned.bad))
    assert status.rows_done == 40_000 - len(poisoned.bad)


def test_corrected_rows_count_as_any_other_and_the_rest_is_tried_again(poisoned):
    migration = fill(poisoned)
    failed(poisoned, migration)
    first, second, *others = poisoned.bad
    poisoned.session.execute(f"UPDATE t SET s = '1' WHERE id = {first}")
    poisoned.session.execute(f"DELETE FROM t WHERE id = {second}")
    error = failed(poisoned, migration)
    assert error.message.startswith(f"{len(others)} rows cannot be backfilled")
    assert poisoned.count(f"id = {first} AND n = 1") == 1
    assert sorted(row.key["id"] for row in rejects.listed(poisoned.session, poisoned.project, migration.id)) == others
    assert rejects.forget(poisoned.session, poisoned.project, migration.id) == len(others)
    poisoned.session.execute("UPDATE t SET s = '2' WHERE s = 'abc'")
    poisoned.run(migration)
    assert poisoned.count(LEFT) == 0
    assert poisoned.progress(migration).rejected == 0


def test_too_many_end_the_run_and_what_was_done_is_kept(poisoned):
    migration = fill(poisoned)
    error = failed(poisoned, migration, max_rejected=2, target_ms=5)
    assert "cannot be backfilled: invalid input syntax" in error.message
    assert "more than 2 rows are like it (max_rejected)" in error.message
    status = poisoned.progress(migration)
    assert status.rejected <= 2
    assert status.rows_done == poisoned.count("n IS NOT NULL") > 0
    error = failed(poisoned, migration, max_rejected=len(poisoned.bad))
    assert error.message.endswith("all others are done")
    assert poisoned.count(LEFT) == len(poisoned.bad)


def test_none_may_be_set_aside_with_a_limit_of_zero(poisoned):
    migration = fill(poisoned)
    error = failed(poisoned, migration, max_rejected=0)
    assert error.message.startswith(f"row id = {poisoned.bad[0]} (ctid ")
    assert poisoned.progress(migration).rejected == 0


def test_a_table_without_a_key_and_a_rewrite_in_between(bench):
    bench.session.execute('CREATE TABLE "t%" (s text, n int)')
    bench.session.execute(
        """INSERT INTO "t%" SELECT CASE WHEN g = 777 THEN 'x' ELSE '1' END FROM generate_series(1, 2000) g"""
    )
    migration = bench.register('UPDATE "t%" SET n = s::int WHERE n IS NULL')
    error = failed(bench, migration)
    (row,) = rejects.listed(bench.session, bench.project, migration.id)
    assert row.key == {}
    assert error.message.startswith(f'row ctid {row.tid} of public."t%" cannot be backfilled')
    bench.session.execute('VACUUM FULL "t%"')
    failed(bench, migration)
    assert len(rejects.listed(bench.session, bench.project, migration.id)) == 1
    assert bench.count("n IS NULL", '"t%"') == 1


def test_a_row_that_repeats_the_value_of_another_is_the_one_set_aside(bench):
    bench.session.execute("CREATE TABLE t (id int PRIMARY KEY, s text, n text UNIQUE)")
    bench.session.execute(
        "INSERT INTO t SELECT g, CASE WHEN g = 900 THEN '899' ELSE g::text END FROM generate_series(1, 2000) g"
    )
    migration = bench.register("UPDATE t SET n = s WHERE n IS NULL")
    error = failed(bench, migration)
    assert "row id = 900" in error.message
    assert "duplicate key value" in error.message
    assert bench.count(LEFT) == 1


def test_a_rollback_forgets_them(poisoned):
    migration = fill(poisoned)
    failed(poisoned, migration)
    engine.forget(poisoned.session, poisoned.project, migration.id)
    assert rejects.count(poisoned.session, poisoned.project, migration.id) == 0


@contextmanager
def written_all_the_time(bench, *statements):
    """Statements that others run 200 times a second each, on connections of their own."""
    stop, done, failures = threading.Event(), [0] * len(statements), []

    def write(number, statement):
        try:
            with psycopg.connect(bench.database.url, autocommit=True) as connection:
                while not stop.is_set():
                    connection.execute(statement)
                    done[number] += 1
                    stop.wait(0.005)
        except psycopg.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=each) for each in enumerate(statements)]
    for thread in threads:
        thread.start()
    try:
        bench.wait_for(lambda: failures or all(done))
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures


@pytest.mark.parametrize("rows", [100, 5000])
def test_bad_rows_that_are_written_all_the_time_are_named_and_all_others_done(bench, rows):
    bench.session.execute("CREATE TABLE t (id int PRIMARY KEY, s text, n int, other int DEFAULT 0)")
    bench.session.execute(f"INSERT INTO t SELECT g, g::text FROM generate_series(1, {rows}) g")
    bench.session.execute("UPDATE t SET s = 'x' WHERE id IN (30, 70)")
    migration = fill(bench)
    writes = [f"UPDATE t SET other = other + 1 WHERE id = {each}" for each in (30, 70, 30, 70)]
    with written_all_the_time(bench, *writes):
        for _ in range(2):
            error = failed(bench, migration, max_rejected=2)
            assert error.message == "2 rows cannot be backfilled; all others are done"
            listed = rejects.listed(bench.session, bench.project, migration.id)
            assert sorted(row.key["id"] for row in listed) == [30, 70]
            assert bench.count(LEFT) == 2
            status = bench.progress(migration)
            assert (status.state, status.rejected, status.rows_done) == ("done", 2, rows - 2)
    bench.session.execute("UPDATE t SET s = '1' WHERE s = 'x'")
    bench.run(migration)
    assert bench.count(LEFT) == 0
    assert (bench.progress(migration).rejected, bench.progress(migration).rows_done) == (0, rows)


LINES = 30


@given(st.sets(st.tuples(st.integers(0, 6), st.integers(1, LINES)), max_size=12), st.integers(1, 15))
def test_exactly_the_rows_at_fault_are_found(bad, most):
    def attempt(span):
        hit = [place for place in bad if span.start <= Place(*place) < span.stop]
        return hit or None

    found = [row.start.tid for row, _ in at_fault(Span.of_blocks(0, 7), attempt, most)]
    assert found == [Place(*place).tid for place in sorted(bad)][:most]


def test_narrowing_ends_at_the_last_line_of_a_block_when_no_part_fails_any_more():
    """As when the row was updated meanwhile, and is elsewhere."""
    whole = Span.of_blocks(0, 1)
    ((row, error),) = at_fault(whole, lambda span: "failed" if span == whole else None, 1)
    assert (row.start, error) == (Place(0, LAST_LINE), "failed")


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, LINES)), min_size=2, max_size=2, unique=True))
def test_of_rows_that_fail_together_the_later_is_found(pair):
    def attempt(span):
        return "twice" if all(span.start <= Place(*place) < span.stop for place in pair) else None

    assert [row.start.tid for row, _ in at_fault(Span.of_blocks(0, 7), attempt, 5)] == [Place(*max(pair)).tid]
