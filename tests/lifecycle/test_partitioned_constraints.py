"""Keys and foreign keys of partitioned tables come partition by partition, while others write; a broken run goes on."""

from __future__ import annotations

import re

import psycopg
import pytest

from migrator.errors import Refused
from migrator.postgres.session import ServerError
from tests.support.sandbox import SERVICE, Sandbox, refusal, wait_for

OFFLINE = "nobody is connected in this test"
CHANGES = {
    "unique": "ALTER TABLE events ADD UNIQUE (id, at) INCLUDE (note) DEFERRABLE INITIALLY DEFERRED",
    "primary key": "ALTER TABLE events ADD PRIMARY KEY (at, id) WITH (fillfactor = 80)",
    "foreign key": "ALTER TABLE events ADD FOREIGN KEY (person) REFERENCES people ON DELETE CASCADE",
    "foreign key to partitions": "ALTER TABLE events ADD CONSTRAINT placed FOREIGN KEY (place, at) REFERENCES places",
}
MEANWHILE = """
    CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM (20) TO (30);
    CREATE TABLE events_4 (LIKE events INCLUDING ALL);
    INSERT INTO events_4 VALUES (30, 30, 'n30');
    ALTER TABLE events ATTACH PARTITION events_4 FOR VALUES FROM (30) TO (40);
    INSERT INTO events VALUES (25, 25, 'n25', 3), (5, 6, 'again', NULL);
"""


@pytest.fixture
def events(sandbox: Sandbox) -> Sandbox:
    sandbox.execute("""
        CREATE TABLE people (id int PRIMARY KEY);
        INSERT INTO people SELECT generate_series(1, 50);
        CREATE TABLE places (id int, at int, PRIMARY KEY (id, at)) PARTITION BY LIST (id);
        CREATE TABLE places_1 PARTITION OF places FOR VALUES IN (1);
        CREATE TABLE places_2 PARTITION OF places DEFAULT;
        INSERT INTO places SELECT g % 2, g FROM generate_series(0, 40) AS g;
        CREATE TABLE events (id int NOT NULL, at int NOT NULL, note text, person int, place int)
            PARTITION BY RANGE (at);
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
        CREATE TABLE "Events ""2" PARTITION OF events FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id);
        CREATE TABLE events_2a PARTITION OF "Events ""2" FOR VALUES IN (11, 12, 13);
        CREATE SCHEMA old;
        CREATE TABLE old.events_2b PARTITION OF "Events ""2" DEFAULT;
        INSERT INTO events SELECT g, g, 'n' || g, 1 + g, g % 2 FROM generate_series(0, 19) AS g;
    """)
    sandbox.install()
    return sandbox


@pytest.mark.parametrize("kind", CHANGES)
def test_the_shape_is_as_if_it_had_been_added_at_once(events: Sandbox, kind: str) -> None:
    before = events.snapshot()
    migration = events.new("key", CHANGES[kind])
    events.expand(migration)
    assert events.snapshot() == before
    after = events.shape_after(MEANWHILE + CHANGES[kind])
    events.execute(MEANWHILE)
    events.contract(migration, offline=OFFLINE)
    assert _unnumbered(events.snapshot()) == _unnumbered(after)
    assert events.leftovers() == []
    events.execute("CREATE TABLE events_5 PARTITION OF events FOR VALUES FROM (40) TO (50)")
    broken = {"foreign key": "(99, 45, 'x', 99, 1)", "foreign key to partitions": "(99, 45, 'x', 1, 1)"}
    with pytest.raises(ServerError, match=r"duplicate key|violates foreign key"):
        events.execute(f"INSERT INTO events VALUES {broken.get(kind, '''(12, 12, 'n12', 1, 1)''')}")


def _unnumbered(shape: frozenset[str]) -> frozenset[str]:
    """A shape in which foreign keys that the server gives a number of its own to are alike.

    Those to single partitions, and from 18 on those of a partition that has another one of the name.
    """
    return frozenset(
        re.sub(r"^constraint (placed|pointing|events_2a_person)_([0-9]+|fkey) ", "constraint N ", line)
        for line in shape
    )


@pytest.mark.parametrize("kind", ["unique", "foreign key"])
@pytest.mark.parametrize("number", [2, 4])
def test_a_run_that_is_cut_off_goes_on(events: Sandbox, kind: str, number: int) -> None:
    after = events.shape_after(CHANGES[kind])
    migration = events.new("key", CHANGES[kind])
    events.expand(migration)
    process = events.process(
        "contract", migration.id, "--offline", OFFLINE,
        MIGRATOR_KILL_AT=str(number), MIGRATOR_KILL_MATCH="CREATE UNIQUE|ALTER TABLE .*(ADD CONSTRAINT|VALIDATE)",
    )  # fmt: skip
    process.communicate(timeout=60)
    assert process.returncode == -9
    wait_for(lambda: events.command("contract", migration.id, "--offline", OFFLINE).code == 0, "contract")
    assert events.snapshot() == after


def test_what_partitions_have_already_is_taken(events: Sandbox) -> None:
    events.execute(
        "ALTER TABLE events_1 ADD CONSTRAINT mine UNIQUE (id, at) INCLUDE (note) DEFERRABLE INITIALLY DEFERRED;"
        "ALTER TABLE events_2a ADD CONSTRAINT other UNIQUE (id, at);"
        "ALTER TABLE events_1 ADD CONSTRAINT mine_too FOREIGN KEY (person) REFERENCES people ON DELETE CASCADE;"
        "ALTER TABLE events_2a ADD CONSTRAINT pointing FOREIGN KEY (person) REFERENCES people"
    )
    sql = f"{CHANGES['unique']}; {CHANGES['foreign key'].replace('FOREIGN', 'CONSTRAINT pointing FOREIGN')}"
    after = events.shape_after(sql)
    events.finish(events.new("key", sql))
    assert _unnumbered(events.snapshot()) == _unnumbered(after)


def test_it_is_built_while_others_write(events: Sandbox) -> None:
    events.configure(SERVICE)
    events.install()
    migration = events.new("key", f"{CHANGES['primary key']}; {CHANGES['foreign key']}")
    events.expand(migration)
    assert events.beat(level=1)
    with psycopg.connect(events.url, autocommit=True, application_name="web/web-1/1") as other:
        other.execute("SET lock_timeout = '2s'")
        with other.transaction():
            other.execute("UPDATE events_2a SET note = note")
            process = events.process("contract", migration.id)
            waiting = (
                "SELECT FROM pg_stat_activity WHERE query ~ '^CREATE UNIQUE INDEX CONCURRENTLY'"
                " AND wait_event_type = 'Lock'"
            )
            wait_for(lambda: events.rows(waiting) or process.poll() is not None, "the build of one partition waits")
            assert process.poll() is None, process.communicate()
            with psycopg.connect(events.url, autocommit=True, application_name="web/web-1/1") as third:
                third.execute("SET lock_timeout = '2s'; INSERT INTO events VALUES (5, 6, 'x'), (12, 13, 'y')")
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert events.state(migration) == "contracted"


def test_duplicates_in_one_partition_can_be_put_right(events: Sandbox) -> None:
    migration = events.new("key", CHANGES["unique"])
    events.expand(migration)
    events.execute("INSERT INTO events VALUES (12, 12, 'again')")
    with pytest.raises(Refused, match="occurs more than once"):
        events.contract(migration, offline=OFFLINE)
    events.execute("DELETE FROM events WHERE note = 'again'")
    events.contract(migration, offline=OFFLINE)


FOREIGN = (
    "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;"
    "CREATE FOREIGN TABLE events_far PARTITION OF events FOR VALUES FROM (90) TO (99) SERVER far"
)


@pytest.mark.parametrize(
    ("beside", "sql", "said"),
    [
        ("", "ALTER TABLE events ADD UNIQUE (id)", "has all columns that divide it"),
        ("", "ALTER TABLE events ADD PRIMARY KEY (id)", "has all columns that divide it"),
        (
            "ALTER TABLE events_2a ADD PRIMARY KEY (id)",
            CHANGES["primary key"],
            "partition public.events_2a of \"public.events\" has a primary key of its own: events_2a_pkey (id)",
        ),
        (FOREIGN, CHANGES["unique"], "partition public.events_far of \"public.events\" is a foreign table"),
        (FOREIGN, CHANGES["foreign key"], "is a foreign table, which has no foreign keys"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_before_anything(events: Sandbox, beside: str, sql: str, said: str) -> None:
    events.execute(beside or "SELECT")
    with pytest.raises(Refused) as caught:
        events.new("key", sql)
    assert said in refusal(caught.value)


def test_plan_says_the_locks_that_are_taken(events: Sandbox) -> None:
    migration = events.new(
        "keys", f"CREATE INDEX by_note ON events (note); {CHANGES['foreign key']}; {CHANGES['primary key']}"
    )
    said = events.command("plan", migration.id).out
    assert "locks: SHARE ON public.events: writes wait, for a moment; SHARE UPDATE EXCLUSIVE on each partition" in said
    assert "locks: ACCESS EXCLUSIVE ON public.people, SHARE ROW EXCLUSIVE ON public.events: reads and writes" in said
    lint = events.command("lint", "migrations")
    assert lint.code == 0, lint.out
