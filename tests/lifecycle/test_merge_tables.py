"""A table that is merged into another one: what either table holds after any write of old or new code."""

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
    write_between,
)
from tests.support.sandbox import Sandbox, refusal

SETUP = (
    "CREATE TABLE a (id integer PRIMARY KEY, n integer);"
    "CREATE TABLE b (k integer PRIMARY KEY REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE,"
    " c text, d text NOT NULL DEFAULT 'none', e json);"
)
SQL = "-- migrator: into = a\nDROP TABLE b"
OFFLINE = "nobody is connected in this test"


def expanded(sandbox: Sandbox, rows: str = "", setup: str = SETUP, sql: str = SQL) -> Migration:
    return expanded_beside_old_code(sandbox, setup + rows, sql)


@pytest.fixture
def merged(sandbox: Sandbox) -> Sandbox:
    """Both tables as expand leaves them, without a ledger; two rows were there before, one of them in both."""
    return as_expanded(sandbox, SETUP + "INSERT INTO a VALUES (8), (9); INSERT INTO b VALUES (9, 'before', 'bd')", SQL)


A, B = "INSERT INTO a (id) VALUES (1)", "INSERT INTO b (k, c, d) VALUES (1, 'old', 'od')"
NEW = "INSERT INTO a (id, c, d) VALUES (1, 'new', 'nd')"
NONE = (None, None)


@pytest.mark.parametrize(
    ("writes", "seen"),
    [
        # What old code inserts, in two statements, in one, or not at all.
        ([A], (None, "none", *NONE)),
        ([A, B], ("old", "od", "old", "od")),
        (["BEGIN", A, B, "COMMIT"], ("old", "od", "old", "od")),
        ([A, "INSERT INTO b (k) VALUES (1)"], (None, "none", None, "none")),
        (["WITH a AS (INSERT INTO a (id) VALUES (1) RETURNING id) INSERT INTO b SELECT id, 'old', 'od' FROM a"],
         ("old", "od", "old", "od")),
        # What new code inserts has a row only if it says something.
        ([NEW], ("new", "nd", "new", "nd")),
        (["INSERT INTO a (id, c, d) VALUES (1, NULL, NULL)"], (*NONE, *NONE)),
        (["INSERT INTO a (id, d) VALUES (1, 'none')", B], ("old", "od", "old", "od")),
        (["INSERT INTO a (id, c, d) VALUES (1, 'new', NULL)"], ("new", "none", "new", "none")),
        ([A, "UPDATE a SET c = 'x' WHERE id = 1"], ("x", "none", "x", "none")),
        ([A, "UPDATE a SET n = 1", "UPDATE a SET d = 'none'"], (None, "none", *NONE)),
        # The last one to write wins; NULL on purpose counts.
        ([A, B, "UPDATE a SET c = 'x' WHERE id = 1"], ("x", "od", "x", "od")),
        ([A, B, "UPDATE b SET c = 'x' WHERE k = 1"], ("x", "od", "x", "od")),
        ([NEW, "UPDATE b SET c = NULL", "UPDATE a SET d = 'y', n = 3 WHERE id = 1"], (None, "y", None, "y")),
        ([A, B, "UPDATE a SET c = NULL"], (None, "od", None, "od")),
        ([A, B, "UPDATE a SET c = NULL, d = 'none' WHERE id = 1"], (None, "none", None, "none")),
        ([A, B, "UPDATE a SET d = NULL WHERE id = 1"], ("old", "none", "old", "none")),
        ([A, B, "UPDATE b SET c = 'x', e = '{}'", "UPDATE a SET e = '[]', c = 'y' WHERE id = 1"],
         ("y", "od", "y", "od")),
        ([A, B, "UPDATE a SET n = n + 1", "UPDATE b SET c = c || '!'", "UPDATE a SET c = c || '?'"],
         ("old!?", "od", "old!?", "od")),
        # Upserts in both shapes.
        ([A, B, "INSERT INTO b (k, c) VALUES (1, 'x') ON CONFLICT (k) DO UPDATE SET c = EXCLUDED.c"],
         ("x", "od", "x", "od")),
        ([A, "INSERT INTO b (k, c) VALUES (1, 'x') ON CONFLICT (k) DO UPDATE SET c = EXCLUDED.c"],
         ("x", "none", "x", "none")),
        ([A, B, "INSERT INTO b (k, c) VALUES (1, 'x') ON CONFLICT DO NOTHING"], ("old", "od", "old", "od")),
        ([A, "INSERT INTO a (id, c) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET c = EXCLUDED.c"],
         ("x", "none", "x", "none")),
        ([A, B, "INSERT INTO a (id, c) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET c = EXCLUDED.c"],
         ("x", "od", "x", "od")),
        ([A, B, "INSERT INTO a (id, c) VALUES (1, 'x') ON CONFLICT DO NOTHING"], ("old", "od", "old", "od")),
        # Deletes: of old code clear what new code reads; either version deletes both rows with the one of a.
        ([A, B, "DELETE FROM b WHERE k = 1"], (None, "none", *NONE)),
        ([A, B, "DELETE FROM b WHERE k = 1", "UPDATE a SET n = 7"], (None, "none", *NONE)),
        ([NEW, "DELETE FROM b WHERE k = 1", B], ("old", "od", "old", "od")),
        ([NEW, "DELETE FROM b WHERE k = 1", "UPDATE a SET c = 'x' WHERE id = 1"], ("x", "none", "x", "none")),
        ([A, B, "DELETE FROM a WHERE id = 1", A], (None, "none", *NONE)),
        # Keys: by cascade, with or without another column, several that follow each other; a row given to another one.
        ([A, B, "UPDATE a SET id = 7 WHERE id = 1", "UPDATE a SET id = 1 WHERE id = 7"], ("old", "od", "old", "od")),
        ([A, B, "UPDATE a SET id = 7, c = 'x' WHERE id = 1", "UPDATE a SET id = 1, d = 'y' WHERE id = 7"],
         ("x", "y", "x", "y")),
        (["INSERT INTO a (id, c) VALUES (2, 'two'), (3, 'three')", "UPDATE a SET id = id - 1 WHERE id < 4"],
         ("two", "none", "two", "none")),
        (["INSERT INTO a (id, c) VALUES (2, 'two'), (3, 'x')", "UPDATE a SET id = id - 1, c = c || id WHERE id < 4"],
         ("two2", "none", "two2", "none")),
        (["INSERT INTO a (id, c) VALUES (2, 'two')", A, "UPDATE b SET k = 1 WHERE k = 2"],
         ("two", "none", "two", "none")),
        (["INSERT INTO a (id) VALUES (2)", A, B, "UPDATE b SET k = 2 WHERE k = 1"], (None, "none", *NONE)),
    ],
)  # fmt: skip
def test_both_tables_follow_whoever_writes(merged: Sandbox, writes: list[str], seen: tuple[Any, ...]) -> None:
    for write in writes:
        merged.execute(write)

    rows = merged.rows("SELECT a.c, a.d, b.c AS old_c, b.d AS old_d FROM a LEFT JOIN b ON id = k WHERE id = 1")
    assert rows == [seen]
    apart = "(a.c, a.d, a.e::text) IS DISTINCT FROM (b.c, b.d, b.e::text)"
    assert merged.value(f"SELECT count(*) FROM a JOIN b ON id = k WHERE {apart} AND id <> 9") == 0
    lost = "(a.c IS NOT NULL OR a.d <> 'none' OR a.e IS NOT NULL) AND NOT EXISTS (SELECT FROM b WHERE k = id)"
    assert merged.value(f"SELECT count(*) FROM a WHERE {lost}") == 0


@pytest.mark.parametrize("keys", [{"a": "id"}, {"b": "k"}, {"a": "id", "b": "k"}])
def test_what_a_trigger_writes_behind_a_write_is_the_last_word(merged: Sandbox, keys: dict[str, str]) -> None:
    raised_behind_writes(merged, **keys)
    merged.execute("INSERT INTO a (id, c) VALUES (1, 'new'), (2, NULL), (3, 'x'), (4, 'x')")
    merged.execute("INSERT INTO b (k, c) VALUES (2, 'old')")
    merged.execute("UPDATE a SET c = 'y' WHERE id = 3; UPDATE b SET c = 'y' WHERE k = 4")

    assert merged.rows("SELECT a.c, b.c AS old_c FROM a JOIN b ON k = id WHERE id < 8 ORDER BY id") == [
        ("NEW", "NEW"), ("OLD", "OLD"), ("Y", "Y"), ("Y", "Y")
    ]  # fmt: skip


ROWS = "INSERT INTO a SELECT g FROM generate_series(1, 3) AS g; INSERT INTO b SELECT id, 'old' FROM a"


@pytest.mark.parametrize(
    ("write", "seen"),
    [
        ("UPDATE b SET c = NULL WHERE k = 2", (None, "none", None, "none")),
        ("UPDATE b SET c = 'x' WHERE k = 2", ("x", "none", "x", "none")),
        ("UPDATE a SET c = 'x' WHERE id = 2", ("x", "none", "x", "none")),
        ("DELETE FROM b WHERE k = 2", (None, "none", None, None)),
        ("DELETE FROM b WHERE k = 2; INSERT INTO b (k, d) VALUES (2, 'od')", (None, "od", None, "od")),
        ("DELETE FROM a WHERE id = 2; INSERT INTO a (id) VALUES (2)", (None, "none", None, None)),
    ],
)
def test_a_batch_that_has_read_a_row_does_not_bring_it_back(
    sandbox: Sandbox, write: str, seen: tuple[str | None, ...]
) -> None:
    migration = expanded(sandbox, ROWS, sql=SQL)
    write_between(sandbox, migration, TableName("public", "a"), "SELECT FROM a WHERE id = 1 FOR UPDATE", write)

    assert sandbox.rows("SELECT a.c, a.d, b.c AS old_c, b.d AS old_d FROM a LEFT JOIN b ON id = k ORDER BY id") == [
        ("old", "none", "old", "none"), seen, ("old", "none", "old", "none")
    ]  # fmt: skip


def test_writes_that_cross_each_other_lose_nothing(sandbox: Sandbox) -> None:
    expanded(sandbox, "INSERT INTO a SELECT g FROM generate_series(1, 5) AS g; INSERT INTO b SELECT 5, 'old'")
    with psycopg.connect(sandbox.url) as old, psycopg.connect(sandbox.url) as new:
        # Old code inserts its row while new code writes the other one: whoever comes first, the other waits.
        old.execute("INSERT INTO b (k, c) VALUES (1, 'old')")
        crossing(sandbox, old, new, "UPDATE a SET c = 'new' WHERE id = 1")
        new.execute("UPDATE a SET c = 'new' WHERE id = 2")
        crossing(sandbox, new, old, "INSERT INTO b (k, c) VALUES (2, 'old') ON CONFLICT (k) DO UPDATE SET c = 'last'")
        new.execute("UPDATE a SET n = 1 WHERE id = 3")
        crossing(sandbox, new, old, "INSERT INTO b (k, c) VALUES (3, 'old')")
        # A row that the backfill has not reached is touched while old code empties or deletes its counterpart.
        old.execute("UPDATE b SET c = NULL WHERE k = 5")
        crossing(sandbox, old, new, "UPDATE a SET n = 1 WHERE id = 5")
        old.execute("UPDATE b SET c = 'x' WHERE k = 5")
        old.commit()
        new.execute("UPDATE a SET n = 2 WHERE id = 5")
        crossing(sandbox, new, old, "DELETE FROM b WHERE k = 5")

    rows = sandbox.rows("SELECT a.c, b.c AS old_c FROM a LEFT JOIN b ON id = k WHERE id <> 4 ORDER BY id")
    assert rows == [("new", "new"), ("last", "last"), ("old", "old"), (None, None)]


def test_an_insert_that_meets_a_row_new_code_made_is_refused_as_by_any_other_one(sandbox: Sandbox) -> None:
    expanded(sandbox, "INSERT INTO a VALUES (1)")
    with psycopg.connect(sandbox.url) as old, psycopg.connect(sandbox.url) as new:
        new.execute("UPDATE a SET c = 'new' WHERE id = 1")
        with pytest.raises(psycopg.errors.UniqueViolation):
            crossing(sandbox, new, old, B)
    assert sandbox.rows("SELECT a.c, b.c AS old_c FROM a JOIN b ON id = k") == [("new", "new")]


STRICT = (
    "CREATE TABLE a (id integer PRIMARY KEY, n integer);"
    "CREATE TABLE b (k integer NOT NULL UNIQUE REFERENCES a ON DELETE CASCADE, c text NOT NULL, d integer,"
    " t uuid NOT NULL DEFAULT gen_random_uuid(), s integer DEFAULT 7, id bigserial PRIMARY KEY, x text);"
)
LEFT = "-- migrator: into = a\n-- migrator: without = id, x\nDROP TABLE b"


def test_what_is_not_null_is_asked_of_new_code_with_the_first_value_and_enforced_at_contract(sandbox: Sandbox) -> None:
    after = sandbox.shape_after(
        STRICT + "ALTER TABLE a ADD c text NOT NULL, ADD d integer, ADD t uuid NOT NULL DEFAULT gen_random_uuid(),"
        " ADD s integer DEFAULT 7; DROP TABLE b"
    )
    migration = expanded(sandbox, "INSERT INTO a VALUES (1), (2); INSERT INTO b (k, c) VALUES (1, 'one')", STRICT, LEFT)
    with pytest.raises(Exception, match='null value in column "c" of relation "b"'):
        sandbox.execute("UPDATE a SET d = 1 WHERE id = 2")
    sandbox.execute("INSERT INTO a (id, c) VALUES (3, 'three'); INSERT INTO a (id, n) VALUES (4, 4)")
    assert sandbox.rows("SELECT a.t = b.t FROM a JOIN b ON k = a.id WHERE a.id = 3") == [(True,)]
    # There is no other way to say that there is no row.
    sandbox.execute("UPDATE a SET c = NULL, t = NULL WHERE id = 3")
    assert sandbox.rows("SELECT k FROM b") == [(1,)]
    sandbox.backfill(migration)
    with pytest.raises(Refused) as caught:
        sandbox.contract(migration, offline=OFFLINE)
    assert "3 rows" in refusal(caught.value)
    sandbox.execute("UPDATE a SET c = 'c' || id, t = gen_random_uuid() WHERE c IS NULL")
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows("SELECT id, c, s FROM a ORDER BY id") == [
        (1, "one", 7), (2, "c2", None), (3, "c3", None), (4, "c4", 7)
    ]  # fmt: skip
    assert sandbox.snapshot() == after
    assert sandbox.leftovers() == []


def test_what_may_be_null_is_no_obstacle_and_a_default_fills_rows_that_have_none(sandbox: Sandbox) -> None:
    setup = SETUP.replace("c text", "c text NOT NULL")
    migration = expanded(
        sandbox,
        "INSERT INTO a VALUES (1), (2); INSERT INTO b (k, c, d) VALUES (1, 'one', 'd1')",
        setup,
        SQL.replace("DROP", "-- migrator: nullable = c\nDROP"),
    )
    sandbox.backfill(migration)
    assert sandbox.rows("SELECT id, c, d FROM a ORDER BY id") == [(1, "one", "d1"), (2, None, "none")]
    assert sandbox.rows("SELECT k FROM b") == [(1,)]
    sandbox.contract(migration, offline=OFFLINE)

    columns = "SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = 'a'::regclass AND attnum > 2"
    assert sandbox.rows(columns) == [("c", False), ("d", True), ("e", False)]


def test_rows_that_differ_or_belong_to_none_stop_contract(sandbox: Sandbox) -> None:
    setup = SETUP.replace("k integer PRIMARY KEY", "k integer UNIQUE")
    migration = expanded(sandbox, ROWS + "; INSERT INTO b (c) VALUES ('nobody')", setup)
    sandbox.backfill(migration)
    with pytest.raises(Refused, match=r"1 row of public.b holds values of c, d, e and has no row in public.a"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("DELETE FROM b WHERE k IS NULL")
    sandbox.execute(
        "SET session_replication_role = replica; UPDATE a SET c = 'z' WHERE id = 2; RESET session_replication_role"
    )
    with pytest.raises(Refused, match=r"1 pair of rows of public.b and public.a differs in c, d, e"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("UPDATE a SET c = 'w' WHERE id = 2")
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows("SELECT c FROM a ORDER BY id") == [("old",), ("w",), ("old",)]
    assert sandbox.leftovers() == []
    assert sandbox.state(migration) == "contracted"


def test_a_rollback_loses_nothing_that_is_in_both_tables(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP + ROWS)
    before = sandbox.snapshot()
    migration = expanded(sandbox, setup="")
    sandbox.execute(
        "INSERT INTO a (id, c) VALUES (4, 'new'); UPDATE a SET c = 'x' WHERE id = 2; INSERT INTO a VALUES (5)"
    )
    sandbox.execute(
        "SET session_replication_role = replica; UPDATE a SET c = 'z' WHERE id = 3; RESET session_replication_role"
    )
    with pytest.raises(Refused, match="1 row"):
        sandbox.rollback(migration, offline=OFFLINE)
    sandbox.rollback(migration, offline=OFFLINE, yes=True)

    assert sandbox.rows("SELECT k, c FROM b ORDER BY k") == [(1, "old"), (2, "x"), (3, "old"), (4, "new")]
    assert sandbox.snapshot() == before
    assert sandbox.leftovers() == []


def test_rows_that_come_while_expand_is_under_way_do_not_fall_behind(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP)
    migration = sandbox.new("merge", SQL)
    groups = migration.groups(Phase.EXPAND)
    for number, group in enumerate(groups, 1):
        for step in group:
            sandbox.session.execute(step.sql)
        sandbox.execute(f"INSERT INTO a (id) VALUES ({number}); INSERT INTO b VALUES ({number}, 'old', 'od')")
        sandbox.execute("UPDATE b SET c = c || '!'; UPDATE a SET n = 1")
    sandbox.session.execute(migration.phase(Phase.BACKFILL)[0].sql)

    assert len(groups) == 4
    assert sandbox.rows("SELECT a.c = b.c AND a.d = b.d FROM a JOIN b ON id = k") == [(True,)] * 4


def test_rights_on_the_table_that_goes_are_rights_on_its_columns(sandbox: Sandbox) -> None:
    role = sandbox.value("SELECT 'app_' || current_database()")
    sandbox.execute(f'CREATE ROLE "{role}"')
    try:
        expanded(sandbox, f'GRANT SELECT, INSERT, UPDATE, DELETE ON b TO "{role}"; GRANT SELECT (n) ON a TO "{role}"')
        sandbox.execute("INSERT INTO a (id, c) VALUES (1, 'x'), (2, 'x')")
        with psycopg.connect(sandbox.url, autocommit=True) as connection:
            connection.execute(f'SET ROLE "{role}"')
            connection.execute("UPDATE b SET c = 'y' WHERE k = 1; DELETE FROM b WHERE k = 2")
            connection.execute("UPDATE a SET d = 'z'")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("UPDATE a SET n = 1")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DELETE FROM a")
        assert sandbox.rows("SELECT a.c, b.c AS old_c, b.d FROM a LEFT JOIN b ON k = id ORDER BY id") == [
            ("y", "y", "z"), (None, None, "z")
        ]  # fmt: skip
    finally:
        sandbox.execute(f'DROP OWNED BY "{role}" CASCADE; DROP ROLE "{role}"')


@pytest.mark.parametrize(
    ("setup", "sql", "said"),
    [
        (SETUP.replace(" ON DELETE CASCADE", ""), SQL, "new code that deletes a row of public.a would fail"),
        (SETUP.replace("UPDATE CASCADE", "UPDATE CASCADE DEFERRABLE"), SQL, "may be there before its row"),
        (SETUP.replace("PRIMARY KEY REFERENCES", "REFERENCES"), SQL, "several rows of public.b may have the same k"),
        (
            SETUP.replace("REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE", "")
            + "ALTER TABLE b ADD FOREIGN KEY (k) REFERENCES a ON DELETE CASCADE NOT VALID;",
            SQL,
            "may be there before its row",
        ),
        (SETUP.replace("REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE", ""), SQL, "there is no foreign key"),
        (SETUP.replace("c text", "c integer REFERENCES a"), SQL, "there are several foreign keys"),
        (SETUP + "CREATE TABLE z (y integer REFERENCES b);", SQL, "is pointed to by foreign keys of other tables"),
        (SETUP + "CREATE VIEW v AS SELECT c FROM b;", SQL, "used by other objects"),
        (SETUP.replace("c text", "c text, n text"), SQL, 'column "n" of table "public.a" exists already'),
        (SETUP.replace("c text", "c serial"), SQL, "-- migrator: without = c"),
        (SETUP.replace("c text", "c integer GENERATED ALWAYS AS (k + 1) STORED"), SQL, "-- migrator: without = c"),
        (SETUP.replace("c text", "c text NOT NULL"), "-- migrator: without = c\n" + SQL, "NOT NULL without a default"),
        (SETUP, "-- migrator: without = k\n" + SQL, "is the key by which rows are found"),
        (SETUP, "-- migrator: without = c, d, e\n" + SQL, "no column of public.b goes into public.a"),
        (SETUP, "-- migrator: without = z\n" + SQL, 'column "z" of table "public.b" does not exist'),
        (SETUP, "-- migrator: nullable = c\n" + SQL, "is not NOT NULL"),
        (SETUP, SQL.replace("into = a", "into = b"), "there is no foreign key"),
        (SETUP, SQL.replace("into = a", "into = a (c)"), "all columns go into the other table"),
        (SETUP, SQL.replace("into = a", "into = z"), "there is no foreign key"),
        (SETUP, SQL + " CASCADE", "would drop objects that are not named"),
        (SETUP + "ALTER TABLE b ENABLE ROW LEVEL SECURITY;", SQL, "has row security"),
        (SETUP + "ALTER TABLE a FORCE ROW LEVEL SECURITY;", SQL, "forces row security"),
        (SETUP, SQL + "; ALTER TABLE a ADD COLUMN z integer", "beside other changes of it in one migration"),
    ],
)
def test_what_cannot_be_merged_is_refused_before_anything(sandbox: Sandbox, setup: str, sql: str, said: str) -> None:
    sandbox.execute(setup)
    with pytest.raises(Refused) as caught:
        sandbox.new("merge", sql)

    assert said in refusal(caught.value)


def test_a_column_that_came_since_stops_contract(sandbox: Sandbox) -> None:
    migration = expanded(sandbox, ROWS)
    sandbox.backfill(migration)
    sandbox.execute("ALTER TABLE b ADD COLUMN z integer")
    with pytest.raises(Refused, match="neither moved nor left behind: z"):
        sandbox.contract(migration, offline=OFFLINE)


def test_the_author_is_told_what_goes_and_who_may_read(sandbox: Sandbox) -> None:
    sandbox.execute(
        SETUP.replace("c text", "s serial, c text UNIQUE CHECK (c <> '')")
        + "CREATE INDEX by_d ON b (d); GRANT SELECT ON a TO PUBLIC"
    )
    outcome = sandbox.command("new", "merge", "--sql", "-- migrator: without = s\n" + SQL)
    said = outcome.out + outcome.err

    assert outcome.code == 0, said
    for each in (
        "what stands in s of public.b is gone after contract",
        "check b_c_check binds what new code writes",
        "unique b_c_key binds",
        "index by_d goes with public.b",
        "d of public.a will be NOT NULL",
        "may read c, d, e: PUBLIC",
    ):
        assert each in said
