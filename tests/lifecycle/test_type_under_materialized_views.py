"""Materialized views that read a column, and what reads them, are as before around one of another type."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic

import psycopg
import pytest

from migrator.client import application_name
from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal, wait_for

NEW = application_name("web", level=1, version="v1")
OFFLINE = "nobody is connected in this test"
TABLE = """
    CREATE TABLE orders (id integer PRIMARY KEY, total integer, region text);
    INSERT INTO orders SELECT g, g * 2, 'r' || g % 3 FROM generate_series(1, 60) AS g;
"""
RETYPE = "ALTER TABLE orders ALTER COLUMN total TYPE bigint"
VIEWS = """
    CREATE SCHEMA app;
    CREATE VIEW app."Big" WITH (security_barrier=true) AS SELECT id, total AS "Sum", region FROM orders WHERE total > 3;
    CREATE MATERIALIZED VIEW sums WITH (fillfactor=70) AS
        SELECT region, sum(total) AS total, max(o.total) OVER () AS most FROM orders AS o GROUP BY region, o.total;
    CREATE MATERIALIZED VIEW app.of_view AS
        SELECT b.region, count(*) AS n, min(b."Sum") AS "Least" FROM app."Big" AS b JOIN orders USING (id)
        WHERE orders.total < 100 GROUP BY 1 ORDER BY 2;
    CREATE MATERIALIZED VIEW of_stored AS SELECT s.total, v."Least" FROM sums AS s JOIN app.of_view AS v USING (region);
    CREATE VIEW over_stored AS SELECT -total AS more FROM of_stored;
    CREATE VIEW plain AS SELECT total, region FROM orders;
    CREATE MATERIALIZED VIEW empty AS SELECT total FROM plain WITH NO DATA;
    CREATE MATERIALIZED VIEW beside AS SELECT id, region FROM orders;
    CREATE INDEX sums_total ON sums (total, lower(region)) WHERE region <> 'none';
    CREATE UNIQUE INDEX ON app.of_view (region); CREATE INDEX empty_total ON empty (total);
    COMMENT ON INDEX sums_total IS 'by sum'; COMMENT ON MATERIALIZED VIEW sums IS 'sums';
    COMMENT ON COLUMN sums.total IS 'their sum'; ALTER MATERIALIZED VIEW sums ALTER region SET STATISTICS 300;
"""
ABOUT = """
    SELECT n.nspname, c.relname, c.relkind, c.reloptions, c.relowner::regrole::text, c.relispopulated,
        coalesce(c.relacl, acldefault('r', c.relowner))::text, obj_description(c.oid, 'pg_class'),
        pg_get_viewdef(c.oid), a.attname, a.attacl::text, col_description(c.oid, a.attnum), a.attcollation,
        a.attstattarget, ARRAY(SELECT concat_ws(' ', pg_get_indexdef(i.indexrelid),
            obj_description(i.indexrelid, 'pg_class'))
            FROM pg_index AS i WHERE i.indrelid = c.oid ORDER BY 1)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relkind IN ('v', 'm') AND n.nspname IN ('public', 'app') ORDER BY 1, 2, a.attnum
"""


def test_everything_is_as_before_but_the_type(sandbox: Sandbox) -> None:
    sandbox.configure(lock_timeout="5s")  # seven views, on a machine with much else to do
    owner, reader = (f"{what}_{secrets.token_hex(3)}" for what in ("owner", "reader"))
    sandbox.execute(TABLE + VIEWS + f"CREATE ROLE {owner}; CREATE ROLE {reader}; GRANT ALL ON orders TO {owner};")
    sandbox.execute(f"""
        GRANT CREATE ON SCHEMA public TO {owner}; ALTER MATERIALIZED VIEW sums OWNER TO {owner};
        GRANT SELECT ON sums TO {reader} WITH GRANT OPTION; GRANT SELECT (total) ON of_stored TO {reader};
    """)
    before, untouched = sandbox.rows(ABOUT), sandbox.value("SELECT 'beside'::regclass::oid")
    names = ("sums", "app.of_view", "of_stored", "over_stored")
    rows = {name: sandbox.rows(f"SELECT * FROM {name} ORDER BY 1, 2" if "over" not in name else "TABLE over_stored")
            for name in names}  # fmt: skip
    try:
        sandbox.install()
        migration = sandbox.new("retype", RETYPE)
        sandbox.expand(migration)
        sandbox.backfill(migration)
        assert sandbox.rows(ABOUT) == before
        sandbox.contract(migration, offline=OFFLINE)

        assert sandbox.rows(ABOUT) == before
        assert sandbox.leftovers() == []
        assert sandbox.value("SELECT 'beside'::regclass::oid") == untouched
        for name in names[:3]:
            assert sandbox.rows(f"SELECT * FROM {name} ORDER BY 1, 2") == rows[name]
        assert sorted(sandbox.rows("TABLE over_stored")) == sorted(rows["over_stored"])
        assert sandbox.value("SELECT pg_typeof(most)::text FROM sums LIMIT 1") == "bigint"
        sandbox.execute("UPDATE orders SET total = 3000000000 WHERE id = 1")
        sandbox.execute("REFRESH MATERIALIZED VIEW sums; REFRESH MATERIALIZED VIEW CONCURRENTLY app.of_view")
        assert sandbox.value("SELECT max(most) FROM sums") == 3000000000
    finally:
        sandbox.execute(f"DROP OWNED BY {owner}, {reader} CASCADE; DROP ROLE {owner}, {reader}")


def test_where_the_server_only_notes_the_type_a_column_takes_its_place_all_the_same(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE notes (id int PRIMARY KEY, note varchar(9)); INSERT INTO notes VALUES (1, 'a')")
    sandbox.execute("CREATE MATERIALIZED VIEW m AS SELECT note FROM notes; CREATE VIEW v AS SELECT note FROM m")
    sandbox.finish(sandbox.new("retype", "ALTER TABLE notes ALTER note TYPE varchar(20)"))
    assert sandbox.rows("SELECT note FROM v") == [("a",)]
    assert sandbox.value("SELECT atttypmod FROM pg_attribute WHERE attrelid = 'v'::regclass") == 24


def test_of_a_partitioned_table_as_well(sandbox: Sandbox) -> None:
    sandbox.execute("""
        CREATE TABLE orders (id integer, total integer, PRIMARY KEY (id)) PARTITION BY RANGE (id);
        CREATE TABLE low PARTITION OF orders FOR VALUES FROM (0) TO (10);
        CREATE TABLE high PARTITION OF orders FOR VALUES FROM (10) TO (100);
        INSERT INTO orders SELECT g, g FROM generate_series(1, 30) AS g;
        CREATE MATERIALIZED VIEW m AS SELECT sum(total) AS sum FROM orders;
    """)
    sandbox.finish(sandbox.new("retype", RETYPE))
    assert sandbox.rows("SELECT sum, pg_typeof(sum)::text FROM m") == [(465, "numeric")]


@pytest.mark.parametrize(
    ("beside", "retype", "said", "way"),
    [
        ("CREATE MATERIALIZED VIEW m AS SELECT total FROM orders; CREATE INDEX i ON m (total); CLUSTER m USING i",
         RETYPE, "public.m: it is clustered by index i: SET WITHOUT CLUSTER",
         "ALTER MATERIALIZED VIEW m SET WITHOUT CLUSTER"),
        ("CREATE MATERIALIZED VIEW m AS SELECT total, id FROM orders; CREATE STATISTICS s ON total, id FROM m",
         RETYPE, "public.m: statistics object", "DROP STATISTICS s"),
        ("CREATE MATERIALIZED VIEW m AS SELECT total FROM orders; CREATE UNIQUE INDEX i ON m (total)",
         "ALTER TABLE orders ALTER total TYPE json USING to_json(total)",
         "materialized view public.m on total of type pg_catalog.json", "DROP INDEX i"),
        ("CREATE MATERIALIZED VIEW m AS SELECT total + 1 AS more FROM orders",
         "ALTER TABLE orders ALTER total TYPE text", "materialized view public.m on total of type text",
         "DROP MATERIALIZED VIEW m"),
    ],
)  # fmt: skip
def test_what_the_new_one_could_not_have_is_refused_before_anything(
    sandbox: Sandbox, beside: str, retype: str, said: str, way: str
) -> None:
    sandbox.execute(TABLE + beside)
    with pytest.raises(Refused) as caught:
        sandbox.new("retype", retype)
    assert said in refusal(caught.value)
    sandbox.execute(way)
    sandbox.finish(sandbox.new("retype", retype))


@pytest.mark.parametrize(
    "since",
    [
        "CREATE INDEX late ON sums (region)",
        "DROP INDEX sums_total",
        "CREATE MATERIALIZED VIEW late AS SELECT total FROM orders",
        "DROP MATERIALIZED VIEW empty",
        "REFRESH MATERIALIZED VIEW empty",
    ],
)
def test_what_changed_since_expand_stops_contract(sandbox: Sandbox, since: str) -> None:
    sandbox.execute(TABLE + VIEWS)
    migration = sandbox.new("retype", RETYPE)
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.execute(since)
    with pytest.raises(Refused, match="since it was planned"):
        sandbox.contract(migration, offline=OFFLINE)


def test_readers_never_wait_for_the_filling_and_always_find_rows(sandbox: Sandbox) -> None:
    sandbox.configure({"name": "web", "ttl": "1h"}, gate={"soak": "0s"})
    sandbox.execute(TABLE)
    sandbox.execute("""
        CREATE VIEW slow AS SELECT total, pg_sleep(0.02)::text AS slept FROM orders;
        CREATE MATERIALIZED VIEW m AS SELECT total FROM slow WHERE slept = '';
        CREATE VIEW v AS SELECT count(*) AS n, max(total) AS most FROM m;
    """)
    migration = sandbox.new("retype", RETYPE)
    sandbox.expand(migration)
    sandbox.backfill(migration)
    found: list[tuple[object, ...]] = []
    waited_s: list[float] = []
    done = Event()

    def read() -> None:
        with psycopg.connect(sandbox.url, autocommit=True, prepare_threshold=None, application_name=NEW) as reader:
            while not done.is_set():
                began = monotonic()
                found.extend(reader.execute("SELECT n, most FROM v").fetchall())
                found.extend(reader.execute("SELECT count(*), max(total) FROM m").fetchall())
                waited_s.append(monotonic() - began)

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        try:
            wait_for(lambda: found, "the first rows")
            assert sandbox.beat(level=1)
            sandbox.contract(migration, wait_s=10)
        finally:
            done.set()
        reading.result(timeout=30)

    assert set(found) == {(60, 120)}
    # The filling alone sleeps for 1.2 s.
    assert max(waited_s) < 1.0
    assert sandbox.value("SELECT pg_typeof(most)::text FROM v") == "bigint"
