"""Columns that moved to the one of several rows for which a condition holds: what both tables hold after any write."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from migrator.errors import Refused
from migrator.model.plan import Migration, Phase
from migrator.model.schema import TableName
from tests.lifecycle.crossing import (
    as_expanded,
    crossing,
    expanded_beside_old_code,
    raised_behind_writes,
    waiting,
    write_between,
)
from tests.support.sandbox import Sandbox, refusal

SETUP = (
    "CREATE TABLE a (id integer PRIMARY KEY, n integer, c text, d json);"
    "CREATE TABLE b (id integer PRIMARY KEY, k integer REFERENCES a ON DELETE SET NULL ON UPDATE CASCADE, m integer,"
    " w boolean); CREATE UNIQUE INDEX ON b (k) WHERE w;"
)
SQL = "-- migrator: to = b\n-- migrator: where = w\nALTER TABLE a DROP COLUMN c, DROP COLUMN d"
OFFLINE = "nobody is connected in this test"


def expanded(sandbox: Sandbox, rows: str = "", setup: str = SETUP) -> Migration:
    return expanded_beside_old_code(sandbox, setup + rows, SQL)


@pytest.fixture
def moved(sandbox: Sandbox) -> Sandbox:
    """Both tables as expand leaves them, without a ledger; row 9 with its rows was there before, and is not filled."""
    rows = "INSERT INTO a VALUES (9, 9, 'before', '{}'); INSERT INTO b VALUES (91, 9, 0, true), (92, 9, 0, NULL)"
    return as_expanded(sandbox, SETUP + rows, SQL)


A = "INSERT INTO a (id, c) VALUES (1, 'old'), (2, 'two')"
B = "INSERT INTO b (id, k, w) VALUES (11, 1, true), (12, 1, false)"
OWN = "UPDATE b SET c = 'own' WHERE id = 12"
AWAY, THERE = "UPDATE b SET w = NULL WHERE w AND k = 1", "UPDATE b SET w = true WHERE id = 12"
BACK = f"{AWAY}; UPDATE b SET w = true WHERE id = 11"


@pytest.mark.parametrize(
    ("writes", "seen"),
    [
        # The row that is chosen has the value, and no other.
        ([A, B], ("old", "old", None)),
        ([f"WITH a AS (INSERT INTO a VALUES (1, 1, 'old')) {B}"], ("old", "old", None)),
        (["WITH a AS (INSERT INTO a (id) VALUES (1)) INSERT INTO b (id, k, w, c) VALUES (11, 1, true, 'x')"],
         ("x", "x", "-")),
        ([A, "INSERT INTO b (id, k, w, c) VALUES (11, 1, true, 'x'), (12, 1, false, 'y')"], ("x", "x", "y")),
        # The last one to write wins; NULL on purpose counts.
        ([A, B, "UPDATE a SET c = 'x' WHERE id = 1"], ("x", "x", None)),
        ([A, B, "UPDATE a SET c = NULL WHERE id = 1", "UPDATE b SET m = 1"], (None, None, None)),
        ([A, B, "UPDATE b SET c = 'x' WHERE id = 11"], ("x", "x", None)),
        ([A, B, "UPDATE b SET c = NULL WHERE id = 11", "UPDATE b SET m = 1", "UPDATE a SET n = 1"], (None, None, None)),
        ([A, B, "UPDATE a SET n = 1; UPDATE b SET m = 1"], ("old", "old", None)),
        ([A, B, "UPDATE a SET d = '{}'", "UPDATE b SET d = '[]' WHERE id = 11"], ("old", "old", None)),
        # What new code writes into another row stays there.
        ([A, B, OWN], ("old", "old", "own")),
        ([A, B, OWN, "UPDATE a SET c = 'x' WHERE id = 1"], ("x", "x", "own")),
        # Another row is chosen by code that knows nothing of its value: what old code reads stays the same.
        ([A, B, AWAY], ("old", "old", None)),
        ([A, B, AWAY, THERE], ("old", "old", "old")),
        ([A, B, f"{AWAY}; {THERE}"], ("old", "old", "old")),
        ([A, B, AWAY, "UPDATE a SET c = 'x' WHERE id = 1", THERE], ("x", "old", "x")),
        ([A, B, AWAY, THERE, "UPDATE a SET c = 'x' WHERE id = 1", BACK], ("x", "x", "x")),
        ([A, B, AWAY, THERE, "UPDATE a SET c = NULL WHERE id = 1", BACK], (None, None, None)),
        ([A, B, "UPDATE b SET w = NOT w WHERE id = 11; UPDATE b SET w = NOT w WHERE id = 12"], ("old", "old", "old")),
        # Another row is chosen that has a value of new code: that is what old code reads, and nothing goes.
        ([A, B, OWN, AWAY, THERE], ("own", "old", "own")),
        ([A, B, OWN, AWAY, THERE, BACK], ("old", "old", "own")),
        ([A, B, AWAY, THERE, "UPDATE b SET c = 'x' WHERE id = 12", BACK], ("old", "old", "x")),
        ([A, B, AWAY, "UPDATE b SET w = true, c = 'x' WHERE id = 12"], ("x", "old", "x")),
        ([A, B, OWN, AWAY, "UPDATE b SET w = true, c = NULL WHERE id = 12"], (None, "old", None)),
        ([A, B, OWN, "UPDATE b SET c = NULL WHERE id = 12", AWAY, THERE], ("old", "old", "old")),
        ([A, B, "UPDATE b SET w = false, c = 'x' WHERE id = 11"], ("old", "x", None)),
        # Upserts, by either key; COPY and UPDATE … FROM are writes as others.
        ([A, B, "INSERT INTO b (id, k, w, c) VALUES (13, 1, true, 'x') ON CONFLICT (k) WHERE w DO UPDATE SET c = 'y'"],
         ("y", "y", None)),
        ([A, B, "INSERT INTO b (id, k, w) VALUES (13, 1, true) ON CONFLICT (k) WHERE w DO UPDATE SET m = 7"],
         ("old", "old", None)),
        ([A, B, "INSERT INTO b (id, k, w) VALUES (13, 1, true) ON CONFLICT DO NOTHING"], ("old", "old", None)),
        ([A, B, AWAY, "INSERT INTO b (id, w) VALUES (12, true) ON CONFLICT (id) DO UPDATE SET w = EXCLUDED.w"],
         ("old", "old", "old")),
        ([A, B, "INSERT INTO a (id, c) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET c = EXCLUDED.c"],
         ("x", "x", None)),
        ([A, B, "UPDATE a SET c = b.id::text FROM b WHERE b.k = a.id AND NOT w"], ("12", "12", None)),
        ([A, B, "UPDATE b SET c = upper(a.c) FROM a WHERE b.k = a.id"], ("OLD", "OLD", "OLD")),
        # The row belongs to another one, or the key changes with the row it belongs to.
        ([A, B, "UPDATE b SET k = 2 WHERE id = 11"], ("old", "two", None)),
        ([A, B, "UPDATE b SET k = 2, c = 'x' WHERE id = 11"], ("old", "x", None)),
        ([A, B, "UPDATE b SET k = NULL WHERE id = 11", "UPDATE b SET k = 1 WHERE id = 11"], ("old", "old", None)),
        ([A, B, "INSERT INTO b (id, k, w, c) VALUES (21, 2, true, 'own')", "DELETE FROM b WHERE id = 11",
          "UPDATE b SET k = 1 WHERE id = 21", "UPDATE b SET id = 11 WHERE id = 21"], ("own", "own", None)),
        ([A, B, "UPDATE a SET id = 7 WHERE id = 1", "UPDATE a SET c = 'x' WHERE id = 7",
          "UPDATE a SET id = 1 WHERE id = 7"],
         ("x", "x", None)),
        # What is deleted keeps what old code reads, and the next one that is chosen gets it.
        ([A, B, "DELETE FROM b WHERE id = 11"], ("old", "-", None)),
        ([A, B, "DELETE FROM b WHERE id = 11", THERE], ("old", "-", "old")),
        ([A, B, "DELETE FROM b WHERE id = 11", "INSERT INTO b (id, k, w) VALUES (11, 1, true)"], ("old", "old", None)),
        ([A, B, "DELETE FROM a WHERE id = 1", "INSERT INTO a (id) VALUES (1)"], (None, "old", None)),
    ],
)  # fmt: skip
def test_both_tables_follow_whoever_writes(moved: Sandbox, writes: list[str], seen: tuple[Any, ...]) -> None:
    for write in writes:
        moved.execute(f"BEGIN; {write}; COMMIT")

    one, two = (f"CASE WHEN EXISTS (SELECT FROM b WHERE id = {i}) THEN (SELECT c FROM b WHERE id = {i}) ELSE '-' END"
                for i in (11, 12))  # fmt: skip
    assert moved.rows(f"SELECT c, {one} AS one, {two} AS two FROM a WHERE id = 1") == [seen]
    assert moved.value("SELECT count(*) FROM a JOIN b ON a.id = k AND w WHERE a.d::text IS DISTINCT FROM b.d::text"
                       " AND a.id < 9") == 0  # fmt: skip


@pytest.mark.parametrize(
    ("write", "seen"),
    [
        ("UPDATE b SET m = 1 WHERE id = 91", ("before", "before", None)),
        ("UPDATE a SET n = 1 WHERE id = 9", ("before", None, None)),
        ("UPDATE a SET c = 'x' WHERE id = 9", ("x", "x", None)),
        ("UPDATE a SET c = NULL WHERE id = 9", (None, None, None)),
        ("UPDATE b SET c = 'x' WHERE id = 91", ("x", "x", None)),
        ("UPDATE b SET d = '[]' WHERE id = 91", ("before", "before", None)),
        # One that is chosen no longer is not looked for any more.
        ("UPDATE b SET w = false WHERE id = 91", ("before", "before", None)),
        ("UPDATE b SET k = NULL WHERE id = 91", ("before", "before", None)),
        ("UPDATE b SET w = false WHERE id = 91; UPDATE b SET w = true WHERE id = 92", ("before", "before", "before")),
    ],
)
def test_a_row_that_is_not_filled_yet_is_filled_by_any_write(
    moved: Sandbox, write: str, seen: tuple[str | None, ...]
) -> None:
    moved.execute(write)
    assert moved.rows(
        "SELECT c, (SELECT c FROM b WHERE id = 91) AS x, (SELECT c FROM b WHERE id = 92) AS y FROM a"
    ) == [seen]


@pytest.mark.parametrize("keys", [{"a": "id"}, {"b": "id"}, {"a": "id", "b": "id"}])
def test_what_a_trigger_writes_behind_a_write_is_the_last_word(moved: Sandbox, keys: dict[str, str]) -> None:
    raised_behind_writes(moved, **keys)
    moved.execute(
        "INSERT INTO a (id, c) VALUES (1, 'old'), (2, 'old'), (3, NULL), (4, 'x'), (5, 'x');"
        "INSERT INTO b (id, k, w) VALUES (11, 1, true), (41, 4, true), (51, 5, true);"
        "INSERT INTO b (id, k, w, c) VALUES (21, 2, true, 'new'), (31, 3, true, 'new');"
        "UPDATE a SET c = 'y' WHERE id = 4; UPDATE b SET c = 'y' WHERE id = 51"
    )

    assert moved.rows("SELECT a.c, b.c AS new FROM a JOIN b ON k = a.id WHERE a.id < 9 ORDER BY a.id") == [
        ("OLD", "OLD"), ("NEW", "NEW"), ("NEW", "NEW"), ("Y", "Y"), ("Y", "Y")
    ]  # fmt: skip


def test_a_trigger_that_chooses_has_chosen(moved: Sandbox) -> None:
    """The first address of a user is the default one: before the row is written, and behind that."""
    moved.execute(
        "CREATE FUNCTION first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " NEW.w := NOT EXISTS (SELECT FROM public.b WHERE k = NEW.k AND w); RETURN NEW; END $$;"
        "CREATE FUNCTION last() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE public.b SET w = false WHERE k = NEW.k AND w; UPDATE public.b SET w = true WHERE id = NEW.id;"
        " RETURN NULL; END $$;"
        "CREATE TRIGGER first BEFORE INSERT ON b FOR EACH ROW WHEN (NEW.m = 1) EXECUTE FUNCTION first();"
        "CREATE TRIGGER last AFTER INSERT ON b FOR EACH ROW WHEN (NEW.m = 2) EXECUTE FUNCTION last()"
    )
    moved.execute(f"{A}; INSERT INTO b (id, k, m) VALUES (11, 1, 1), (12, 1, 1), (13, 1, 2), (14, 1, 2)")
    assert moved.rows("SELECT id, w, c FROM b WHERE k = 1 ORDER BY id") == [
        (11, False, "old"), (12, False, None), (13, False, "old"), (14, True, "old")
    ]  # fmt: skip
    moved.execute("INSERT INTO b (id, k, m, c) VALUES (15, 1, 2, 'own')")
    assert moved.rows("SELECT c, (SELECT c FROM b WHERE w AND k = 1) AS new FROM a WHERE id = 1") == [("own", "own")]


@pytest.mark.parametrize(
    ("columns", "index", "where", "chosen", "other"),
    [
        ("gone timestamptz", "gone IS NULL", "gone is null", "NULL", "now()"),
        ("w varchar(9)", "w IN ('main', 'first')", "w IN ('main', 'first')", "'first'", "'x'"),
        ("w varchar(9)", "w = 'main'", "w::text = 'main'", "'main'", "NULL"),
        ("w mood", "w = 'main'", "w = 'main'", "'main'", "'other'"),
        ("w int", "w <> 0 AND (m IS NULL OR NOT w > 5)", "(w != 0) AND (m IS NULL OR NOT (w > 5))", "3", "0"),
        ("w text", "lower(w) LIKE 'ma%'", "lower(w) LIKE 'ma%'", "'MAIN'", "'x'"),
        ('"Is it?" boolean', '"Is it?"', '"Is it?"', "true", "false"),
    ],
)  # fmt: skip
def test_conditions(sandbox: Sandbox, columns: str, index: str, where: str, chosen: str, other: str) -> None:
    """Whatever operators there are beside the server's own ones."""
    name = columns.rsplit(" ", 1)[0]
    sandbox.execute(
        "CREATE TYPE mood AS ENUM ('main', 'other'); CREATE TABLE a (id integer PRIMARY KEY, c text);"
        f"CREATE TABLE b (id integer PRIMARY KEY, k integer REFERENCES a, m integer, {columns});"
        f"CREATE UNIQUE INDEX ON b (k) WHERE {index};"
        f"INSERT INTO a VALUES (1, 'old'), (2, 'two'); INSERT INTO b (id, k, {name}) VALUES (11, 1, {chosen})"
    )
    migration = expanded_beside_old_code(
        sandbox, "SELECT", f"-- migrator: to = b\n-- migrator: where = {where}\nALTER TABLE a DROP COLUMN c"
    )
    sandbox.execute(
        "CREATE FUNCTION spy(mood, mood) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'spied'; END $$;"
        "CREATE FUNCTION spy(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'spied'; END $$;"
        "CREATE OPERATOR public.= (LEFTARG = mood, RIGHTARG = mood, FUNCTION = spy);"
        "CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = spy);"
        f"INSERT INTO b (id, k, {name}) VALUES (12, 1, {other}), (21, 2, {other}), (22, 2, {chosen})"
    )
    assert sandbox.rows("SELECT id, c FROM b ORDER BY id") == [(11, None), (12, None), (21, None), (22, "two")]
    sandbox.execute("UPDATE a SET c = c || '!' WHERE id = 2; UPDATE b SET c = 'own' WHERE id = 21")
    sandbox.backfill(migration)
    sandbox.execute(f"UPDATE b SET {name} = {other} WHERE id = 11; UPDATE b SET {name} = {chosen} WHERE id = 12")
    sandbox.execute("UPDATE b SET c = 'new' WHERE id = 12")
    assert sandbox.rows("SELECT c FROM a ORDER BY id") == [("new",), ("two!",)]
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows("SELECT id, c FROM b ORDER BY id") == [(11, "old"), (12, "new"), (21, "own"), (22, "two!")]
    assert sandbox.leftovers() == []


ROWS = (
    "INSERT INTO a SELECT g, g, 'old' FROM generate_series(1, 3) AS g;"
    "INSERT INTO b SELECT 10 * k + i, k, 0, i = 1 FROM generate_series(1, 3) AS k, generate_series(1, 2) AS i;"
)
AGAIN = "UPDATE b SET w = false WHERE id = 21; UPDATE a SET c = NULL WHERE id = 2; UPDATE b SET w = true WHERE id = {}"


@pytest.mark.parametrize(
    ("write", "seen"),
    [
        ("UPDATE a SET c = NULL WHERE id = 2", (None, None, None)),
        ("UPDATE a SET c = 'x' WHERE id = 2", ("x", "x", None)),
        ("UPDATE b SET c = 'x' WHERE id = 21; UPDATE b SET c = NULL WHERE id = 21", (None, None, None)),
        ("UPDATE b SET w = false WHERE id = 21", ("old", "old", None)),
        (AGAIN.format(21), (None, None, None)),
        (AGAIN.format(22), (None, "old", None)),
    ],
)
def test_a_batch_that_has_read_a_value_does_not_bring_it_back(
    sandbox: Sandbox, write: str, seen: tuple[str | None, ...]
) -> None:
    migration = expanded(sandbox, ROWS)
    write_between(sandbox, migration, TableName("public", "b"), "SELECT FROM b WHERE id = 11 FOR UPDATE", write)
    sandbox.backfill(migration)

    one, two = (f"(SELECT c FROM b WHERE id = {i})" for i in (21, 22))
    assert sandbox.rows(f"SELECT c, {one} AS one, {two} AS two FROM a WHERE id = 2") == [seen]
    assert sandbox.rows("SELECT c FROM b WHERE id IN (11, 31)") == [("old",)] * 2


def test_writes_that_cross_each_other_lose_nothing(sandbox: Sandbox) -> None:
    expanded(sandbox, ROWS + "INSERT INTO a VALUES (4, 4, 'old'), (5, 5, 'old')")
    with psycopg.connect(sandbox.url) as old, psycopg.connect(sandbox.url) as new:
        # A row is inserted, or chosen, while the row it belongs to changes: it gets what was written last.
        old.execute("UPDATE a SET c = 'x' WHERE id = 4")
        crossing(sandbox, old, new, "INSERT INTO b (id, k, w) VALUES (41, 4, true)")
        new.execute("INSERT INTO b (id, k, w) VALUES (51, 5, true)")
        crossing(sandbox, new, old, "UPDATE a SET c = 'x' WHERE id = 5")
        sandbox.execute("UPDATE b SET w = false WHERE k < 3")
        old.execute("UPDATE a SET c = 'x' WHERE id = 1")
        crossing(sandbox, old, new, "UPDATE b SET w = true WHERE id = 12")
        new.execute("UPDATE b SET w = true WHERE id = 22")
        crossing(sandbox, new, old, "UPDATE a SET c = 'x' WHERE id = 2")
        # It is chosen no longer while the value changes: it keeps what it had.
        new.execute("UPDATE b SET w = false WHERE id = 31")
        crossing(sandbox, new, old, "UPDATE a SET c = 'x' WHERE id = 3")

    assert sandbox.rows("SELECT b.id, a.c, b.c AS new FROM a JOIN b ON k = a.id AND w ORDER BY b.id") == [
        (12, "x", "x"), (22, "x", "x"), (41, "x", "x"), (51, "x", "x")
    ]  # fmt: skip
    assert sandbox.rows("SELECT a.c, b.c AS new FROM a JOIN b ON k = a.id WHERE b.id = 31") == [("x", "old")]


def test_one_that_chooses_another_row_and_one_that_changes_the_value_both_end(sandbox: Sandbox) -> None:
    """One of them may be repeated: it has changed nothing."""
    expanded(sandbox, ROWS)
    with psycopg.connect(sandbox.url) as one, psycopg.connect(sandbox.url) as two:
        one.execute("SET deadlock_timeout = '10s'")
        one.execute("UPDATE b SET w = false WHERE id = 11")
        with (
            waiting(sandbox, two, "UPDATE a SET c = 'x' WHERE id = 1") as answer,
            waiting(sandbox, one, "UPDATE b SET w = true WHERE id = 12") as other,
        ):
            with pytest.raises(psycopg.errors.DeadlockDetected):
                answer.result(timeout=30)
            other.result(timeout=30)
        one.commit()
        two.rollback()
        two.execute("UPDATE a SET c = 'x' WHERE id = 1")
        two.commit()

    assert sandbox.rows("SELECT a.c, b.id, b.c AS new FROM a JOIN b ON k = a.id AND w AND a.id = 1") == [("x", 12, "x")]


def test_a_row_of_the_new_table_may_come_first(sandbox: Sandbox) -> None:
    setup = SETUP.replace("ON UPDATE CASCADE", "ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED")
    expanded(sandbox, setup=setup)
    sandbox.execute(
        "BEGIN; INSERT INTO b (id, k, w, c) VALUES (11, 1, true, 'new'), (12, 1, false, 'own');"
        "INSERT INTO a (id, c) VALUES (1, 'old'); COMMIT;"
        "BEGIN; INSERT INTO b (id, k, w) VALUES (21, 2, true), (22, 2, false);"
        "INSERT INTO a (id, c, d) VALUES (2, 'old', '{}'); COMMIT"
    )

    assert sandbox.rows("SELECT a.c, b.c AS new, b.d::text FROM a JOIN b ON a.id = k ORDER BY b.id") == [
        ("new", "new", None), ("new", "own", None), ("old", "old", "{}"), ("old", None, None)
    ]  # fmt: skip


def test_a_value_without_a_chosen_row_stops_contract(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP + ROWS + "UPDATE b SET w = NULL WHERE id = 31")
    after = sandbox.shape_after(
        "ALTER TABLE b ADD COLUMN c text, ADD COLUMN d json; ALTER TABLE a DROP COLUMN c, DROP COLUMN d"
    )
    migration = expanded(sandbox, setup="")
    sandbox.backfill(migration)
    with pytest.raises(
        Refused, match=r"1 row of public.a holds values of c, d and has no row in public.b that fulfils w:"
    ):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("UPDATE b SET w = true WHERE id = 32; UPDATE b SET c = 'own' WHERE id = 12")
    sandbox.execute(
        "SET session_replication_role = replica; UPDATE b SET c = 'z' WHERE id = 21; RESET session_replication_role"
    )
    with pytest.raises(Refused, match=r"1 pair of rows of public.a and public.b differs in c, d"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("UPDATE b SET c = 'w' WHERE id = 21")
    sandbox.execute("DROP INDEX b_k_idx")
    with pytest.raises(Refused, match="which of them holds the value would not be known"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("CREATE UNIQUE INDEX ON b (k) WHERE w")
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows("SELECT id, c FROM b ORDER BY id") == [
        (11, "old"), (12, "own"), (21, "w"), (22, None), (31, None), (32, "old")
    ]  # fmt: skip
    assert sandbox.snapshot() == after
    assert sandbox.leftovers() == []


def test_a_rollback_counts_what_new_code_wrote_and_old_code_does_not_read(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP + ROWS)
    before = sandbox.snapshot()
    migration = expanded(sandbox, setup="")
    sandbox.backfill(migration)
    # What was only taken from the old table is not lost.
    sandbox.execute("UPDATE b SET w = false WHERE id = 11; UPDATE b SET w = true WHERE id = 12")
    sandbox.execute("UPDATE a SET c = 'x' WHERE id = 1; UPDATE b SET c = 'y' WHERE id = 31")
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before
    assert sandbox.rows("SELECT c FROM a ORDER BY id") == [("x",), ("old",), ("y",)]

    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.execute("UPDATE b SET c = 'own' WHERE id IN (22, 32)")
    with pytest.raises(Refused, match="2 rows"):
        sandbox.rollback(migration, offline=OFFLINE)
    sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert sandbox.snapshot() == before
    assert sandbox.leftovers() == []


def test_rows_that_come_while_expand_is_under_way_do_not_fall_behind(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP)
    migration = sandbox.new("move", SQL)
    groups = migration.groups(Phase.EXPAND)
    for number, group in enumerate(groups, 1):
        for step in group:
            sandbox.session.execute(step.sql)
        sandbox.execute(
            f"INSERT INTO a (id, c) VALUES ({number}, 'old');"
            f"INSERT INTO b (id, k, w) VALUES ({number}, {number}, true), ({number} + 10, {number}, false);"
            f"UPDATE a SET c = c || '!' WHERE id = {number};"
            f"UPDATE b SET w = NULL WHERE id = {number}; UPDATE b SET w = true WHERE id = {number} + 10;"
            f"UPDATE a SET c = c || '?' WHERE id = {number};"
            f"UPDATE b SET w = NULL WHERE id = {number} + 10; UPDATE b SET w = true WHERE id = {number};"
        )
    sandbox.session.execute(migration.phase(Phase.BACKFILL)[0].sql)
    assert sandbox.rows("SELECT a.c, b.c AS new FROM a JOIN b ON k = a.id AND w ORDER BY a.id") == [("old!?",) * 2] * 3

    assert len(groups) == 3
    sandbox.execute(
        "UPDATE b SET w = NULL WHERE id < 10; UPDATE b SET w = true WHERE id > 10; UPDATE a SET c = 'x';"
        "UPDATE b SET w = NULL WHERE id > 10; UPDATE b SET w = true WHERE id < 10"
    )
    assert sandbox.rows("SELECT a.c, b.c AS new FROM a JOIN b ON k = a.id AND w") == [("x", "x")] * 3


BACK_SETUP = (
    "CREATE TABLE b (id integer PRIMARY KEY, n integer);"
    "CREATE TABLE a (id integer PRIMARY KEY, k integer REFERENCES b, w boolean, c text, d json);"
    "CREATE UNIQUE INDEX ON a (k) WHERE w"
)


@pytest.mark.parametrize(
    ("setup", "sql", "said"),
    [
        (SETUP, SQL.replace("-- migrator: where = w\n", ""), "or one of them: -- migrator: where = is_default"),
        (SETUP.replace("UNIQUE INDEX", "INDEX"), SQL, "(not unique, or not valid)"),
        (SETUP.replace("UNIQUE INDEX", "INDEX"), SQL, "CREATE UNIQUE INDEX ON public.b (k) WHERE w"),
        (SETUP.replace("WHERE w", "WHERE w AND m > 0"), SQL, "WHERE (w AND (m > 0))"),
        (SETUP.replace("(k) WHERE w", "(k, m) WHERE w"), SQL, "which of them holds the value would not be known"),
        (SETUP.replace("w boolean", "w integer").replace("WHERE w", "WHERE w = 1"), SQL.replace("= w", "= w > 0"),
         "CREATE UNIQUE INDEX ON public.b (k) WHERE w > 0"),
        (SETUP.replace("k integer", "k integer UNIQUE"), SQL, "leave where out"),
        (SETUP, SQL.replace("= w", "= x"), 'column "x" of table "public.b" does not exist'),
        (SETUP, SQL.replace("= w", "= b.w"), "write columns without a table name"),
        (SETUP, SQL.replace("= w", "= w IN (SELECT true)"), "cannot hold a query"),
        (SETUP, SQL.replace("= w", "= w, m"), "not one SQL expression"),
        (SETUP.replace("w boolean", "w boolean GENERATED ALWAYS AS (m > 0) STORED"), SQL,
         'column "w" of table "public.b" is generated'),
        (SETUP.replace("WHERE w", "WHERE w IS DISTINCT FROM false"), SQL.replace("= w", "= w IS DISTINCT FROM false"),
         "looks up operators without naming them"),
        (SETUP, f"-- migrator: many = true\n{SQL}", "leave one of them out"),
        (BACK_SETUP, SQL, "would have no place where old code reads; and whether the value goes with that row"),
        (BACK_SETUP, SQL.replace("= b", "= b (id)"), "merge_tables"),
    ],
)  # fmt: skip
def test_what_cannot_be_moved_to_the_chosen_one_is_refused_before_anything(
    sandbox: Sandbox, setup: str, sql: str, said: str
) -> None:
    sandbox.execute(setup)
    with pytest.raises(Refused) as caught:
        sandbox.new("move", sql)

    assert said in refusal(caught.value)
