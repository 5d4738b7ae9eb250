"""Sizes and rates, on a real server of every version."""

from __future__ import annotations

import time

import pytest

from migrator.model.stats import RelationStats, Stats
from migrator.postgres.connect import Database
from migrator.postgres.session import Session
from migrator.postgres.statistics import read_stats

DEADLINE_S = 60.0


def by_name(stats: Stats) -> dict[str, RelationStats]:
    return {f"{each.schema}.{each.name}": each for each in stats.relations}


@pytest.fixture
def shop(session: Session) -> Session:
    for sql in (
        "CREATE TABLE orders (id int PRIMARY KEY, note text)",
        "ALTER TABLE orders ALTER note SET STORAGE EXTERNAL",
        "INSERT INTO orders SELECT g, repeat('x', 3000) FROM generate_series(1, 100) AS g",
        "CREATE SCHEMA logs",
        "CREATE TABLE logs.events (at int) PARTITION BY RANGE (at)",
        "CREATE TABLE logs.one PARTITION OF logs.events FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE logs.two PARTITION OF logs.events FOR VALUES FROM (10) TO (20)",
        "INSERT INTO logs.events SELECT g % 20 FROM generate_series(1, 5000) AS g",
        "CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM orders",
        "CREATE TABLE empty (a int)",
        "CREATE VIEW shown AS SELECT 1 AS a",
        "CREATE TEMP TABLE passing (a int)",
        "ANALYZE orders",
        "ANALYZE logs.events",
    ):
        session.execute(sql)
    return session


def test_tables_with_their_indexes_toast_and_partitions(shop: Session):
    stats, is_exact = read_stats(shop)
    found = by_name(stats)

    assert is_exact
    assert set(found) == {
        "public.orders", "logs.events", "logs.one", "logs.two", "public.totals", "public.empty",
    }  # fmt: skip
    orders = found["public.orders"]
    assert (orders.rows, orders.kind) == (100, "table")
    assert orders.toast_bytes > 100 * 3_000
    assert orders.index_bytes >= 8192
    size = shop.one("SELECT pg_total_relation_size('orders') AS bytes").bytes
    # the maps of free space and visibility are not counted
    assert 0.7 * size < orders.total_bytes <= size
    events, parts = found["logs.events"], (found["logs.one"], found["logs.two"])
    assert (events.kind, parts[0].kind) == ("partitioned table", "partition")
    assert events.rows == sum(part.rows or 0 for part in parts) == 5_000
    assert events.total_bytes == sum(part.total_bytes for part in parts) > 0
    assert found["public.totals"].kind == "materialized view"
    assert (found["public.empty"].rows, found["public.empty"].total_bytes) == (0, 0)
    assert [each.total_bytes for each in stats.relations] == sorted(
        (x.total_bytes for x in stats.relations), reverse=True
    )
    assert stats.database.server_version.startswith(str(shop.server_version))
    assert stats.search_path == ("public",)


def test_a_table_that_was_never_analyzed_has_no_estimate(session: Session):
    session.execute("CREATE TABLE t WITH (autovacuum_enabled = off) AS SELECT generate_series(1, 1000) AS a")
    assert by_name(read_stats(session)[0])["public.t"].rows is None


def test_rates_since_the_counters_began(session: Session):
    session.execute("CREATE TABLE t (a int)")
    session.execute("SELECT pg_stat_reset()")
    session.execute("INSERT INTO t SELECT generate_series(1, 1000)")
    session.execute("UPDATE t SET a = 0 WHERE a <= 10")
    deadline = time.monotonic() + DEADLINE_S
    while session.one("SELECT n_tup_upd AS n FROM pg_stat_all_tables WHERE relname = 't'").n < 10:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    stats = read_stats(session)[0]

    assert stats.counted_since
    writes = by_name(stats)["public.t"].writes_per_s
    assert writes is not None
    assert 0 < writes.updated < writes.inserted
    assert writes.deleted == 0
    assert writes.total == pytest.approx(writes.inserted + writes.updated)


def test_a_database_whose_counters_were_never_reset_counts_since_its_server_began(session: Session):
    assert read_stats(session)[0].counted_since


def test_a_locked_table_is_not_waited_for(shop: Session, database: Database):
    with database.connect() as other, other.transaction():
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        stats, is_exact = read_stats(shop)

    assert not is_exact
    orders = by_name(stats)["public.orders"]
    assert (orders.rows, orders.total_bytes > 0) == (100, True)


def test_nothing_is_written(shop: Session):
    shop.set("default_transaction_read_only", "on")
    assert read_stats(shop)[0].relations
