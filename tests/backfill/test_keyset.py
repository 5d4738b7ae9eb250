"""Batches by a key: every row once, whatever its type and whatever happens meanwhile; and what has no key."""

from __future__ import annotations

import random

import psycopg
import pytest

from migrator.backfill import checkpoint, keyset, target, trees
from migrator.backfill.keys import KeySpan
from migrator.backfill.reading import read_step
from migrator.backfill.statements import LeafName
from migrator.errors import Refused, StatementFailed
from migrator.ledger import state
from migrator.model.plan import Migration, Phase, Step
from migrator.postgres.session import ServerError
from migrator.sql.parser import deparse_expression
from tests.backfill.test_concurrency import Writers

FILL = "UPDATE t SET c = 'x' || s WHERE c IS DISTINCT FROM 'x' || s"
WRONG = "c IS DISTINCT FROM 'x' || s"
LEAF = LeafName("public", "t")

KEYS = {
    "bigint": ("k bigint", "(n * 7919) % 100003 - 50000"),
    "uuid": ("k uuid", "md5(n::text)::uuid"),
    "numeric": ("k numeric", "(n::numeric - 300) / 7"),
    "float8": ("k float8", "CASE n WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' ELSE (n - 300) / 7.0::float8 END"),
    "text, C": ('k text COLLATE "C"', "chr(65 + n % 57) || ' ''%s\\' || n"),
    "text, ICU": ("k text COLLATE german", "CASE n % 3 WHEN 0 THEN 'ä' WHEN 1 THEN 'Z' ELSE 'a' END || n"),
    "text, ICU, case ignored": ("k text COLLATE insensitive", "CASE n % 2 WHEN 0 THEN 'Ab' ELSE 'aB' END || n"),
    "char(8)": ("k char(8)", "to_hex(n)"),
    "bytea": ("k bytea", "decode(md5(n::text), 'hex')"),
    "timestamptz": ("k timestamptz", "'1890-01-01 BC'::timestamptz + n * interval '3 years 5.000001 s'"),
    "date": ("k date", "CASE n WHEN 1 THEN 'infinity' ELSE '2020-12-28'::date + n END"),
    "interval": ("k interval", "(n - 300) * interval '1 day 2 hours 0.5 s'"),
    "array": ("k int[]", "ARRAY[n % 10, NULL, n]"),
    "enum": ("k mood, l int", "(ARRAY['sad', 'ok', 'gay'])[1 + n % 3]::mood, n"),
    "composite": ('"K 1" text, l int, m bigint', "'g' || n % 5, n % 7, n"),
}


def make_collations(session):
    try:
        session.execute("CREATE COLLATION german (provider = icu, locale = 'de-u-kn-true')")
        session.execute(
            "CREATE COLLATION insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
    except ServerError as error:
        pytest.skip(f"this PostgreSQL has only the collations of the C library: {error.server_message}")


@pytest.mark.parametrize("name", KEYS)
def test_each_row_that_stays_is_in_exactly_one_span_and_spans_end_wherever_rows_come_and_go(session, name):
    rng = random.Random(name)
    columns, values = KEYS[name]
    session.execute("CREATE TYPE mood AS ENUM ('sad', 'ok', 'gay')")
    if "ICU" in name:
        make_collations(session)
    names = (
        ", ".join(column.rsplit(" ", 1)[0] for column in columns.split(", ")) if name in ("enum", "composite") else "k"
    )
    session.execute(f"CREATE TABLE t ({columns}, n int, PRIMARY KEY ({names}))")
    present = set(range(1, 601))
    session.execute(f"INSERT INTO t SELECT {values}, n FROM generate_series(1, 600) AS n")
    # Writings that another session could not read, were they kept.
    session.execute("SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard'; SET extra_float_digits = -5")
    session.execute("SET TimeZone = 'Asia/Kolkata'; SET bytea_output = 'escape'")
    stays, seen, after = set(present), [], None
    fresh = iter(range(601, 5_000))
    key = keyset.key_of(session, LEAF, ())
    assert key is None
    key = keyset.key_of(session, LEAF, tuple(each.strip('"') for each in names.split(", ")))
    spans = 0
    while True:
        rows = rng.choice([1, 2, 7, 40, 100])
        span = KeySpan(key, after)
        found, last = keyset.ahead(session, LEAF, span, rows)
        span = KeySpan(key, after, last if found == rows else None)
        condition = deparse_expression(trees.within("t", span))
        inside = [row.n for row in session.query(f"SELECT n FROM t WHERE {condition}")]
        assert found <= rows
        assert len(inside) == found
        assert (set(keyset.rows_of(session, LEAF, span)) and found) or not inside
        seen += inside
        spans += 1
        if span.last is None:
            break
        after = span.last
        for gone in rng.sample(sorted(present), 5):
            session.execute(f"DELETE FROM t WHERE n = {gone}")
            present.discard(gone)
            stays.discard(gone)
        for new in (next(fresh), next(fresh)):
            session.execute(f"INSERT INTO t SELECT {values}, n FROM generate_series({new}, {new}) AS n")
            present.add(new)
        if rng.random() < 0.3:
            session.execute("SET DateStyle = 'German'" if rng.random() < 0.5 else "SET DateStyle = 'ISO, YMD'")
    assert spans > 5
    assert len(seen) == len(set(seen))
    assert stays <= set(seen)


@pytest.fixture
def other_method(session):
    """A table access method that is not called heap, so that nothing is known of its blocks."""
    name = "other_heap"
    session.execute(f"CREATE ACCESS METHOD {name} TYPE TABLE HANDLER heap_tableam_handler")
    return name


def test_a_table_without_known_blocks_is_gone_through_by_its_key_beside_writers(bench, database_url, other_method):
    bench.session.execute(f"SET default_table_access_method = {other_method}")
    bench.make_table(40_000, trigger=True)
    bench.session.execute("ANALYZE t")
    migration = bench.register(FILL)
    with Writers(database_url, 40_000, threads=2) as writers:
        run = bench.start(migration, workers=2, target_ms=10)
        bench.wait_for(lambda: bench.count("c IS NOT NULL") > 2_000, "progress")
        before = bench.progress(migration)
        run.stop.set()
        run.result()
        bench.run(migration, workers=2, target_ms=20)
    assert 0 < before.percent < 100
    assert writers.errors == []
    assert bench.count(WRONG) == 0
    segments = bench.session.one("SELECT count(*) AS n, count(key_last) AS cut FROM migrator.backfill_segment")
    assert segments.n == 4
    assert segments.cut == 3


def test_rows_are_counted_once_by_workers_of_two_processes(bench, other_method):
    bench.session.execute(f"SET default_table_access_method = {other_method}")
    bench.make_table(40_000)
    bench.session.execute("ANALYZE t")
    migration = bench.register(FILL)
    runs = [bench.start(migration, workers=2, target_ms=5) for _ in range(2)]
    assert all(run.result() for run in runs)
    assert bench.progress(migration).rows_done == 40_000
    assert bench.progress(migration).percent == 100.0


def test_locked_rows_are_passed_over_and_done_later(bench, database_url, other_method):
    bench.session.execute(f"SET default_table_access_method = {other_method}")
    bench.make_table(3_000)
    migration = bench.register(FILL)
    with psycopg.connect(database_url) as holder:
        holder.execute("UPDATE t SET other = 1 WHERE id IN (7, 1500, 2999)")
        run = bench.start(migration, target_ms=20)
        bench.wait_for(lambda: bench.count("c IS NOT NULL") == 2_997, "the free rows")
        bench.wait_for(lambda: any("rows are locked" in note for note in run.notes), "a note")
        holder.rollback()
        assert run.result() is True
    assert bench.count(WRONG) == 0
    assert bench.progress(migration).rows_done == 3_000


def test_bad_rows_are_set_aside_by_their_key(bench):
    bench.session.execute("CREATE TABLE t (a int, b text, s text, n int, PRIMARY KEY (a, b))")
    bench.session.execute("INSERT INTO t SELECT g / 100, g % 100, g FROM generate_series(1, 5000) g")
    bench.session.execute("UPDATE t SET s = 'no' WHERE (a, b) IN ((3, '17'), (49, '99'))")
    migration = by_key(bench, "UPDATE t SET n = s::int WHERE n IS NULL AND s IS NOT NULL", "a", "b")
    with pytest.raises(StatementFailed, match="2 rows cannot be backfilled") as failed:
        bench.run(migration)
    assert "a = 3, b = 17" in failed.value.detail
    assert bench.count("n IS NULL") == 2
    bench.session.execute("UPDATE t SET s = '1' WHERE s = 'no'")
    bench.run(migration)
    assert bench.count("n IS NULL") == 0


def by_key(bench, sql, *columns):
    step = Step("fill", sql, Phase.BACKFILL, None, key=columns, line=3, at="m/backfill.sql:3")
    migration = Migration(id="20260101T000000_key", level=2, title="test", steps=(step,))
    state.register(bench.session, bench.project, migration)
    return migration


COPY = "INSERT INTO n (id, c) SELECT v.id, 'x' || v.s FROM v ON CONFLICT (id) DO UPDATE SET c = EXCLUDED.c"


def sources(bench):
    bench.make_table(3_000)
    bench.session.execute("CREATE TABLE n (id int PRIMARY KEY, c text)")


def test_rows_of_a_view_are_moved_by_the_key_its_author_names_and_locked_below_it(bench, database_url):
    sources(bench)
    bench.session.execute("CREATE VIEW v AS SELECT id, upper(s) AS s FROM t WHERE id % 3 = 0")
    with pytest.raises(Refused, match=r"public\.v has no blocks to go by") as refused:
        bench.run(bench.register(COPY))
    assert "-- key:" in refused.value.hint
    migration = by_key(bench, COPY, "id")
    with psycopg.connect(database_url) as holder:
        holder.execute("UPDATE t SET other = 1 WHERE id = 300")
        run = bench.start(migration)
        bench.wait_for(lambda: any("rows are locked" in note for note in run.notes), "a note")
        holder.rollback()
        assert run.result() is True
    assert bench.count("c LIKE 'xV%'", "n") == 1_000
    assert bench.progress(migration).rows_done == 1_000


def test_a_bad_row_of_a_view_is_named_by_its_key(bench):
    sources(bench)
    bench.session.execute("CREATE VIEW v AS SELECT id, s FROM t")
    bench.session.execute("ALTER TABLE n ADD CHECK (id <> 2345)")
    with pytest.raises(StatementFailed, match=r"row id = 2345 of public\.v cannot be backfilled.*violates check"):
        bench.run(by_key(bench, COPY, "id"))
    bench.session.execute("DELETE FROM t WHERE id = 2345")
    bench.run(by_key(bench, COPY, "id"))
    assert bench.count("true", "n") == 2_999


def test_rows_of_a_materialized_view_are_moved_by_blocks_and_those_of_a_foreign_table_by_key(bench):
    sources(bench)
    bench.session.execute("CREATE MATERIALIZED VIEW v AS SELECT id, s FROM t")
    bench.run(bench.register(COPY))
    assert bench.count("true", "n") == 3_000
    if not bench.session.maybe("SELECT 1 FROM pg_available_extensions WHERE name = 'postgres_fdw'"):
        pytest.skip("this PostgreSQL comes without postgres_fdw")
    here = bench.session.one(
        "SELECT current_database() AS d, current_setting('port') AS p,"
        " split_part(current_setting('unix_socket_directories'), ',', 1) AS h"
    )
    bench.session.execute("DROP MATERIALIZED VIEW v")
    bench.session.execute("TRUNCATE n")
    bench.session.execute("CREATE EXTENSION postgres_fdw")
    bench.session.execute(
        "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw"
        f" OPTIONS (host '{here.h}', port '{here.p}', dbname '{here.d}')"
    )
    bench.session.execute("CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user 'postgres')")
    bench.session.execute("CREATE FOREIGN TABLE v (id int, s text) SERVER s OPTIONS (table_name 't')")
    bench.run(by_key(bench, COPY, "id"))
    assert bench.count("c LIKE 'xv%'", "n") == 3_000


MOVE = "INSERT INTO n (k) SELECT t.k FROM t ON CONFLICT (k) DO NOTHING"
INTO = "CREATE TABLE n (k int PRIMARY KEY)"
NONE = "no unique index on "


@pytest.mark.parametrize(
    ("ddl", "columns", "reason"),
    [
        ("CREATE TABLE t (id int, s text, c text)", "id", NONE),
        ("CREATE TABLE t (id int UNIQUE, s text, c text)", "id", NONE),
        ('CREATE TABLE t (id text NOT NULL, s text, c text); CREATE UNIQUE INDEX ON t (id COLLATE "C")', "id", NONE),
        (
            "CREATE TABLE t (id text NOT NULL, s text, c text); CREATE UNIQUE INDEX ON t (id text_pattern_ops)",
            "id",
            NONE,
        ),
        ("CREATE TABLE t (id int NOT NULL, s text, c text); CREATE UNIQUE INDEX ON t (id) WHERE id > 0", "id", NONE),
        ("CREATE TABLE t (id int NOT NULL, s text, c text); CREATE UNIQUE INDEX ON t (abs(id))", "id", NONE),
        ("CREATE TABLE t (a int, b int, s text, c text, PRIMARY KEY (a, b))", "b a", r"no unique index on \(b, a\)"),
        ("CREATE TABLE t (a int PRIMARY KEY, s text, c text)", "z", 'no column "z"'),
        ("CREATE TABLE t (s text, c text PRIMARY KEY)", "c", 'sets "c", and goes by the order of it'),
        ("CREATE VIEW t AS SELECT 1 AS s, 2 AS c", "s", "is a view, not a table"),
    ],
)
def test_updates_without_a_key_to_go_by_are_refused_with_the_reason(bench, ddl, columns, reason):
    bench.session.execute(ddl)
    with pytest.raises(Refused, match=reason):
        bench.run(by_key(bench, FILL, *columns.split()))


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT NULL::int AS k UNION ALL SELECT 1", r"key \(k\) of public\.t is NULL in some rows"),
        ("SELECT relpages AS k, count(*) FROM pg_class GROUP BY 1", "FOR SHARE is not allowed with GROUP BY"),
        ("SELECT 1 AS k, '1'::json AS z", "cannot be read by its key: could not identify an ordering"),
    ],
)
def test_views_without_a_key_to_go_by_are_refused_with_the_reason(bench, query, reason):
    bench.session.execute(f"CREATE VIEW t AS {query}; {INTO}")
    with pytest.raises(Refused, match=reason):
        bench.run(by_key(bench, MOVE, "z" if "z" in query else "k"))


def test_a_table_without_blocks_and_key_is_refused(bench, other_method):
    bench.session.execute(f"CREATE TABLE t (s text, c text) USING {other_method}")
    with pytest.raises(Refused, match='uses access method "other_heap", so it has no blocks to go by') as refused:
        bench.run(bench.register(FILL))
    assert "CREATE UNIQUE INDEX CONCURRENTLY" in refused.value.hint


def test_the_smallest_key_that_is_never_null_is_taken(bench, other_method):
    bench.session.execute(
        f"CREATE TABLE t (a int NOT NULL, b int NOT NULL, d int UNIQUE, e uuid NOT NULL) USING {other_method}"
    )
    bench.session.execute("CREATE UNIQUE INDEX ON t (a, b); CREATE UNIQUE INDEX ON t (e DESC) INCLUDE (a)")
    key = keyset.key_of(bench.session, LEAF, ())
    assert [column.name for column in key.columns] == ["e"]
    bench.session.execute("ALTER TABLE t ADD PRIMARY KEY (a, b)")
    key = keyset.key_of(bench.session, LEAF, ())
    assert [column.name for column in key.columns] == ["a", "b"]


def test_a_table_replaced_under_its_name_is_gone_through_from_its_start(bench):
    bench.make_table(2_000)
    step = by_key(bench, FILL, "id").steps[0]
    key = checkpoint.JobKey(bench.project, "20260101T000000_key", "fill")
    found = target.prepare(bench.session, read_step(step))
    checkpoint.open_job(bench.session, key, found, 4)
    bench.session.execute("ALTER TABLE t RENAME TO t_old; CREATE TABLE t (LIKE t_old INCLUDING ALL)")
    with bench.session.transaction():
        claimed = checkpoint.claim(bench.session, key, "me")
        counts = {"rows_done": 1, "rows_hot": 0, "rows_left": 0, "by_key": True, "key_stop": ("5",), "batch_stop": 2}
        assert not checkpoint.advance(bench.session, key, claimed, "me", claimed.place, **counts)
