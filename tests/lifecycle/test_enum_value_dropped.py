"""``drop_enum_value``: an enum without the value, and every column of it changed to that, at once."""

from __future__ import annotations

import pytest

from migrator.errors import MigratorError, OutOfOrder, Refused
from tests.lifecycle.harness import unplaced_lines
from tests.support.sandbox import Outcome, Sandbox

SETUP = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');"
    "CREATE TABLE people (id integer PRIMARY KEY, mood mood NOT NULL DEFAULT 'sad');"
    "INSERT INTO people SELECT g, 'happy' FROM generate_series(1, 50) AS g;"
)
SQL = "ALTER TYPE mood RENAME VALUE 'sad' TO 'ok'"
RENAME = "-- migrator: phase = contract\nALTER TYPE mood RENAME VALUE 'happy' TO 'glad'"
REFERENCE = (
    "CREATE TABLE moods (mood mood PRIMARY KEY); INSERT INTO moods VALUES ('happy');"
    "ALTER TABLE people ADD FOREIGN KEY (mood) REFERENCES moods"
)
STRANGER = (
    "CREATE TYPE other AS ENUM ('a'); CREATE TABLE others (o other,"
    " CONSTRAINT stranger CHECK (o = 'a' OR ('ok'::mood)::text = 'ok'))"
)
"""On a column that the catalog has something about, too, as it has of one of the enum."""
INDEXED = (
    "CREATE TYPE other AS ENUM ('a'); CREATE TABLE others (o other);"
    "CREATE INDEX others_of_it ON others (o) WHERE o = 'a' AND 'ok'::mood > 'sad'::mood"
)
COMPUTED = (
    "CREATE FUNCTION usual() RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $$ok$$';"
    "ALTER TABLE people ALTER mood SET DEFAULT usual()::mood"
)
OFFLINE = "nobody is connected in this test"


def changed(sandbox: Sandbox, *words: str) -> Outcome:
    return sandbox.command("new", "less", "--change", " ".join(["drop_enum_value type=mood value=sad", *words]))


def test_without_a_replacement_rows_that_hold_the_value_keep_it_from_going(sandbox: Sandbox):
    sandbox.configure()
    sandbox.execute(
        SETUP + "ALTER TABLE people ALTER mood SET DEFAULT 'happy'; UPDATE people SET mood = 'sad' WHERE id = 7"
    )
    assert changed(sandbox, "columns=people.mood").code == 0
    (migration,) = sandbox.migrations()
    sandbox.expand(migration)
    with pytest.raises(MigratorError, match="cannot be backfilled"):
        sandbox.backfill(migration)
    with pytest.raises(OutOfOrder):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("UPDATE people SET mood = 'ok' WHERE id = 7")
    assert sandbox.command("backfill", "retry", migration.id).code == 0
    sandbox.backfill(migration)
    sandbox.execute("UPDATE people SET mood = 'sad' WHERE id IN (5, 6)")
    with pytest.raises(Refused, match=r"2 rows of public\.people hold 'sad' in mood, which goes"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("UPDATE people SET mood = 'ok' WHERE mood = 'sad'")
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.value("SELECT enum_range(NULL::mood)::text") == "{ok,happy}"
    assert sandbox.value("SELECT count(*) FROM people WHERE mood = 'ok'") == 3
    sandbox.execute("INSERT INTO people (id) VALUES (51)")
    assert sandbox.value("SELECT mood::text FROM people WHERE id = 51") == "happy"


def test_a_view_that_gives_the_column_as_text_stays(sandbox: Sandbox):
    sandbox.execute(
        SETUP + "ALTER TABLE people ADD before mood; CREATE VIEW seen AS SELECT id, mood::text AS said FROM people"
        " WHERE mood = before OR before IS NULL; GRANT SELECT ON seen TO PUBLIC;"
    )
    migration = sandbox.new("less", SQL)
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows("SELECT DISTINCT said FROM seen ORDER BY 1") == sandbox.rows(
        "SELECT DISTINCT mood::text FROM people ORDER BY 1"
    )
    assert sandbox.value("SELECT has_table_privilege('public', 'seen', 'SELECT')")


def test_a_value_that_is_added_meanwhile_is_not_lost(sandbox: Sandbox):
    sandbox.execute(SETUP)
    migration = sandbox.new("less", SQL)
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.execute("ALTER TYPE mood ADD VALUE 'angry'")

    with pytest.raises(Refused, match="changed since this was planned"):
        sandbox.contract(migration, offline=OFFLINE)

    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.rows("SELECT typname::text FROM pg_type WHERE typtype = 'e'") == [("mood",)]


def test_a_materialized_view_of_the_column_is_made_anew(sandbox: Sandbox):
    sandbox.execute(SETUP + "CREATE MATERIALIZED VIEW seen AS SELECT DISTINCT mood::text AS word FROM people")
    migration = sandbox.new("less", SQL)
    for run in (sandbox.expand, sandbox.backfill):
        run(migration)
    sandbox.execute("UPDATE people SET mood = 'sad' WHERE id = 1")
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows("SELECT word FROM seen ORDER BY 1") == [("happy",), ("ok",)]
    assert sandbox.leftovers() == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("CREATE FUNCTION f(mood) RETURNS int LANGUAGE sql AS 'SELECT 1'", "function public.f(public.mood)"),
        ("CREATE DOMAIN temper AS mood", "type public.temper"),
        ("CREATE TYPE pair AS (a mood)", "composite type public.pair"),
        ("CREATE VIEW seen AS SELECT 'ok'::mood AS m", "view public.seen"),
        ("ALTER TABLE people ADD CHECK (id <> 0 OR ('ok'::mood)::text = 'ok')", "constraint people_"),
        (STRANGER, "constraint stranger"),
        (INDEXED, "index public.others_of_it"),
        ("ALTER TABLE people ADD CHECK (mood <> 'sad')", 'invalid input value for enum'),
        ("CREATE INDEX ON people (id) WHERE mood = 'sad'", 'invalid input value for enum'),
        ("CREATE UNIQUE INDEX ON people (mood, id)", "two values become one"),
        (REFERENCE, "two values become one"),
        (COMPUTED, "is not one value"),
        ("CREATE MATERIALIZED VIEW seen AS SELECT 'ok'::mood AS m", "materialized view"),
    ],
)  # fmt: skip
def test_what_is_not_carried_over_is_refused_before_anything_runs(sandbox: Sandbox, more: str, said: str):
    sandbox.execute(SETUP + more)

    with pytest.raises(Refused) as refused:
        sandbox.new("less", SQL)

    assert said in f"{refused.value.message}\n{refused.value.detail}"
    assert sandbox.value("SELECT count(*) FROM pg_type WHERE typname LIKE 'migrator%' AND typtype = 'e'") == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", 'write columns=public.people.mood'),
        ("columns=people.id", 'write columns=public.people.mood'),
        ("columns=people", "not a column: people"),
        ("columns=people.mood replacement=sad", "'sad' cannot take its own place"),
        ("columns=people.mood replacement=wild", "has no value 'wild'"),
        ("columns=people.mood", "has the default 'sad', which goes"),
    ],
)  # fmt: skip
def test_words_that_do_not_fit_are_refused_with_those_that_do(sandbox: Sandbox, words: str, said: str):
    sandbox.configure()
    sandbox.execute(SETUP)
    outcome = changed(sandbox, words)
    assert (outcome.code, said in outcome.err) == (1, True), outcome.err


ENTWINED = """
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
    CREATE TABLE moods (mood mood, at_night mood NOT NULL, "of Day" mood[] UNIQUE,
        CONSTRAINT "the Key" PRIMARY KEY (mood, at_night), CONSTRAINT alone UNIQUE (mood) INCLUDE (at_night),
        CONSTRAINT order_of_two CHECK (mood >= at_night OR mood = 'ok'));
    CREATE TABLE people (id integer PRIMARY KEY, mood mood REFERENCES moods (mood) ON UPDATE CASCADE ON DELETE SET NULL,
        was mood, "from" mood, of_day mood[] REFERENCES moods ("of Day"),
        CONSTRAINT of_two FOREIGN KEY (was, "from") REFERENCES moods DEFERRABLE INITIALLY DEFERRED);
    CREATE INDEX two ON people (was DESC, "from") INCLUDE (mood) WHERE was > "from";
    ALTER TABLE moods ADD "like" mood CONSTRAINT itself REFERENCES moods (mood);
    ALTER TABLE people ADD CONSTRAINT unproven FOREIGN KEY (was) REFERENCES moods (mood) NOT VALID;
    INSERT INTO moods VALUES ('ok', 'ok', '{ok}', 'ok'), ('happy', 'ok', '{happy,ok}', 'ok');
    INSERT INTO people SELECT g, 'happy', 'happy', 'ok', '{ok}' FROM generate_series(1, 20) AS g
"""


def test_keys_indexes_and_checks_between_several_columns_of_the_type_are_as_before(sandbox: Sandbox):
    sandbox.configure()
    sandbox.execute(ENTWINED)
    columns = (
        "moods.mood", "moods.at_night", 'moods."of Day"', 'moods."like"',
        "people.mood", "people.was", 'people."from"', "people.of_day",
    )  # fmt: skip
    before = unplaced_lines(sandbox.snapshot())
    said = changed(sandbox, *(f"'columns={each}'" for each in columns))
    assert said.code == 0, said.err
    (migration,) = sandbox.migrations()
    sandbox.expand(migration)
    sandbox.rollback(migration, offline=OFFLINE)
    assert unplaced_lines(sandbox.snapshot()) == before
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.execute("UPDATE moods SET \"of Day\" = '{happy}' WHERE mood = 'happy'; DELETE FROM people WHERE id = 20")
    sandbox.execute("CREATE INDEX late ON people (was, mood)")
    with pytest.raises(Refused) as refused:
        sandbox.contract(migration, offline=OFFLINE)
    assert refused.value.detail == "index late"
    sandbox.execute("DROP INDEX late")
    sandbox.contract(migration, offline=OFFLINE)
    assert unplaced_lines(sandbox.snapshot()) ^ before == {"type mood:  ok, happy", "type mood:  sad, ok, happy"}
    assert sandbox.rows("SELECT DISTINCT mood::text, was::text FROM people") == [("happy", "happy")]
    with pytest.raises(MigratorError, match="of_two"):
        sandbox.execute("INSERT INTO people VALUES (21, 'ok', 'happy', 'happy')")


def test_odd_names_and_labels(sandbox: Sandbox):
    sandbox.execute(
        """CREATE SCHEMA "A.b"; CREATE TYPE "A.b"."My ""Type" AS ENUM ('it''s', '%s', 'ü');"""
        """CREATE TABLE "A.b"."T.x" (id int PRIMARY KEY, "C d" "A.b"."My ""Type" DEFAULT 'it''s');"""
        """INSERT INTO "A.b"."T.x" (id) VALUES (1); INSERT INTO "A.b"."T.x" VALUES (2, '%s'), (3, NULL)"""
    )
    migration = sandbox.new("odd", """ALTER TYPE "A.b"."My ""Type" RENAME VALUE 'it''s' TO '%s'""")
    sandbox.finish(migration)

    assert sandbox.rows("""SELECT id, "C d"::text FROM "A.b"."T.x" ORDER BY id""") == [(1, "%s"), (2, "%s"), (3, None)]
    sandbox.execute("""INSERT INTO "A.b"."T.x" (id) VALUES (4)""")
    assert sandbox.value("""SELECT "C d"::text FROM "A.b"."T.x" WHERE id = 4""") == "%s"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE more (mood mood)",
        "CREATE TABLE more (moods public.mood[])",
        "ALTER TABLE people ADD COLUMN other mood",
        "CREATE FUNCTION f(mood) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE VIEW v AS SELECT 'ok'::mood AS mood",
    ],
)
def test_nothing_else_comes_to_be_of_the_enum_until_contract(sandbox: Sandbox, sql: str) -> None:
    sandbox.execute(SETUP)
    sandbox.install()
    migration = sandbox.new("drop", SQL)
    sandbox.expand(migration)
    later = sandbox.new("more", sql)
    before = sandbox.snapshot()
    with pytest.raises(Refused, match=rf"about enum public.mood, in whose place contract of {migration.id} puts"):
        sandbox.expand(later)
    assert sandbox.snapshot() == before


def test_a_column_that_came_to_be_of_the_enum_stops_contract(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP)
    sandbox.install()
    migration = sandbox.new("drop", SQL)
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.execute("CREATE TABLE beside (feels mood)")
    with pytest.raises(Refused, match=r"other columns hold values of enum .* than when this was planned") as error:
        sandbox.contract(migration, offline="nobody is connected in this test")
    assert error.value.detail == "public.beside.feels"
    assert "roll back, and expand again" in str(error.value.hint)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (SQL, "ALTER TYPE mood ADD VALUE 'more'"),
        (SQL, RENAME),
        (RENAME, SQL),
    ],
)
def test_other_changes_of_the_values_wait_for_contract(sandbox: Sandbox, first: str, second: str) -> None:
    """Contract knows the values that were there, and a value that was added cannot be taken back."""
    sandbox.execute(SETUP)
    earlier = sandbox.new("first", first)
    later = sandbox.new("second", second)
    sandbox.expand(earlier)
    before = sandbox.snapshot()
    with pytest.raises(Refused, match=rf"{earlier.id} changes the values of enum public.mood too") as error:
        sandbox.expand(later)
    assert f'"migrator contract {earlier.id}"' in error.value.render()
    assert sandbox.snapshot() == before


def test_a_value_is_not_added_in_the_same_migration(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP)
    for sql in (f"{SQL}; ALTER TYPE mood ADD VALUE 'more'", f"ALTER TYPE mood ADD VALUE 'more'; {SQL}"):
        with pytest.raises(Refused, match=r'this migration adds a value to enum "public\.mood"'):
            sandbox.new("both", sql)
