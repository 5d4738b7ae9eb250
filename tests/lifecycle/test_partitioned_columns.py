"""Columns of partitioned tables: what partitions have of their own is seen, and what cannot be done is refused."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected in this test"
TABLE = """
    CREATE TABLE events (id int, at int, note text, other text) PARTITION BY RANGE ((at / 2));
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10) PARTITION BY LIST (id);
    CREATE TABLE events_1a PARTITION OF events_1 DEFAULT;
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    INSERT INTO events SELECT g, g, 'n' || g, 'o' || g FROM generate_series(0, 38) AS g;
"""


@pytest.mark.parametrize(
    ("beside", "sql", "said"),
    [
        ("", "RENAME at TO since", "by which a row's partition is found before any trigger fires"),
        ("", "DROP COLUMN at", "partition key public.events"),
        (
            "CREATE TRIGGER t BEFORE INSERT ON events_1a FOR EACH ROW EXECUTE FUNCTION f()",
            "RENAME note TO remark",
            "trigger t on table public.events_1a",
        ),
        ("CREATE INDEX own ON events_1a (note, id)", "DROP COLUMN note", "index public.own"),
        ("CREATE VIEW own AS SELECT note FROM events_2", "DROP COLUMN note", "rule _RETURN on view public.own"),
        ("ALTER TABLE events_2 ADD CONSTRAINT own CHECK (note <> '')", "DROP COLUMN note", "constraint own on table"),
        ("ALTER TABLE events_2 ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", "RENAME note TO remark",
         "forces row security"),
        ("CREATE INDEX own ON events_1a (note, id)", "ALTER COLUMN note TYPE varchar", "index public.own"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_before_anything(sandbox: Sandbox, beside: str, sql: str, said: str) -> None:
    sandbox.execute(TABLE + beside)
    with pytest.raises(Refused) as caught:
        sandbox.new("change", f"ALTER TABLE events {sql}")
    assert said in refusal(caught.value)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("ALTER TABLE events DROP COLUMN note", [("o3",)]),
        ("ALTER TABLE events RENAME COLUMN other TO note2", [("o3",)]),
        ("ALTER TABLE events DROP COLUMN note; ALTER TABLE events RENAME COLUMN other TO third", [("o3",)]),
        (("-- migrator: fill = 'x' || id\nALTER TABLE events ADD COLUMN x text NOT NULL;"
          "ALTER TABLE events DROP COLUMN note"), [("o3", "x3")]),
    ],
)  # fmt: skip
def test_the_shape_is_as_if_it_had_been_changed_at_once(
    sandbox: Sandbox, sql: str, rows: list[tuple[object, ...]]
) -> None:
    sandbox.execute(
        TABLE + "CREATE INDEX by_note ON events (note); CREATE INDEX by_other ON events (other, id) INCLUDE (at);"
        "CREATE INDEX own ON events_2 (other);"
        "CREATE TRIGGER t BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION f()"
    )
    before = sandbox.snapshot()
    naive = sql.replace("x text NOT NULL", "x text NOT NULL DEFAULT '-'") + (
        "; ALTER TABLE events ALTER x DROP DEFAULT" if " x text" in sql else ""
    )
    after = sandbox.shape_after(naive)
    sandbox.install()
    migration = sandbox.new("change", sql)
    sandbox.expand(migration)
    sandbox.execute("INSERT INTO events (id, at) VALUES (100, 38)")
    sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert sandbox.snapshot() == before
    migration = sandbox.new("again", sql)
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.snapshot() == after
    assert sandbox.leftovers() == []
    columns = [name for (name,) in sandbox.rows(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = 'events'::regclass AND attnum > 3 AND NOT attisdropped"
        " ORDER BY attname")]  # fmt: skip
    assert sandbox.rows(f"SELECT {', '.join(columns)} FROM events WHERE id = 3") == rows
    sandbox.execute("CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM (20) TO (30)")
