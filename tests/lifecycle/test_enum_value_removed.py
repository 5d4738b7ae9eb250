"""The way that ``add_enum_value`` shows for taking a value away: another type, and the columns changed to it."""

from __future__ import annotations

import pytest

from migrator.errors import OutOfOrder, Refused, StatementFailed
from tests.support.sandbox import Sandbox

SETUP = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');"
    "CREATE TABLE people (id integer PRIMARY KEY, mood mood NOT NULL DEFAULT 'ok', moods mood[]);"
    "INSERT INTO people SELECT g, 'happy', ARRAY['ok']::mood[] FROM generate_series(1, 50) AS g;"
    "CREATE INDEX by_mood ON people (mood);"
)
NEW_TYPE = "CREATE TYPE feeling AS ENUM ('ok', 'happy')"
CHANGED = "ALTER TABLE people ALTER COLUMN mood TYPE feeling USING mood::text::feeling"
CHANGED_ARRAY = "ALTER TABLE people ALTER COLUMN moods TYPE feeling[] USING moods::text[]::feeling[]"
OFFLINE = "nobody is connected in this test"


def done(sandbox: Sandbox, title: str, sql: str) -> None:
    sandbox.finish(sandbox.new(title, sql))


def test_every_step_of_it_works_and_the_old_type_goes(sandbox: Sandbox):
    sandbox.execute(SETUP)
    done(sandbox, "type", NEW_TYPE)
    done(sandbox, "column", CHANGED)
    done(sandbox, "array", CHANGED_ARRAY)

    done(sandbox, "default", "ALTER TABLE people ALTER COLUMN mood SET DEFAULT 'ok'")
    done(sandbox, "drop", "DROP TYPE mood")

    assert sandbox.rows("SELECT DISTINCT mood::text, moods::text FROM people") == [("happy", "{ok}")]
    sandbox.execute("INSERT INTO people (id) VALUES (51)")
    assert sandbox.value("SELECT mood::text FROM people WHERE id = 51") == "ok"
    assert sandbox.value("SELECT pg_get_indexdef('by_mood'::regclass)").endswith("(mood)")
    assert sandbox.value("SELECT count(*) FROM pg_type WHERE typname = 'mood'") == 0


def test_while_rows_hold_the_value_nothing_is_taken_away(sandbox: Sandbox):
    sandbox.execute(SETUP)
    done(sandbox, "type", NEW_TYPE)
    migration = sandbox.new("column", CHANGED)
    sandbox.expand(migration)
    sandbox.execute("UPDATE people SET mood = 'sad' WHERE id IN (3, 4)")

    with pytest.raises(StatementFailed, match="2 rows cannot be backfilled"):
        sandbox.backfill(migration)
    with pytest.raises(OutOfOrder):
        sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.value("SELECT count(*) FROM people WHERE mood = 'sad'") == 2
    sandbox.execute("UPDATE people SET mood = 'ok' WHERE mood = 'sad'")
    assert sandbox.command("backfill", "retry", migration.id).code == 0
    sandbox.backfill(migration)
    sandbox.execute("UPDATE people SET mood = 'sad' WHERE id = 5")
    with pytest.raises(Refused, match="mood"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("UPDATE people SET mood = 'happy' WHERE id = 5")
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.value("SELECT count(*) FROM people WHERE mood = 'ok'") == 2
