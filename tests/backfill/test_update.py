"""UPDATE … FROM in batches, on real servers."""

from __future__ import annotations

import random
import threading

import psycopg
import pytest

from migrator.backfill.reading import read_step
from migrator.backfill.segments import Span
from migrator.backfill.statements import LeafName
from migrator.errors import Refused, StatementFailed

FILL = "UPDATE t SET c = u.x FROM u WHERE u.id = t.other AND t.c IS DISTINCT FROM u.x"
WRONG = "c IS DISTINCT FROM (SELECT u.x FROM u WHERE u.id = t.other)"


def make_tables(bench, rows: int) -> None:
    bench.make_table(rows)
    bench.session.execute("UPDATE t SET other = id % 100")
    bench.session.execute("CREATE TABLE u (id int PRIMARY KEY, x text)")
    bench.session.execute("INSERT INTO u SELECT g, 'u' || g FROM generate_series(0, 89) g")


def test_rows_that_match_are_filled_once_and_the_others_left(bench):
    make_tables(bench, 20_000)
    migration = bench.register(FILL)
    bench.run(migration, workers=2)
    assert bench.count(WRONG) == 0
    assert bench.count("c IS NULL") == 2_000
    assert bench.progress(migration).rows_done == 18_000


def test_rows_that_are_locked_are_done_later(bench, database_url):
    make_tables(bench, 5_000)
    migration = bench.register(FILL)
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM t WHERE id IN (100, 2500) FOR UPDATE")
        run = bench.start(migration)
        bench.wait_for(lambda: bench.count(WRONG) == 2, "everything but the locked rows")
        holder.rollback()
        assert run.result() is True
    assert bench.progress(migration).rows_done == 4_500


FOUND = "(SELECT u.x FROM u WHERE u.id = t.other)"


@pytest.mark.parametrize("sql", [FILL, f"UPDATE t SET c = {FOUND} WHERE c IS DISTINCT FROM {FOUND}"])
def test_a_value_that_another_transaction_has_brought_is_not_overwritten_by_an_older_one(bench, database_url, sql):
    """The batch has seen the old row of the other table when it waits for the row that follows the new one."""
    make_tables(bench, 200)
    step = bench.register(sql).steps[0]
    batch = read_step(step).fill(LeafName("public", "t"), Span.of_blocks(0, 100))
    with psycopg.connect(database_url) as application, psycopg.connect(database_url) as ours:
        application.execute("UPDATE u SET x = 'new' WHERE id = 5")
        application.execute("UPDATE t SET c = 'new' WHERE other = 5")
        thread = threading.Thread(target=lambda: ours.execute(batch))
        thread.start()
        waits = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted AND pid = %(pid)s"
        bench.wait_for(lambda: bench.session.one(waits, {"pid": ours.info.backend_pid}).n, "the batch waits")
        application.commit()
        thread.join()
        ours.commit()
    assert bench.count("c = 'new'") == 2
    assert bench.count(WRONG) == 0


def test_no_row_is_missed_or_stale_beside_writers_of_both_tables(bench, database_url):
    make_tables(bench, 20_000)
    bench.session.execute("CREATE INDEX ON t (other)")
    bench.session.execute(
        "CREATE FUNCTION follow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN UPDATE t SET c = NEW.x WHERE t.other = NEW.id; RETURN NULL; END $$;"
        "CREATE TRIGGER follow AFTER UPDATE ON u FOR EACH ROW EXECUTE FUNCTION follow()"
    )
    migration = bench.register(FILL)
    stop, errors, written = threading.Event(), [], []

    def write(number: int) -> None:
        rng = random.Random(number)
        with psycopg.connect(database_url) as connection:
            while not stop.is_set():
                key = rng.randint(1, 20_000)
                try:
                    if number == 0:
                        connection.execute("UPDATE u SET x = x || 'n' WHERE id = %s", [key % 90])
                    elif rng.random() < 0.8:
                        connection.execute("UPDATE t SET s = s || 'n' WHERE id = %s", [key])
                    else:
                        connection.execute("DELETE FROM t WHERE id = %s", [key])
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
    assert {0, 1, 2} <= set(written)
    assert bench.count(WRONG + " AND other < 90") == 0


def test_bad_rows_are_set_aside(bench):
    make_tables(bench, 3_000)
    bench.session.execute("ALTER TABLE t ADD CHECK (id <> 1234 OR c IS NULL)")
    migration = bench.register(FILL)
    with pytest.raises(StatementFailed, match=r"row id = 1234 .* cannot be backfilled"):
        bench.run(migration)
    assert bench.count(WRONG) == 1


def test_rows_that_can_match_several_others_are_refused(bench):
    make_tables(bench, 1_000)
    bench.session.execute("ALTER TABLE u DROP CONSTRAINT u_pkey")
    with pytest.raises(Refused, match="a row can match several rows of u, and its value would be that of any"):
        bench.run(bench.register(FILL))
    bench.session.execute("CREATE UNIQUE INDEX ON u (id) WHERE id > 0")
    bench.session.execute("ALTER TABLE u ADD UNIQUE (id) DEFERRABLE")
    with pytest.raises(Refused, match="several rows of u"):
        bench.run(bench.register(FILL))
    assert bench.count("c IS NOT NULL") == 0
    bench.session.execute("CREATE UNIQUE INDEX ON u (id) INCLUDE (x)")
    bench.run(bench.register(FILL))
    assert bench.count(WRONG) == 0


def test_a_large_table_without_an_index_is_not_read_for_every_batch(bench):
    make_tables(bench, 200)
    bench.session.execute("ALTER TABLE u DROP CONSTRAINT u_pkey, ALTER x SET STORAGE PLAIN")
    bench.session.execute("INSERT INTO u SELECT g, repeat('x', 7000) FROM generate_series(1000, 10000) g")
    bench.session.execute("ANALYZE u")
    migration = bench.register(f"UPDATE t SET c = {FOUND} WHERE c IS DISTINCT FROM {FOUND}")
    with pytest.raises(Refused, match=r"every batch would read all of public\.u, 70 MB"):
        bench.run(migration)
    bench.session.execute("CREATE INDEX ON u (id)")
    bench.run(migration)
    assert bench.count(WRONG) == 0
