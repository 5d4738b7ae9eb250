"""INSERT … SELECT in batches, on real servers."""

from __future__ import annotations

import random
import threading

import psycopg
import pytest

from migrator.backfill import reading, target
from migrator.errors import Refused, StatementFailed

MOVE = "INSERT INTO n (id, c) SELECT id, 'x' || s FROM t ON CONFLICT (id) DO NOTHING"
OVER = MOVE.replace("DO NOTHING", "DO UPDATE SET c = EXCLUDED.c")
DIFFERS = "SELECT count(*) AS n FROM t FULL JOIN n USING (id) WHERE t.id IS NULL OR n.id IS NULL OR n.c <> 'x' || t.s"


def make_tables(bench, rows: int, *, trigger: bool = False) -> None:
    bench.make_table(rows)
    bench.session.execute("CREATE TABLE n (id int PRIMARY KEY, c text NOT NULL)")
    if trigger:
        bench.session.execute(
            "CREATE FUNCTION follow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF TG_OP = 'DELETE' THEN DELETE FROM n WHERE n.id = OLD.id;"
            " ELSIF TG_OP = 'UPDATE' THEN UPDATE n SET c = 'x' || NEW.s WHERE n.id = NEW.id;"
            " ELSE INSERT INTO n VALUES (NEW.id, 'x' || NEW.s) ON CONFLICT (id) DO UPDATE SET c = EXCLUDED.c;"
            " END IF; RETURN NULL; END $$"
        )
        bench.session.execute(
            "CREATE TRIGGER follow AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION follow()"
        )


def differing(bench) -> int:
    return int(bench.session.one(DIFFERS).n)


def test_every_row_is_moved_and_counted_once(bench):
    make_tables(bench, 20_000)
    migration = bench.register(MOVE)
    bench.run(migration, workers=2)
    assert differing(bench) == 0
    status = bench.progress(migration)
    assert (status.state, status.rows_done, status.percent) == ("done", 20_000, 100.0)
    assert bench.session.one("SELECT count(*) AS n FROM pg_stats WHERE tablename = 'n'").n == 2


def test_rows_that_are_there_already_are_left_or_set_right(bench):
    make_tables(bench, 2_000)
    bench.session.execute("INSERT INTO n SELECT id, 'new' FROM t WHERE id % 2 = 0")
    migration = bench.register(MOVE)
    bench.run(migration)
    assert bench.count("c = 'new'", "n") == 1_000
    assert bench.progress(migration).rows_done == 1_000
    again = bench.register(MOVE, OVER)
    bench.run(again)
    assert differing(bench) == 0
    assert bench.progress(again).rows_done == 2_000


def test_a_stopped_move_goes_on_where_it_was(bench):
    make_tables(bench, 60_000)
    migration = bench.register(MOVE)
    run = bench.start(migration, target_ms=5)
    bench.wait_for(lambda: bench.count("true", "n") > 2_000)
    run.stop.set()
    assert run.result() is False
    assert bench.progress(migration).rows_done == bench.count("true", "n") < 60_000
    bench.run(migration)
    assert bench.progress(migration).rows_done == 60_000
    assert differing(bench) == 0


def test_rows_of_joins_and_partitions(bench):
    bench.session.execute("CREATE TABLE t (id int, s text, tags text[]) PARTITION BY RANGE (id)")
    bench.session.execute("CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (1000)")
    bench.session.execute("CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (1000) TO (5000)")
    bench.session.execute("INSERT INTO t SELECT g, 's' || g % 7, ARRAY['a', 'b'] FROM generate_series(1, 3000) g")
    bench.session.execute("CREATE TABLE kinds (s text PRIMARY KEY, kind int)")
    bench.session.execute("INSERT INTO kinds SELECT 's' || g, g FROM generate_series(0, 3) g")
    bench.session.execute("CREATE TABLE n (t_id int, tag text, kind int, UNIQUE (tag, t_id))")
    migration = bench.register(
        "INSERT INTO n (t_id, tag, kind) SELECT x.id, tag, kinds.kind FROM public.t AS x"
        " LEFT JOIN kinds USING (s) CROSS JOIN LATERAL unnest(x.tags) AS tag WHERE x.id <= 2000"
        " ON CONFLICT (t_id, tag) DO NOTHING"
    )
    bench.run(migration)
    assert bench.count("true", "n") == 4_000
    assert bench.count("kind IS NULL", "n") == 2 * bench.count("id <= 2000 AND s > 's3'")
    assert bench.progress(migration).rows_done == 4_000


def test_a_row_deleted_meanwhile_does_not_come_back(bench, database_url):
    """The trigger of the deletion finds nothing in the other table yet, so the row must not be put there after it."""
    make_tables(bench, 3_000, trigger=True)
    migration = bench.register(MOVE)
    with psycopg.connect(database_url) as application:
        application.execute("DELETE FROM t WHERE id = 1500")
        application.execute("UPDATE t SET s = 'changed' WHERE id = 700")
        run = bench.start(migration)
        bench.wait_for(lambda: bench.count("true", "n") == 2_998, "everything but the two rows")
        assert not run.outcome
        application.commit()
        assert run.result() is True
    assert bench.count("id = 1500", "n") == 0
    assert differing(bench) == 0


@pytest.mark.parametrize("statement", [MOVE, OVER], ids=["nothing", "update"])
def test_no_row_is_missed_stale_or_left_over_beside_writers(bench, database_url, statement):
    make_tables(bench, 40_000, trigger=True)
    migration = bench.register(statement)
    stop, errors, written = threading.Event(), [], []

    def write(number: int) -> None:
        rng = random.Random(number)
        with psycopg.connect(database_url) as connection:
            while not stop.is_set():
                key = (rng.randint(1, 40_000),)
                try:
                    match rng.randint(0, 3):
                        case 0:
                            connection.execute("UPDATE t SET s = s || 'n' WHERE id = %s", key)
                        case 1:
                            connection.execute("DELETE FROM t WHERE id = %s", key)
                        case 2:
                            connection.execute(
                                "INSERT INTO t (id, s) VALUES (%s, 'new') ON CONFLICT (id) DO UPDATE SET s = 'up'", key
                            )
                        case 3:
                            connection.execute("UPDATE t SET other = other + 1 WHERE id = %s", key)
                    (connection.rollback if rng.random() < 0.1 else connection.commit)()
                    written.append(number)
                except psycopg.Error as error:
                    connection.rollback()
                    errors.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    try:
        bench.run(migration, workers=2, target_ms=10)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert errors == []
    assert len(written) > 50
    assert differing(bench) == 0


def test_a_key_that_is_null_is_found_before_anything_is_inserted_twice(bench):
    bench.session.execute("CREATE TABLE t AS SELECT nullif(g, 77) AS id FROM generate_series(1, 500) g")
    bench.session.execute("CREATE TABLE n (id int UNIQUE)")
    with pytest.raises(StatementFailed, match=r"does not make its own condition false: 1 of 502 rows"):
        bench.run(bench.register("INSERT INTO n (id) SELECT id FROM t ON CONFLICT (id) DO NOTHING"))
    assert bench.count("true", "n") == 0


def test_rows_that_cannot_be_inserted_are_set_aside(bench):
    make_tables(bench, 3_000)
    bench.session.execute("UPDATE t SET s = 'bad' WHERE id IN (10, 2500)")
    bench.session.execute("ALTER TABLE n ADD CHECK (c <> 'xbad')")
    migration = bench.register(MOVE)
    with pytest.raises(StatementFailed, match="2 rows cannot be backfilled; all others are done"):
        bench.run(migration)
    assert bench.count("true", "n") == 2_998
    assert bench.progress(migration).rejected == 2


def test_what_cannot_be_done_row_by_row_is_refused_by_the_server_too(bench):
    make_tables(bench, 10)
    bench.session.execute("CREATE AGGREGATE total (int) (sfunc = int4pl, stype = int)")
    missing = "NOT EXISTS (SELECT FROM n WHERE n.id = t.id)"
    for value, function in (("total(id)", "aggregate"), ("generate_series(1, id)", "set-returning")):
        sql = f"INSERT INTO n (id, c) SELECT {value}, 'c' FROM t ON CONFLICT (id) DO NOTHING"
        with pytest.raises(Refused, match=f"FOR SHARE is not allowed with {function} functions"):
            bench.run(bench.register(sql, verify=missing))


def test_the_right_to_lock_rows_is_asked_for_beforehand(bench, database_url):
    make_tables(bench, 10)
    bench.session.execute(
        "DO $$ BEGIN CREATE ROLE mover; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        " GRANT SELECT ON t TO mover; GRANT SELECT, INSERT ON n TO mover"
    )
    migration = bench.register(MOVE)
    bench.session.execute("SET ROLE mover")
    try:
        with pytest.raises(Refused, match=r'role "mover" lacks UPDATE on public\.t'):
            target.prepare(bench.session, reading.read_step(migration.steps[0]))
    finally:
        bench.session.execute("RESET ROLE")
