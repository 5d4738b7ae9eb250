"""Columns of partitioned tables change their type; what hangs on them is made anew on each partition."""

from __future__ import annotations

import pytest

from migrator.changes.partition import HAS_PARTITIONED_IDENTITY
from migrator.errors import Refused
from migrator.postgres.session import ServerError
from tests.lifecycle.harness import unplaced_lines
from tests.support.sandbox import Sandbox, refusal, wait_for

OFFLINE = "nobody is connected in this test"
TABLE = """
    CREATE TABLE people (id int PRIMARY KEY);
    INSERT INTO people SELECT generate_series(0, 50);
    CREATE TABLE events (id int NOT NULL, at int NOT NULL, note varchar(9) DEFAULT 'none', person smallint, n serial,
        word varchar(9) DEFAULT lower('X') || (random() * 9)::int,
        CONSTRAINT filled CHECK (note <> ''), CONSTRAINT "On ce" UNIQUE (id, at, person) INCLUDE (note),
        CONSTRAINT known FOREIGN KEY (person) REFERENCES people ON DELETE CASCADE) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10) PARTITION BY LIST (id);
    CREATE SCHEMA old;
    CREATE TABLE old.events_1a PARTITION OF events_1 DEFAULT;
    CREATE TABLE "Events ""2" (at int NOT NULL, gone int, id int NOT NULL, n int NOT NULL, person smallint,
        word varchar(9) DEFAULT lower('X') || (random() * 9)::int, note varchar(9),
        CONSTRAINT mine UNIQUE (id, at, person) INCLUDE (note), CONSTRAINT filled CHECK (note <> ''));
    ALTER TABLE "Events ""2" DROP gone;
    ALTER TABLE "Events ""2" ALTER note SET DEFAULT 'none', ALTER n SET DEFAULT nextval('events_n_seq');
    ALTER TABLE events ATTACH PARTITION "Events ""2" FOR VALUES FROM (10) TO (20);
    CREATE INDEX "by note" ON events (lower(note), person) WHERE at > 0;
    CREATE INDEX ON events (person);
    CREATE INDEX ON events (word);
    ALTER TABLE events ALTER person SET STATISTICS 55, ALTER person SET (n_distinct = 9);
    ALTER TABLE events_1 ALTER person SET (n_distinct = 9); ALTER TABLE old.events_1a ALTER person SET (n_distinct = 9);
    ALTER TABLE "Events ""2" ALTER person SET (n_distinct = 9);
    GRANT SELECT (person, note) ON events TO PUBLIC;
    COMMENT ON COLUMN events.person IS 'who';
    COMMENT ON CONSTRAINT known ON events IS 'them';
    CREATE VIEW seen AS SELECT id, person FROM events;
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER t BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION f();
    CREATE TRIGGER v BEFORE UPDATE OF person ON events FOR EACH ROW EXECUTE FUNCTION f();
    INSERT INTO events (id, at, note, person) SELECT g, g, 'n' || g, g FROM generate_series(0, 19) AS g;
"""
MEANWHILE = """
    CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM (20) TO (30);
    INSERT INTO events (id, at, note) VALUES (25, 25, 'n25'), (5, 6, 'again');
"""
FORGOTTEN = 'ALTER INDEX "Events ""2_id_at_person_note_key" RENAME TO mine;'
FORGOTTEN_OF_PERSON = (
    "ALTER TABLE events ALTER person SET STATISTICS 55; ALTER TABLE events_3 ALTER person SET (n_distinct = 9)"
)
"""What the server does not keep of partitions when it makes indexes anew, and does not give to those to come."""


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE events ALTER person TYPE bigint",
        'ALTER TABLE events ALTER n TYPE bigint, ALTER note TYPE text COLLATE "C", ALTER word TYPE varchar(30)',
    ],
)
def test_the_shape_is_as_if_it_had_been_changed_at_once(sandbox: Sandbox, sql: str) -> None:
    sandbox.execute(TABLE)
    sandbox.install()
    before = sandbox.snapshot()
    migration = sandbox.new("change", sql)
    sandbox.expand(migration)
    sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert sandbox.snapshot() == before
    migration = sandbox.new("again", sql)
    after = sandbox.shape_after(
        MEANWHILE + f"DROP VIEW seen; DROP TRIGGER v ON events; {sql};"
        "CREATE VIEW seen AS SELECT id, person FROM events;"
        "CREATE TRIGGER v BEFORE UPDATE OF person ON events FOR EACH ROW EXECUTE FUNCTION f();"
        + ("ALTER SEQUENCE events_n_seq AS bigint;" if " n TYPE" in sql else "")
        + FORGOTTEN + (FORGOTTEN_OF_PERSON if "person TYPE" in sql else "")
    )  # fmt: skip
    sandbox.expand(migration)
    sandbox.execute(MEANWHILE)
    sandbox.backfill(migration)
    sandbox.execute("UPDATE events SET at = 15 WHERE id = 1; UPDATE events SET person = 7 WHERE id = 25")
    lint = sandbox.command("lint", "migrations")
    assert lint.code == 0, lint.out
    sandbox.contract(migration, offline=OFFLINE)

    assert unplaced_lines(sandbox.snapshot()) == unplaced_lines(after)
    assert sandbox.leftovers() == []
    rows = "SELECT id, at, note, person FROM events WHERE id IN (1, 5, 12, 25) ORDER BY 1, 2"
    assert sandbox.rows(rows) == [
        (1, 15, "n1", 1), (5, 5, "n5", 5), (5, 6, "again", None), (12, 12, "n12", 12), (25, 25, "n25", 7),
    ]  # fmt: skip
    sandbox.execute("CREATE TABLE events_4 PARTITION OF events FOR VALUES FROM (30) TO (40)")


def test_in_place_where_the_server_only_notes_it(sandbox: Sandbox) -> None:
    sandbox.execute(TABLE + 'DROP INDEX "by note"; ALTER TABLE events DROP CONSTRAINT filled, DROP CONSTRAINT "On ce"')
    sandbox.install()
    after = sandbox.shape_after(MEANWHILE + "ALTER TABLE events ALTER note TYPE text")
    migration = sandbox.new("change", "ALTER TABLE events ALTER note TYPE text")
    files = (
        "SELECT relname, relfilenode FROM pg_class WHERE relname ~ 'vents|mine' AND relkind IN ('r', 'i') ORDER BY oid"
    )
    sandbox.expand(migration)
    sandbox.execute(MEANWHILE)
    before = sandbox.rows(files)
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.snapshot() == after
    assert sandbox.rows(files) == before


@pytest.mark.parametrize(
    ("beside", "sql", "said"),
    [
        ('CREATE INDEX own ON "Events ""2" (person, id)', "person TYPE int", "object of a partition index public.own"),
        ('CREATE INDEX own ON "Events ""2" (note, id)', "note TYPE text", "object of a partition index public.own"),
        ("GRANT SELECT (person) ON old.events_1a TO PUBLIC", "person TYPE int", "privileges of old.events_1a"),
        ("ALTER TABLE old.events_1a ALTER person SET DEFAULT 3", "person TYPE int", "the default of old.events_1a"),
        ("", "at TYPE bigint", "partition key public.events"),
        ("", "id TYPE bigint", "partition key public.events_1"),
        ("CREATE TABLE x (i int, a int, p smallint, FOREIGN KEY (i, a, p) REFERENCES events (id, at, person))",
         "person TYPE int",
         'foreign key "x_i_a_p_fkey" of "public.x" points'),
        ("ALTER TABLE old.events_1a DISABLE TRIGGER v", "person TYPE int", 'trigger "v" names column "person"'),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_before_anything(sandbox: Sandbox, beside: str, sql: str, said: str) -> None:
    sandbox.execute(TABLE + beside)
    with pytest.raises(Refused) as caught:
        sandbox.new("change", f"ALTER TABLE events ALTER COLUMN {sql}")
    assert said in refusal(caught.value)


def test_a_value_of_an_enum_goes_from_partitions(sandbox: Sandbox) -> None:
    sandbox.execute(
        "CREATE TYPE mood AS ENUM ('sad', 'blue', 'glad');"
        "CREATE TABLE days (at int, mood mood DEFAULT 'blue') PARTITION BY RANGE (at);"
        "CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE days_2 PARTITION OF days FOR VALUES FROM (10) TO (20);"
        "CREATE INDEX by_mood ON days (mood);"
        "INSERT INTO days VALUES (1, 'sad'), (2, 'blue'), (12, 'blue'), (13, 'glad')"
    )
    before = sandbox.snapshot()
    sandbox.finish(sandbox.new("blue", "ALTER TYPE mood RENAME VALUE 'blue' TO 'sad'"))
    assert sandbox.rows("SELECT at, mood::text FROM days ORDER BY at") == [
        (1, "sad"), (2, "sad"), (12, "sad"), (13, "glad"),
    ]  # fmt: skip
    changed = {line.replace("sad, blue, glad", "sad, glad").replace("'blue'", "'sad'") for line in before}
    assert unplaced_lines(sandbox.snapshot()) == unplaced_lines(frozenset(changed))
    assert sandbox.leftovers() == []


KEYED = """
    CREATE TABLE events (at int, id serial, note text, PRIMARY KEY (at, id) INCLUDE (note) WITH (fillfactor = 80))
        PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10) PARTITION BY LIST (at);
    CREATE TABLE events_1a PARTITION OF events_1 DEFAULT;
    CREATE TABLE events_2 (id int NOT NULL DEFAULT nextval('events_id_seq'), at int, note text,
        CONSTRAINT mine PRIMARY KEY (at, id) INCLUDE (note));
    ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM (10) TO (20);
    INSERT INTO events SELECT g FROM generate_series(0, 19) AS g;
"""


@pytest.mark.parametrize("number", [0, 3])
def test_the_primary_key_keeps_its_name_on_every_partition(sandbox: Sandbox, number: int) -> None:
    sandbox.execute(KEYED)
    sandbox.install()
    later = "CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM (20) TO (30); INSERT INTO events VALUES (20);"
    after = sandbox.shape_after(
        later + "ALTER TABLE events ALTER id TYPE bigint; ALTER SEQUENCE events_id_seq AS bigint;"
        "ALTER INDEX events_2_pkey RENAME TO mine"
    )
    migration = sandbox.new("change", "ALTER TABLE events ALTER id TYPE bigint")
    sandbox.expand(migration)
    sandbox.execute(later)
    sandbox.backfill(migration)
    lint = sandbox.command("lint", "migrations")
    assert lint.code == 0, lint.out
    if number:
        process = sandbox.process(
            "contract", migration.id, "--offline", OFFLINE,
            MIGRATOR_KILL_AT=str(number), MIGRATOR_KILL_MATCH="CREATE UNIQUE INDEX",
        )  # fmt: skip
        process.communicate(timeout=60)
        assert process.returncode == -9
        wait_for(lambda: sandbox.command("contract", migration.id, "--offline", OFFLINE).code == 0, "contract")
    else:
        sandbox.contract(migration, offline=OFFLINE)
    assert unplaced_lines(sandbox.snapshot()) == unplaced_lines(after)
    assert sandbox.leftovers() == []
    with pytest.raises(ServerError, match="duplicate key"):
        sandbox.execute("INSERT INTO events (at, id) SELECT at, id FROM events WHERE at = 12")


def test_an_identity_column_goes_on_counting(sandbox: Sandbox) -> None:
    if sandbox.session.server_version < HAS_PARTITIONED_IDENTITY:
        pytest.skip(f"partitioned tables have identity columns from PostgreSQL {HAS_PARTITIONED_IDENTITY} on")
    sandbox.execute(
        KEYED.replace("id serial", "id int GENERATED BY DEFAULT AS IDENTITY (INCREMENT 3)").replace(
            " DEFAULT nextval('events_id_seq')", ""
        )
    )
    sandbox.install()
    after = sandbox.shape_after(
        "ALTER TABLE events ALTER id TYPE bigint; ALTER INDEX events_2_pkey RENAME TO mine;"
        "ALTER TABLE events ALTER id SET MAXVALUE 9223372036854775807"
    )
    sandbox.finish(sandbox.new("change", "ALTER TABLE events ALTER id TYPE bigint"))
    assert unplaced_lines(sandbox.snapshot()) == unplaced_lines(after)
    assert sandbox.leftovers() == []
    sandbox.execute("INSERT INTO events VALUES (13)")
    assert sandbox.value("SELECT max(id) - min(id) FROM events") == 60
