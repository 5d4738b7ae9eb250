"""Indexes of partitioned tables are built on each partition while others write; a broken build leaves nothing."""

from __future__ import annotations

import psycopg
import pytest

from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.postgres.session import ServerError
from tests.support.sandbox import Sandbox, refusal, wait_for

OFFLINE = "nobody is connected in this test"
SQL = 'CREATE INDEX "by %s" ON events (note DESC, at) INCLUDE (id) WHERE id > 3'
INDEXES = """
    SELECT c.oid::regclass::text, i.indisvalid, c.relispartition
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE i.indrelid IN (SELECT relid FROM pg_partition_tree('events')) ORDER BY c.oid
"""


@pytest.fixture
def events(sandbox: Sandbox) -> Sandbox:
    sandbox.execute("""
        CREATE TABLE events (id int, at int, note text) PARTITION BY RANGE (at);
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
        CREATE TABLE "Events ""2" PARTITION OF events FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id);
        CREATE TABLE events_2a PARTITION OF "Events ""2" FOR VALUES IN (11, 12, 13);
        CREATE SCHEMA old;
        CREATE TABLE old.events_2b PARTITION OF "Events ""2" DEFAULT;
        INSERT INTO events SELECT g, g, 'n' || g FROM generate_series(0, 19) AS g;
    """)
    sandbox.install()
    return sandbox


def test_each_partition_gets_its_own_and_the_index_is_valid(events: Sandbox) -> None:
    migration = events.new("index", SQL)
    assert events.expand(migration)

    found = events.rows(INDEXES)
    assert [valid for _, valid, _ in found] == [True] * 5
    assert [part for _, _, part in found] == [False, *[True] * 4]
    assert events.value("SELECT pg_get_indexdef('\"by %s\"'::regclass)").endswith(
        "ON ONLY public.events USING btree (note DESC, at) INCLUDE (id) WHERE (id > 3)"
    )
    events.execute("CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM (20) TO (30)")
    assert len(events.rows(INDEXES)) == 6
    events.rollback(migration, offline=OFFLINE)
    assert events.rows(INDEXES) == []
    assert events.leftovers() == []


def test_writers_of_every_partition_go_on(events: Sandbox) -> None:
    migration = events.new("index", SQL)
    with psycopg.connect(events.url, autocommit=True) as other:
        other.execute("SET lock_timeout = '2s'")
        with other.transaction():
            other.execute("UPDATE events_2a SET note = note")
            process = events.process("expand")
            waiting = (
                "SELECT FROM pg_stat_activity WHERE query ~ '^CREATE INDEX CONCURRENTLY' AND wait_event_type = 'Lock'"
            )
            wait_for(lambda: events.rows(waiting), "the build of one partition waits")
            with psycopg.connect(events.url, autocommit=True) as third:
                third.execute("SET lock_timeout = '2s'; INSERT INTO events VALUES (5, 5, 'x'), (12, 12, 'y')")
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert events.state(migration) == "complete"


@pytest.mark.parametrize("number", [1, 2, 3, 4, 6])
def test_a_build_that_is_cut_off_goes_on_or_is_undone(events: Sandbox, number: int) -> None:
    migration = events.new("index", SQL)
    pattern = r"CREATE INDEX|ALTER INDEX"
    process = events.process("expand", MIGRATOR_KILL_AT=str(number), MIGRATOR_KILL_MATCH=pattern)
    process.communicate(timeout=60)
    assert process.returncode == -9
    if number % 2:
        wait_for(lambda: events.command("expand").code == 0, "expand")
        assert [valid for _, valid, _ in events.rows(INDEXES)] == [True] * 5
    else:
        wait_for(lambda: events.command("rollback", migration.id, "--yes", "--offline", OFFLINE).code == 0, "rollback")
        assert events.rows(INDEXES) == []
        assert events.state(migration) == "rolled_back"


def test_an_index_that_a_partition_has_is_attached(events: Sandbox) -> None:
    events.execute("CREATE INDEX mine ON events_1 (note DESC, at) INCLUDE (id) WHERE id > 3")
    events.execute("CREATE INDEX other ON events_1 (note, at) INCLUDE (id) WHERE id > 3")
    events.expand(events.new("index", SQL))

    assert len(events.rows(INDEXES)) == 6
    assert ("mine", True, True) in events.rows(INDEXES)
    assert ("other", True, False) in events.rows(INDEXES)


def test_a_unique_one_fails_on_duplicates_and_goes_on(events: Sandbox) -> None:
    migration = events.new("unique", "CREATE UNIQUE INDEX once ON events (id, at)")
    assert not migration.phase(Phase.EXPAND)
    events.expand(migration)
    events.execute("INSERT INTO events VALUES (12, 12, 'again')")
    with pytest.raises(ServerError) as caught:
        events.contract(migration, offline=OFFLINE)
    assert "Key (id, at)=(12, 12) is duplicated" in refusal(caught.value)
    built = len(events.rows(INDEXES))
    assert all(valid or not part for _, valid, part in events.rows(INDEXES)) or built < 5
    events.execute("DELETE FROM events WHERE note = 'again'")
    events.contract(migration, offline=OFFLINE)

    assert [valid for _, valid, _ in events.rows(INDEXES)] == [True] * 5
    with pytest.raises(ServerError, match="duplicate key"):
        events.execute("INSERT INTO events VALUES (12, 12, 'again')")


def test_a_unique_one_without_the_key_of_the_partitions_is_found_before_anything(events: Sandbox) -> None:
    with pytest.raises(Refused) as caught:
        events.new("unique", "CREATE UNIQUE INDEX once ON events (id)")
    assert "a unique index of a partitioned table has all columns that divide it" in refusal(caught.value)


def test_a_partition_elsewhere_is_said_before_anything(events: Sandbox) -> None:
    events.execute(
        "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;"
        "CREATE FOREIGN TABLE events_far PARTITION OF events FOR VALUES FROM (90) TO (99) SERVER far"
    )
    migration = events.new("index", SQL)
    with pytest.raises(Refused, match="events_far is a foreign table"):
        events.expand(migration)
    assert events.rows(INDEXES) == []


def test_it_is_dropped_with_its_parts_at_contract(events: Sandbox) -> None:
    events.execute("CREATE INDEX by_note ON events (note)")
    migration = events.new("drop", "DROP INDEX by_note")
    events.expand(migration)
    assert len(events.rows(INDEXES)) == 5
    events.contract(migration, offline=OFFLINE)
    assert events.rows(INDEXES) == []


def test_partitions_that_come_and_go_meanwhile_are_no_obstacle(events: Sandbox) -> None:
    migration = events.new("index", SQL)
    events.execute("DROP TABLE events_2a; CREATE TABLE events_4 PARTITION OF events FOR VALUES FROM (40) TO (50)")
    with psycopg.connect(events.url) as other:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        process = events.process("expand")
        waiting = "SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%'"
        wait_for(lambda: events.rows(waiting), "a build")
        events.execute("ALTER TABLE events DETACH PARTITION events_4; DROP TABLE events_4")
        events.execute("CREATE TABLE events_5 PARTITION OF events FOR VALUES FROM (50) TO (60)")
        other.rollback()
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert all(valid for _, valid, _ in events.rows(INDEXES))
    assert events.state(migration) == "complete"


def test_a_step_that_was_written_by_hand_is_run_alike(events: Sandbox) -> None:
    migration = events.write(
        "20260101T0000_note",
        expand="-- step: index transaction=none\nCREATE INDEX CONCURRENTLY by_note ON events (note);",
        rollback="-- step: drop transaction=none undoes=index\nDROP INDEX CONCURRENTLY IF EXISTS by_note;",
    )
    events.expand(migration)
    assert [valid for _, valid, _ in events.rows(INDEXES)] == [True] * 5
    events.rollback(migration, offline=OFFLINE)
    assert events.rows(INDEXES) == []
