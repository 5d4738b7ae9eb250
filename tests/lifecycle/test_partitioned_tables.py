"""Changes of partitioned tables end as the plain SQL would have, with all that partitions have of their own."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from migrator.model.plan import Phase
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected in this test"
TABLE = """
    CREATE TABLE people (id int PRIMARY KEY);
    INSERT INTO people SELECT generate_series(1, 50);
    CREATE TABLE events (id int NOT NULL, at int NOT NULL, note text NOT NULL DEFAULT 'none', person int,
        CONSTRAINT positive CHECK (id >= 0), CONSTRAINT once UNIQUE (id, at),
        CONSTRAINT events_person_fkey FOREIGN KEY (person) REFERENCES people ON DELETE CASCADE
    ) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10) PARTITION BY LIST (id);
    CREATE TABLE events_1a PARTITION OF events_1 DEFAULT;
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20);
    CREATE INDEX by_note ON events (note);
    CREATE INDEX own ON events_2 (note, id);
    ALTER TABLE events_2 ADD CONSTRAINT own_rule CHECK (note <> 'never');
    GRANT SELECT, UPDATE (note) ON events TO PUBLIC;
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER t BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION f();
    INSERT INTO events SELECT g, g, 'n' || g FROM generate_series(0, 19) AS g;
"""
MEANWHILE = """
    CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM (20) TO (30);
    CREATE TABLE events_4 (LIKE events INCLUDING ALL);
    INSERT INTO events_4 VALUES (30, 30, 'n30');
    ALTER TABLE events ATTACH PARTITION events_4 FOR VALUES FROM (30) TO (40);
    INSERT INTO events VALUES (25, 25, 'n25'), (5, 6, 'again')
"""


@pytest.mark.parametrize(
    "sql",
    [
        ("ALTER TABLE events ALTER COLUMN person SET DEFAULT 7; ALTER TABLE events ALTER COLUMN note DROP NOT NULL;"
         "ALTER TABLE events DROP CONSTRAINT positive; ALTER TABLE events RENAME CONSTRAINT once TO only_once;"
         "ALTER TABLE events RENAME CONSTRAINT events_person_fkey TO by_person; DROP TRIGGER t ON events;"
         "REVOKE SELECT ON events FROM PUBLIC"),
        ("ALTER TABLE events ALTER COLUMN note DROP DEFAULT; ALTER TABLE events DROP CONSTRAINT once;"
         "ALTER TABLE events RENAME CONSTRAINT positive TO fine;"
         "ALTER TABLE events DROP CONSTRAINT events_person_fkey"),
        ("-- migrator: phase = expand\nALTER TABLE events ALTER COLUMN person SET DEFAULT 7;"
         "-- migrator: phase = expand\nALTER TABLE events ALTER COLUMN note DROP NOT NULL;"
         "-- migrator: phase = expand\nCREATE TRIGGER u AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION f();"
         "-- migrator: phase = expand\nDROP TRIGGER t ON events;"
         "GRANT INSERT ON events TO PUBLIC; COMMENT ON TABLE events IS 'what happened';"
         "COMMENT ON COLUMN events.at IS 'when';"
         "ALTER TABLE events ALTER COLUMN id SET STATISTICS 77; ALTER TABLE events_2 REPLICA IDENTITY FULL;"
         "ALTER TABLE events_2 SET (fillfactor = 70)"),
        "CREATE POLICY mine ON events USING (id > 0); ALTER TABLE events ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE events RENAME TO happenings",
        "ALTER TABLE events SET SCHEMA other",
        "DROP TABLE events",
        "REINDEX INDEX by_note; REINDEX INDEX events_2_note_idx",
    ],
)  # fmt: skip
def test_the_shape_is_as_if_it_had_been_changed_at_once(sandbox: Sandbox, sql: str) -> None:
    sandbox.execute("CREATE SCHEMA other;" + TABLE)
    sandbox.install()
    before = sandbox.snapshot()
    migration = sandbox.new("change", sql)
    sandbox.expand(migration)
    sandbox.execute("INSERT INTO events VALUES (7, 8)")
    sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert sandbox.snapshot() == before
    migration = sandbox.new("again", sql)
    changes = [MEANWHILE, sql] if migration.phase(Phase.CONTRACT) else [sql, MEANWHILE]
    after = sandbox.shape_after("; ".join(changes) if "REINDEX" not in sql else MEANWHILE)
    sandbox.expand(migration)
    sandbox.execute(MEANWHILE)
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.snapshot() == after
    assert sandbox.leftovers() == []


@pytest.mark.parametrize(
    ("beside", "sql", "said"),
    [
        (
            "ALTER TABLE events_2 ALTER note SET DEFAULT 'two'",
            "-- migrator: phase = expand\nALTER TABLE events ALTER COLUMN note SET DEFAULT 'new'",
            "public.events_2: 'two'::text",
        ),
        (
            "ALTER TABLE events_2 ADD PRIMARY KEY (note)",
            "ALTER TABLE events ALTER COLUMN note DROP NOT NULL",
            'in primary key "events_2_pkey" of partition public.events_2',
        ),
        (
            "CREATE TABLE other (id int, at int, FOREIGN KEY (at, id) REFERENCES events_2 (at, id))",
            "ALTER TABLE events DROP CONSTRAINT once",
            "other_at_id_fkey on public.other",
        ),
        (
            "",
            "ALTER TABLE events RENAME CONSTRAINT positive TO own_rule",
            'the name "own_rule" is taken on partition public.events_2',
        ),
        ("CREATE VIEW seen AS SELECT count(*) FROM events_2", "DROP TABLE events", "rule _RETURN on view public.seen"),
        (
            "ALTER TABLE events_2 ALTER id SET STATISTICS 7",
            "ALTER TABLE events ALTER id SET STATISTICS 9",
            "the statistics target of public.events_2",
        ),
        (
            "ALTER TABLE events_2 DISABLE TRIGGER t",
            "-- migrator: phase = expand\nDROP TRIGGER t ON events",
            "is switched otherwise on partition public.events_2",
        ),
        ("", "ALTER INDEX by_note SET TABLESPACE fast", "has no files of its own to move"),
        ("", "ALTER TABLE events REPLICA IDENTITY FULL", "by the identity of the partition they are in"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything(sandbox: Sandbox, beside: str, sql: str, said: str) -> None:
    sandbox.execute(TABLE + beside)
    with pytest.raises(Refused) as caught:
        sandbox.new("change", sql)
    assert said in refusal(caught.value)


def test_what_no_partitioned_table_can_have_done_comes_with_what_to_do(sandbox: Sandbox) -> None:
    sandbox.execute(TABLE + "CREATE TABLE more (LIKE events) PARTITION BY LIST (id)")
    for sql, said in [
        ("ALTER TABLE events ADD CONSTRAINT z EXCLUDE USING btree (id WITH =)", "add it to each by itself"),
        ("ALTER TABLE events ATTACH PARTITION more FOR VALUES FROM (20) TO (30)", "while it has no partitions yet"),
        (
            "-- migrator: partition = z DEFAULT\nCREATE TABLE events (LIKE events) PARTITION BY RANGE (at)",
            "is one already",
        ),
    ]:
        with pytest.raises(Refused) as caught:
            sandbox.new("change", sql)
        assert said in refusal(caught.value), sql


def test_a_table_whose_partition_a_trigger_writes_is_not_dropped(sandbox: Sandbox) -> None:
    sandbox.execute(
        TABLE + "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO events_2 (id, at) VALUES (NEW.id, 15); RETURN NEW; END';"
        "CREATE TRIGGER g AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION g()"
    )
    sandbox.install()
    migration = sandbox.new("drop", "DROP TABLE events")
    sandbox.expand(migration)
    with pytest.raises(Refused) as caught:
        sandbox.contract(migration, offline=OFFLINE)
    assert "trigger function public.g" in refusal(caught.value)
    sandbox.execute("DROP TRIGGER g ON people")
    sandbox.contract(migration, offline=OFFLINE)


RESHAPED = {
    "split": "-- migrator: up = split_part(note, ' ', 1), split_part(note, ' ', 2)\n-- migrator: down = a || ' ' || b\n"
    "ALTER TABLE events ADD COLUMN a text, ADD COLUMN b text, DROP COLUMN note",
    "merge": "-- migrator: up = note || other\n-- migrator: down = both, ''\n"
    "ALTER TABLE events ADD COLUMN both_ text, DROP COLUMN note, DROP COLUMN other",
}


def test_a_row_that_changes_its_partition_keeps_what_old_code_wrote(sandbox: Sandbox) -> None:
    sandbox.execute(
        "CREATE TABLE events (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);"
        "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10) PARTITION BY LIST (id);"
        "CREATE TABLE events_1a PARTITION OF events_1 DEFAULT;"
        "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20);"
        "INSERT INTO events VALUES (1, 'one two'), (2, 'x y z'), (3, NULL)"
    )
    sandbox.install()
    migration = sandbox.new("split", RESHAPED["split"])
    sandbox.expand(migration)
    sandbox.execute("UPDATE events SET id = 12 WHERE id = 2; UPDATE events SET id = 13, a = 'p', b = 'q' WHERE id = 3")
    sandbox.execute("UPDATE events SET id = 11, note = 'u v w' WHERE id = 1; INSERT INTO events VALUES (4, 'k l')")
    sandbox.backfill(migration)
    rows = [(4, "k l", "k", "l"), (11, "u v w", "u", "v"), (12, "x y z", "x", "y"), (13, "p q", "p", "q")]
    assert sandbox.rows("SELECT id, note, a, b FROM events ORDER BY id") == rows
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.rows("SELECT id, a, b FROM events ORDER BY id") == [(each, a, b) for each, _, a, b in rows]
    assert sandbox.rows("SELECT attname::text FROM pg_attribute WHERE attrelid = 'events_1a'::regclass AND attnum > 0"
                        " AND NOT attisdropped ORDER BY attnum") == [("id",), ("a",), ("b",)]  # fmt: skip
    assert sandbox.leftovers() == []
