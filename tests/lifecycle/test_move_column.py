"""Columns that moved to another table: what either side holds after any write of old or new code."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from migrator.errors import Refused
from migrator.model.plan import Migration, Phase
from migrator.model.schema import TableName
from migrator.sql.parser import parse_script
from tests.lifecycle.crossing import (
    as_expanded,
    crossing,
    expanded_beside_old_code,
    raised_behind_writes,
    write_between,
)
from tests.support.sandbox import Sandbox, refusal

SETUP = (
    "CREATE TABLE a (id integer PRIMARY KEY, n integer, c text, d json);"
    "CREATE TABLE b (k integer UNIQUE REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE, m integer);"
)
CASCADED = " ON UPDATE CASCADE"
SQL = "-- migrator: to = b\nALTER TABLE a DROP COLUMN c, DROP COLUMN d"
OFFLINE = "nobody is connected in this test"


def expanded(sandbox: Sandbox, rows: str = "", setup: str = SETUP, sql: str = SQL) -> Migration:
    return expanded_beside_old_code(sandbox, setup + rows, sql)


@pytest.fixture
def moved(sandbox: Sandbox) -> Sandbox:
    """Both tables as expand leaves them, without a ledger."""
    return as_expanded(sandbox, SETUP, SQL)


A, B = "INSERT INTO a (id, c) VALUES (1, 'old')", "INSERT INTO b (k, c) VALUES (1, 'new')"
BARE_A, BARE_B = "INSERT INTO a (id) VALUES (1)", "INSERT INTO b (k) VALUES (1)"


@pytest.mark.parametrize(
    ("writes", "seen"),
    [
        # Whatever gives a value is read on both sides; the row of the new table wins when it comes.
        ([A, BARE_B], ("old", "old")),
        ([BARE_A, B], ("new", "new")),
        ([A, B], ("new", "new")),
        ([BARE_A, BARE_B], (None, None)),
        # The last one to write wins; NULL on purpose counts.
        ([A, BARE_B, "UPDATE a SET c = 'x'"], ("x", "x")),
        ([A, BARE_B, "UPDATE b SET c = 'x'"], ("x", "x")),
        ([A, BARE_B, "UPDATE a SET c = NULL"], (None, None)),
        ([A, BARE_B, "UPDATE b SET c = NULL"], (None, None)),
        ([A, BARE_B, "UPDATE a SET n = 1", "UPDATE b SET m = 1"], ("old", "old")),
        ([A, BARE_B, "UPDATE a SET c = 'x', d = '{}'", "UPDATE b SET d = '[]'"], ("x", "x")),
        # Both rows in one statement, many rows in one statement, upserts.
        (
            ["WITH a AS (INSERT INTO a VALUES (1, 1, 'old') RETURNING id) INSERT INTO b SELECT id FROM a"],
            ("old", "old"),
        ),
        # … of which the server inserts that of the new table first, since nothing reads the other one.
        (["WITH a AS (INSERT INTO a VALUES (1, 1, 'old')) INSERT INTO b VALUES (1)"], ("old", "old")),
        (["WITH a AS (INSERT INTO a VALUES (1, 1, 'old')) INSERT INTO b (k, c) VALUES (1, 'new')"], ("new", "new")),
        (
            ["INSERT INTO a SELECT g, g, 'v' || g FROM generate_series(1, 5) AS g",
             "INSERT INTO b SELECT id FROM a", "UPDATE a SET c = c || n", "UPDATE b SET c = c || '!'"],
            ("v11!", "v11!"),
        ),
        (
            [A, BARE_B, "INSERT INTO b (k, c) VALUES (1, 'x') ON CONFLICT (k) DO UPDATE SET c = EXCLUDED.c"],
            ("x", "x"),
        ),
        ([A, BARE_B, "INSERT INTO b (k, c) VALUES (1, 'x') ON CONFLICT DO NOTHING"], ("old", "old")),
        (
            [A, BARE_B, "INSERT INTO a (id, c) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET c = EXCLUDED.c"],
            ("x", "x"),
        ),
        # The key changes, by cascade or because the row is given to another one.
        ([A, BARE_B, "UPDATE a SET id = 7", "UPDATE a SET c = 'x'"], ("x", "x")),
        (["INSERT INTO a (id, c) VALUES (2, 'two')", A, "INSERT INTO b (k) VALUES (2)", "UPDATE b SET k = 1"],
         ("two", "two")),
        (["INSERT INTO b (k, c) VALUES (NULL, 'x')", A, "UPDATE b SET k = 1"], ("x", "x")),
        (["INSERT INTO b (k) VALUES (NULL)", A, "UPDATE b SET k = 1"], ("old", "old")),
        # Deletes of the new row keep what old code reads; the next row of the new table gets it.
        ([A, BARE_B, "DELETE FROM b"], ("old", None)),
        ([A, BARE_B, "DELETE FROM b", BARE_B], ("old", "old")),
        ([A, B, "DELETE FROM a", BARE_A, BARE_B], (None, None)),
    ],
)  # fmt: skip
def test_both_tables_follow_whoever_writes(moved: Sandbox, writes: list[str], seen: tuple[Any, ...]) -> None:
    for write in writes:
        moved.execute(write)

    key = "coalesce((SELECT min(k) FROM b), 1)"
    assert moved.rows(f"SELECT a.c, b.c AS new FROM a LEFT JOIN b ON id = k WHERE id = {key}") == [seen]
    assert moved.value("SELECT count(*) FROM a JOIN b ON id = k WHERE a.d::text IS DISTINCT FROM b.d::text") == 0


@pytest.mark.parametrize("keys", [{"a": "id"}, {"b": "k"}, {"a": "id", "b": "k"}])
def test_what_a_trigger_writes_behind_a_write_is_the_last_word(moved: Sandbox, keys: dict[str, str]) -> None:
    raised_behind_writes(moved, **keys)
    moved.execute(
        "INSERT INTO a (id, c) VALUES (1, 'old'), (2, 'old'), (3, NULL), (4, 'x'), (5, 'x');"
        "INSERT INTO b (k) VALUES (1), (4), (5); INSERT INTO b (k, c) VALUES (2, 'new'), (3, 'new');"
        "UPDATE a SET c = 'y' WHERE id = 4; UPDATE b SET c = 'y' WHERE k = 5"
    )

    assert moved.rows("SELECT a.c, b.c AS new FROM a JOIN b ON k = id ORDER BY id") == [
        ("OLD", "OLD"), ("NEW", "NEW"), ("NEW", "NEW"), ("Y", "Y"), ("Y", "Y")
    ]  # fmt: skip


def test_a_row_of_the_new_table_may_come_first(sandbox: Sandbox) -> None:
    expanded(sandbox, setup=SETUP.replace("ON UPDATE CASCADE,", "ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,"))
    sandbox.execute("BEGIN; INSERT INTO b (k, c) VALUES (1, 'new'); INSERT INTO a (id, c) VALUES (1, 'old'); COMMIT")
    sandbox.execute("BEGIN; INSERT INTO b (k) VALUES (2); INSERT INTO a (id, c, d) VALUES (2, 'old', '{}'); COMMIT")
    sandbox.execute("BEGIN; INSERT INTO b (k, c) VALUES (3, 'new'); INSERT INTO a (id) VALUES (3); COMMIT")

    assert sandbox.rows("SELECT a.c, b.c AS new, b.d::text FROM a JOIN b ON id = k ORDER BY id") == [
        ("old", "old", None), ("old", "old", "{}"), ("new", "new", None)
    ]  # fmt: skip


def test_an_insert_and_an_update_that_cross_each_other_lose_nothing(sandbox: Sandbox) -> None:
    expanded(sandbox, "INSERT INTO a VALUES (1, 1, 'old'), (2, 2, 'old')")
    with psycopg.connect(sandbox.url) as old, psycopg.connect(sandbox.url) as new:
        # The update is first: the insert waits, and reads what it wrote.
        old.execute("UPDATE a SET c = 'x' WHERE id = 1")
        crossing(sandbox, old, new, "INSERT INTO b (k) VALUES (1)")
        # The insert is first: the update waits, and finds the row.
        new.execute("INSERT INTO b (k) VALUES (2)")
        crossing(sandbox, new, old, "UPDATE a SET c = 'x' WHERE id = 2")

    assert sandbox.rows("SELECT a.c, b.c AS new FROM a JOIN b ON id = k") == [("x", "x")] * 2


@pytest.mark.parametrize(
    ("write", "seen"),
    [
        ("UPDATE a SET c = NULL WHERE id = 2", None),
        ("UPDATE a SET c = 'x' WHERE id = 2", "x"),
        ("UPDATE b SET c = 'x' WHERE k = 2", "x"),
        ("UPDATE a SET c = 'x' WHERE id = 2; UPDATE a SET c = NULL WHERE id = 2", None),
    ],
)
def test_a_batch_that_has_read_a_value_does_not_bring_it_back(sandbox: Sandbox, write: str, seen: str | None) -> None:
    migration = expanded(
        sandbox, "INSERT INTO a SELECT g, g, 'old' FROM generate_series(1, 3) AS g; INSERT INTO b SELECT id FROM a"
    )
    write_between(sandbox, migration, TableName("public", "b"), "SELECT FROM b WHERE k = 1 FOR UPDATE", write)

    assert sandbox.rows("SELECT a.c, b.c AS new FROM a JOIN b ON id = k ORDER BY id") == [
        ("old", "old"), (seen, seen), ("old", "old")
    ]  # fmt: skip


def test_the_backfill_fills_only_what_is_empty(sandbox: Sandbox) -> None:
    migration = expanded(
        sandbox,
        "INSERT INTO a SELECT g, g, 'v' || g, '{}' FROM generate_series(1, 5) AS g; INSERT INTO b SELECT id FROM a",
    )
    sandbox.execute(
        "UPDATE b SET c = 'new' WHERE k = 1; UPDATE a SET c = NULL WHERE id = 2; UPDATE b SET m = 1 WHERE k = 3"
    )
    assert sandbox.rows("SELECT c, d::text FROM b ORDER BY k")[2:] == [("v3", "{}"), (None, None), (None, None)]
    sandbox.backfill(migration)

    assert sandbox.rows("SELECT c, d::text FROM b ORDER BY k") == [
        ("new", "{}"), (None, "{}"), ("v3", "{}"), ("v4", "{}"), ("v5", "{}")
    ]  # fmt: skip
    assert sandbox.rows("SELECT a.c IS NOT DISTINCT FROM b.c FROM a JOIN b ON id = k") == [(True,)] * 5


def test_values_without_a_row_and_rows_that_differ_stop_contract(sandbox: Sandbox) -> None:
    migration = expanded(sandbox, "INSERT INTO a VALUES (1, 1, 'x'), (2, 2, 'y'); INSERT INTO b VALUES (2)")
    sandbox.backfill(migration)
    with pytest.raises(Refused, match=r"1 row of public.a holds values of c, d and has no row in public.b"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("INSERT INTO b (k) VALUES (1)")
    sandbox.execute(
        "SET session_replication_role = replica; UPDATE b SET c = 'z' WHERE k = 2; RESET session_replication_role"
    )
    with pytest.raises(Refused, match=r"1 pair of rows of public.a and public.b differs in c, d"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("UPDATE b SET c = 'w' WHERE k = 2")
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows("SELECT c FROM b ORDER BY k") == [("x",), ("w",)]
    assert sandbox.leftovers() == []
    assert sandbox.state(migration) == "contracted"


def test_a_rollback_says_how_many_values_it_would_lose(sandbox: Sandbox) -> None:
    migration = expanded(sandbox, "INSERT INTO a (id) VALUES (1)")
    sandbox.execute("INSERT INTO b (k, c) VALUES (1, 'kept'), (NULL, 'lost')")
    with pytest.raises(Refused, match="1 row"):
        sandbox.rollback(migration, offline=OFFLINE)
    sandbox.rollback(migration, offline=OFFLINE, yes=True)

    assert sandbox.rows("SELECT c FROM a") == [("kept",)]
    assert sandbox.leftovers() == []


def test_code_needs_rights_on_its_own_table_only_and_cannot_borrow_those_of_the_triggers(sandbox: Sandbox) -> None:
    role = sandbox.value("SELECT 'app_' || current_database()")
    sandbox.execute(f'CREATE ROLE "{role}"')
    try:
        expanded(sandbox)
        sandbox.execute(
            f'GRANT INSERT, UPDATE, SELECT ON a TO "{role}"; GRANT CREATE, USAGE ON SCHEMA public TO "{role}"'
        )
        sandbox.execute("INSERT INTO a (id) VALUES (1); INSERT INTO b (k) VALUES (1)")
        with psycopg.connect(sandbox.url, autocommit=True) as connection:
            connection.execute(f'SET ROLE "{role}"')
            connection.execute("UPDATE a SET c = 'x'")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("UPDATE b SET c = 'y'")
            function = sandbox.value("SELECT oid::regproc::text FROM pg_proc WHERE proname LIKE 'migrator_b_new%'")
            connection.execute("CREATE TABLE mine (k integer, c text, d json)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for function"):
                connection.execute(f"CREATE TRIGGER g AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION {function}()")
            connection.execute(
                "CREATE FUNCTION public.current_setting(text, boolean) RETURNS text LANGUAGE sql AS $$SELECT 'on'$$"
            )
            connection.execute("CREATE TEMP TABLE b AS SELECT 1 AS k, 'x' AS c")
            connection.execute("SET search_path = public, pg_catalog")
            connection.execute("UPDATE public.a SET c = 'z'")
        assert sandbox.rows("SELECT c FROM public.b") == [("z",)]
    finally:
        sandbox.execute(f'DROP OWNED BY "{role}" CASCADE; DROP ROLE "{role}"')


def test_a_unique_foreign_key_the_other_way_is_how_rows_find_each_other(sandbox: Sandbox) -> None:
    setup = (
        "CREATE TABLE b (id integer PRIMARY KEY);"
        "CREATE TABLE a (id integer PRIMARY KEY, k integer UNIQUE REFERENCES b, c text, d json);"
        "INSERT INTO b VALUES (1), (2), (3); INSERT INTO a VALUES (1, 2, 'two'), (2, 3, 'three');"
    )
    migration = expanded(sandbox, setup=setup, sql=SQL.replace("to = b", "to = b (id)"))
    sandbox.backfill(migration)
    sandbox.execute("INSERT INTO a VALUES (3, 1, 'one'); UPDATE a SET c = 'TWO' WHERE k = 2")
    sandbox.execute("UPDATE b SET c = 'THREE' WHERE id = 3")
    assert sandbox.rows("SELECT k, c FROM a ORDER BY k") == [(1, "one"), (2, "TWO"), (3, "THREE")]
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows("SELECT id, c FROM b ORDER BY id") == [(1, "one"), (2, "TWO"), (3, "THREE")]
    assert sandbox.leftovers() == []


@pytest.mark.parametrize(
    ("default", "writes", "seen"),
    [
        # New code comes first, with a row that old code knows nothing of, or nothing to say about.
        ("", ["INSERT INTO b VALUES (1, 'new')", "INSERT INTO a VALUES (1, 1)"], "new"),
        ("", ["INSERT INTO b VALUES (1, 'new')", "INSERT INTO a VALUES (1, 1, 'old')"], "old"),
        (" DEFAULT 'd'", ["INSERT INTO b VALUES (1, 'new')", "INSERT INTO a VALUES (1, 1)"], "new"),
        (" DEFAULT 'd'", ["INSERT INTO b VALUES (1, 'new')", "INSERT INTO a VALUES (1, 1, 'old')"], "old"),
        (" DEFAULT 'd'", ["INSERT INTO b VALUES (1)", "INSERT INTO a VALUES (1, 1)"], "d"),
        (" DEFAULT gen_random_uuid()::text", ["INSERT INTO b VALUES (1, 'new')", "INSERT INTO a VALUES (1, 1)"], "new"),
        # Old code deletes its row, and another one takes that place.
        ("", ["INSERT INTO b VALUES (1)", "INSERT INTO a VALUES (1, 1, 'before')", "DELETE FROM a",
              "INSERT INTO a VALUES (2, 1, 'old')"], "old"),
    ],
)  # fmt: skip
def test_what_old_code_gives_to_a_row_that_comes_second_is_the_last_word(
    sandbox: Sandbox, default: str, writes: list[str], seen: str
) -> None:
    setup = (
        "CREATE TABLE b (id integer PRIMARY KEY);"
        f"CREATE TABLE a (id integer PRIMARY KEY, k integer UNIQUE REFERENCES b, c text{default})"
    )
    as_expanded(sandbox, setup, "-- migrator: to = b (id)\nALTER TABLE a DROP COLUMN c")
    for write in writes:
        sandbox.execute(write)

    assert sandbox.rows("SELECT a.c, b.c AS new FROM a JOIN b ON b.id = k") == [(seen, seen)]


LOG = (
    "CREATE TABLE log (t text);"
    "CREATE FUNCTION logged() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO log VALUES (TG_TABLE_NAME || ' ' || TG_OP); RETURN NULL; END $$;"
)
LOGGED = "CREATE TRIGGER logged AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW EXECUTE FUNCTION logged();"


def test_triggers_that_name_tables_without_a_schema_work_when_a_write_is_taken_across(sandbox: Sandbox) -> None:
    expanded(sandbox, setup=SETUP + LOG + LOGGED.format("a") + LOGGED.format("b"))
    sandbox.execute("INSERT INTO a (id) VALUES (1); INSERT INTO b (k) VALUES (1); TRUNCATE log")
    sandbox.execute("UPDATE a SET c = 'x'; UPDATE b SET c = 'y'")

    assert sandbox.rows("SELECT t, count(*) FROM log GROUP BY t ORDER BY t") == [("a UPDATE", 2), ("b UPDATE", 2)]


def test_nobody_slips_in_an_operator_of_their_own(sandbox: Sandbox) -> None:
    """The type of the key has no equality of its own: one in the schema of the table would be a better match."""
    setup = SETUP.replace("id integer", "id varchar").replace("k integer", "k varchar")
    expanded(sandbox, setup=setup)
    sandbox.execute(
        "CREATE TABLE seen (w text); CREATE FUNCTION spy(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO public.seen VALUES ('spied'); RETURN true; END $$;"
        "CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = spy)"
    )
    sandbox.execute("INSERT INTO a (id, c) VALUES ('1', 'x'), ('2', 'y'); INSERT INTO b (k) VALUES ('1'), ('2')")
    sandbox.execute("UPDATE a SET c = c || '!'; UPDATE b SET c = c || '?', m = 1")

    assert sandbox.rows("SELECT c FROM a ORDER BY id") == [("x!?",), ("y!?",)]
    assert sandbox.value("SELECT count(*) FROM seen") == 0


@pytest.mark.parametrize(
    ("setup", "sql", "said"),
    [
        (SETUP.replace("UNIQUE ", ""), SQL, "several rows of public.b may have the same k"),
        (SETUP.replace("REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE", ""), SQL, "there is no foreign key"),
        (SETUP.replace("c text", "c text NOT NULL"), SQL, "NOT NULL without a default"),
        (SETUP.replace("m integer", "m integer, c text"), SQL, 'column "c" of table "public.b" exists already'),
        (SETUP + "CREATE VIEW v AS SELECT c FROM a;", SQL, "used by other objects"),
        (SETUP + "CREATE INDEX ON a (c, n);", SQL, "part of a key or index"),
        (SETUP + "ALTER TABLE a ENABLE ROW LEVEL SECURITY;", SQL, "has row security"),
        (SETUP + "ALTER TABLE b FORCE ROW LEVEL SECURITY;", SQL, "forces row security"),
        (
            SETUP.replace("k integer", "j integer, k integer GENERATED ALWAYS AS (j) STORED").replace(CASCADED, ""),
            SQL,
            'column "k" of table "public.b" is generated',
        ),
        (
            SETUP + "CREATE TRIGGER zzzz BEFORE INSERT ON b FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger();",
            SQL,
            "RENAME TO",
        ),
        (SETUP, SQL.replace("COLUMN c", "COLUMN id"), "is in the key by which rows are found"),
        (SETUP, SQL.replace("to = b", "to = a"), "is the table the columns are in"),
        (SETUP, SQL.replace("to = b", "to = b (x)"), 'column "x" of table "public.b" does not exist'),
        (
            "CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE a (id int PRIMARY KEY, k int REFERENCES b, c int);",
            SQL.replace("to = b", "to = b (id)").replace(", DROP COLUMN d", ""),
            "rows of public.a point to those of public.b",
        ),
        (SETUP, SQL.replace("to = b", "to = nothing"), 'table "public.nothing" does not exist'),
        (SETUP, SQL.replace("to = b", "to = b, a"), "not a table and columns of it"),
    ],
)
def test_what_cannot_be_moved_is_refused_before_anything(sandbox: Sandbox, setup: str, sql: str, said: str) -> None:
    sandbox.execute(setup)
    with pytest.raises(Refused) as caught:
        sandbox.new("move", sql)

    assert said in refusal(caught.value)


@pytest.mark.parametrize("form", ["", "many = true", "where = m > 0"])
def test_who_subscribes_to_the_other_table_is_told_what_to_prepare(sandbox: Sandbox, form: str) -> None:
    """Every column that comes, also that of the triggers."""
    setup = SETUP.replace("UNIQUE ", "") + "CREATE UNIQUE INDEX ON b (k) WHERE m > 0;" if form else SETUP
    sandbox.execute(setup.replace(CASCADED, "") + "CREATE PUBLICATION p FOR TABLE b")
    outcome = sandbox.command("new", "move", "--sql", f"-- migrator: {form}\n{SQL}" if form else SQL)
    assert outcome.code == 0
    sandbox.install()
    sandbox.expand(sandbox.migrations()[0])

    came = sandbox.value("SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute"
                         " WHERE attrelid = 'b'::regclass AND attnum > 2")  # fmt: skip
    assert f"subscribers in PostgreSQL need {came} before expand" in outcome.out + outcome.err


def test_the_same_primary_key_will_do_and_names_are_quoted(sandbox: Sandbox) -> None:
    setup = (
        'CREATE TABLE "A b" ("begin" integer, "If" text, "x y" varchar(9) DEFAULT \'q\' NOT NULL,'
        ' PRIMARY KEY ("begin", "If"));'
        'CREATE TABLE "C" ("begin" integer, "If" text, PRIMARY KEY ("If", "begin"));'
        "INSERT INTO \"A b\" VALUES (1, 'k', 'one'), (2, 'k', 'two'); INSERT INTO \"C\" VALUES (1, 'k'), (2, 'k');"
    )
    sql = '-- migrator: to = "C" ("begin", "If")\nALTER TABLE "A b" DROP COLUMN "x y"'
    migration = expanded(sandbox, setup=setup, sql=sql)
    sandbox.execute('UPDATE "C" SET "x y" = \'new\' WHERE "begin" = 2')
    sandbox.backfill(migration)
    assert sandbox.rows('SELECT "x y" FROM "A b" ORDER BY 1') == [("new",), ("one",)]
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows('SELECT "x y" FROM "C" ORDER BY 1') == [("new",), ("one",)]
    assert [each.kind for each in parse_script(migration.phase(Phase.CONTRACT)[0].sql).statements] == ["drop_stmt"]
    assert sandbox.leftovers() == []


def test_a_row_that_comes_while_expand_is_under_way_does_not_keep_what_changes_meanwhile(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP)
    migration = sandbox.new("move", SQL)
    groups = migration.groups(Phase.EXPAND)
    for number, group in enumerate(groups, 1):
        for step in group:
            sandbox.session.execute(step.sql)
        sandbox.execute(f"INSERT INTO a (id, c) VALUES ({number}, 'old'); INSERT INTO b (k) VALUES ({number})")
        sandbox.execute("UPDATE a SET c = c || '!'")
    sandbox.session.execute(migration.phase(Phase.BACKFILL)[0].sql)

    assert len(groups) == 3
    assert sandbox.rows("SELECT a.c = b.c FROM a JOIN b ON id = k") == [(True,)] * 3
