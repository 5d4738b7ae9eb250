"""Columns that moved to a table with several rows for each: what both tables hold after any write of either version."""

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
    "CREATE TABLE a (id integer PRIMARY KEY, n integer, c text, d json);"
    "CREATE TABLE b (id integer PRIMARY KEY, k integer REFERENCES a ON DELETE SET NULL, m integer);"
)
SQL = "-- migrator: to = b\n-- migrator: many = true\nALTER TABLE a DROP COLUMN c, DROP COLUMN d"
OFFLINE = "nobody is connected in this test"


def expanded(sandbox: Sandbox, rows: str = "", setup: str = SETUP) -> Migration:
    return expanded_beside_old_code(sandbox, setup + rows, SQL)


@pytest.fixture
def moved(sandbox: Sandbox) -> Sandbox:
    """Both tables as expand leaves them, without a ledger; row 9 with its rows was there before, and is not filled."""
    rows = "INSERT INTO a VALUES (9, 9, 'before', '{}'); INSERT INTO b VALUES (91, 9), (92, 9)"
    return as_expanded(sandbox, SETUP + rows, SQL)


A = "INSERT INTO a (id, c) VALUES (1, 'old'), (2, 'two')"
BARE, OWN = "INSERT INTO b (id, k) VALUES (11, 1), (12, 1)", "INSERT INTO b (id, k, c) VALUES (13, 1, 'own')"


@pytest.mark.parametrize(
    ("writes", "seen"),
    [
        # Old code gives no value: each row gets that of the row it belongs to.
        ([A, BARE], ("old", "old", "old")),
        (["WITH a AS (INSERT INTO a VALUES (1, 1, 'old') RETURNING id) INSERT INTO b VALUES (11, 1), (12, 1)"],
         ("old", "old", "old")),
        (["WITH a AS (INSERT INTO a (id) VALUES (1)) INSERT INTO b (id, k, c) VALUES (11, 1, 'x'), (12, 1, NULL)"],
         ("x", "x", None)),
        # What old code writes goes to all of them.
        ([A, BARE, "UPDATE a SET c = 'x' WHERE id = 1"], ("x", "x", "x")),
        ([A, BARE, "UPDATE a SET c = NULL WHERE id = 1"], (None, None, None)),
        # What new code writes stays its own, and is what old code reads; the others keep what they have.
        ([A, BARE, OWN], ("own", "old", "old")),
        ([A, BARE, "UPDATE b SET c = 'x' WHERE id = 11"], ("x", "x", "old")),
        ([A, BARE, "UPDATE b SET c = 'x' WHERE id = 11", "UPDATE b SET c = 'y' WHERE id = 12"], ("y", "x", "y")),
        ([A, BARE, "UPDATE b SET c = NULL WHERE id = 11", "UPDATE a SET n = 5", "UPDATE b SET m = 5"],
         (None, None, "old")),
        ([A, BARE, "UPDATE b SET c = NULL WHERE id = 11", "UPDATE b SET c = 'y' WHERE id = 12", "UPDATE b SET m = 5"],
         ("y", None, "y")),
        ([A, BARE, "UPDATE b SET c = 'x' || id WHERE k = 1", "UPDATE a SET d = '{}' WHERE id = 1"],
         ("x12", "x11", "x12")),
        ([A, BARE, "UPDATE b SET d = '[]' WHERE id = 11", "UPDATE a SET c = 'x' WHERE id = 1"], ("x", "x", "x")),
        # The last one to write wins where both write.
        ([A, BARE, "UPDATE b SET c = 'x' WHERE id = 11", "UPDATE a SET c = 'y' WHERE id = 1"], ("y", "y", "y")),
        ([A, BARE, "INSERT INTO b (id, k, c) VALUES (11, 1, 'x') ON CONFLICT (id) DO UPDATE SET c = EXCLUDED.c"],
         ("x", "x", "old")),
        ([A, BARE, "INSERT INTO b (id, k, c) VALUES (11, 1, 'x') ON CONFLICT DO NOTHING"], ("old", "old", "old")),
        ([A, BARE, "INSERT INTO a (id, c) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET c = EXCLUDED.c"],
         ("x", "x", "x")),
        # A row that comes to belong to another one takes its value, unless the statement writes one.
        ([A, BARE, "UPDATE b SET k = 2 WHERE id = 11"], ("old", "two", "old")),
        ([A, BARE, "UPDATE b SET k = 2, c = 'x' WHERE id = 11"], ("old", "x", "old")),
        ([A, "INSERT INTO b (id, k) VALUES (11, NULL), (12, 1)", "UPDATE b SET k = 1 WHERE id = 11"], ("old",) * 3),
        # One that loses its row keeps its value; one that goes takes nothing with it.
        ([A, BARE, "DELETE FROM a WHERE id = 1", "INSERT INTO a (id) VALUES (1)"], (None, "old", "old")),
        ([A, BARE, "UPDATE b SET c = 'x' WHERE id = 11", "DELETE FROM b WHERE id = 11"], ("x", "-", "old")),
    ],
)  # fmt: skip
def test_both_tables_follow_whoever_writes(moved: Sandbox, writes: list[str], seen: tuple[Any, ...]) -> None:
    for write in writes:
        moved.execute(write)

    one, two = (f"CASE WHEN EXISTS (SELECT FROM b WHERE id = {i}) THEN (SELECT c FROM b WHERE id = {i}) ELSE '-' END"
                for i in (11, 12))  # fmt: skip
    assert moved.rows(f"SELECT c, {one} AS one, {two} AS two FROM a WHERE id = 1") == [seen]


@pytest.mark.parametrize("keys", [{"b": "id"}, {"a": "id", "b": "id"}])
def test_what_a_trigger_writes_behind_a_write_is_the_last_word_for_new_code(
    moved: Sandbox, keys: dict[str, str]
) -> None:
    raised_behind_writes(moved, **keys)
    moved.execute(
        "INSERT INTO a (id, c) VALUES (1, 'old'), (2, 'x'), (3, 'x'), (4, NULL);"
        "INSERT INTO b (id, k) VALUES (11, 1), (21, 2), (31, 3);"
        "INSERT INTO b (id, k, c) VALUES (12, 1, 'own'), (41, 4, 'own');"
        "UPDATE a SET c = 'y' WHERE id = 2; UPDATE b SET c = 'y' WHERE id = 31"
    )

    assert moved.rows("SELECT id, c FROM b WHERE k < 9 ORDER BY id") == [
        (11, "OLD"), (12, "OWN"), (21, "Y"), (31, "Y"), (41, "OWN")
    ]  # fmt: skip
    seen_by_old_code = moved.rows("SELECT upper(c) AS c, c = upper(c) AS raised FROM a WHERE id < 9 ORDER BY id")
    assert [row[0] for row in seen_by_old_code] == ["OWN", "Y", "Y", "OWN"]
    assert "a" not in keys or all(row[1] for row in seen_by_old_code)


@pytest.mark.parametrize(
    ("write", "seen"),
    [
        ("UPDATE b SET m = 1 WHERE id = 91", ("before", "before", None)),
        ("UPDATE a SET n = 1 WHERE id = 9", ("before", None, None)),
        ("UPDATE a SET c = 'x' WHERE id = 9", ("x", "x", "x")),
        ("UPDATE a SET c = NULL WHERE id = 9", (None, None, None)),
        # What old code has written is about the other rows as well, and is gone from where it was.
        ("UPDATE b SET c = 'x' WHERE id = 91", ("x", "x", "before")),
        ("INSERT INTO b VALUES (93, 9, NULL, 'x')", ("x", "before", "before")),
    ],
)
def test_a_row_that_is_not_filled_yet_is_filled_by_any_write(
    moved: Sandbox, write: str, seen: tuple[str | None, ...]
) -> None:
    moved.execute(write)
    assert moved.rows(
        "SELECT c, (SELECT c FROM b WHERE id = 91) AS x, (SELECT c FROM b WHERE id = 92) AS y FROM a"
    ) == [seen]
    assert moved.value("SELECT count(*) FROM b WHERE c IS NOT NULL AND d IS NULL") == 0
    moved.execute("UPDATE a SET d = '[]' WHERE id = 9")
    assert moved.rows("SELECT DISTINCT d::text FROM b") == [("[]",)]


ROWS = (
    "INSERT INTO a SELECT g, g, 'old' FROM generate_series(1, 3) AS g;"
    "INSERT INTO b SELECT 10 * k + i, k FROM generate_series(1, 3) AS k, generate_series(1, 2) AS i"
)


@pytest.mark.parametrize(
    ("write", "seen"),
    [
        ("UPDATE a SET c = NULL WHERE id = 2", (None, None, None)),
        ("UPDATE a SET c = 'x' WHERE id = 2", ("x", "x", "x")),
        ("UPDATE b SET c = 'x' WHERE id = 21", ("x", "x", "old")),
        ("UPDATE b SET c = 'x' WHERE id = 21; UPDATE b SET c = NULL WHERE id = 21", (None, None, "old")),
        ("UPDATE b SET k = 3 WHERE id = 21", ("old", "old", "old")),
    ],
)
def test_a_batch_that_has_read_a_row_puts_no_older_value_into_it(
    sandbox: Sandbox, write: str, seen: tuple[str | None, ...]
) -> None:
    migration = expanded(sandbox, ROWS)
    write_between(sandbox, migration, TableName("public", "b"), "SELECT FROM b WHERE id = 11 FOR UPDATE", write)
    sandbox.backfill(migration)

    one, two = (f"(SELECT c FROM b WHERE id = {i})" for i in (21, 22))
    assert sandbox.rows(f"SELECT c, {one} AS one, {two} AS two FROM a WHERE id = 2") == [seen]
    assert sandbox.rows("SELECT c FROM b WHERE id IN (11, 12, 31, 32)") == [("old",)] * 4


def test_writes_that_cross_each_other_lose_nothing(sandbox: Sandbox) -> None:
    migration = expanded(sandbox, ROWS)
    with psycopg.connect(sandbox.url) as old, psycopg.connect(sandbox.url) as new:
        # An insert and an update of the row it belongs to: whoever comes first, the row gets what was written last.
        old.execute("UPDATE a SET c = 'x' WHERE id = 1")
        crossing(sandbox, old, new, "INSERT INTO b (id, k) VALUES (13, 1)")
        new.execute("INSERT INTO b (id, k) VALUES (23, 2)")
        crossing(sandbox, new, old, "UPDATE a SET c = 'x' WHERE id = 2")
        # Two inserts with values of their own do not wait for each other in a circle.
        new.execute("INSERT INTO b (id, k, c) VALUES (14, 1, 'one')")
        crossing(sandbox, new, old, "INSERT INTO b (id, k, c) VALUES (15, 1, 'two')")
        # A row that is not filled is touched while old code writes.
        old.execute("UPDATE a SET c = NULL WHERE id = 3")
        old.execute("SELECT FROM a WHERE id = 3")
        with psycopg.connect(sandbox.url) as third:
            crossing(sandbox, old, third, "UPDATE b SET m = 1 WHERE id = 31")
    sandbox.backfill(migration)

    assert sandbox.rows("SELECT id, c FROM b WHERE id IN (13, 14, 15, 23, 31, 32) ORDER BY id") == [
        (13, "x"), (14, "one"), (15, "two"), (23, "x"), (31, None), (32, None)
    ]  # fmt: skip
    assert sandbox.rows("SELECT c FROM a ORDER BY id") == [("two",), ("x",), (None,)]


def test_a_value_without_rows_stops_contract_and_rows_that_differ_do_not(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP + ROWS + "; INSERT INTO a VALUES (4, 4, 'alone')")
    after = sandbox.shape_after(
        "ALTER TABLE b ADD COLUMN c text, ADD COLUMN d json; ALTER TABLE a DROP COLUMN c, DROP COLUMN d"
    )
    migration = expanded(sandbox, setup="")
    sandbox.backfill(migration)
    sandbox.execute("UPDATE b SET c = 'x' WHERE id = 21")
    with pytest.raises(Refused, match=r"1 row of public.a holds values of c, d and has no row in public.b"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("UPDATE a SET c = NULL WHERE id = 4")
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows("SELECT id, c FROM b WHERE id IN (21, 22) ORDER BY id") == [(21, "x"), (22, "old")]
    assert sandbox.snapshot() == after
    assert sandbox.leftovers() == []


def test_a_rollback_says_how_many_values_of_their_own_it_would_lose(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP + ROWS)
    before = sandbox.snapshot()
    migration = expanded(sandbox, setup="")
    sandbox.backfill(migration)
    sandbox.execute("UPDATE b SET c = 'x' WHERE id = 21")
    with pytest.raises(Refused, match="1 row"):
        sandbox.rollback(migration, offline=OFFLINE)
    sandbox.rollback(migration, offline=OFFLINE, yes=True)

    assert sandbox.rows("SELECT c FROM a ORDER BY id") == [("old",), ("x",), ("old",)]
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
            f"INSERT INTO a (id, c) VALUES ({number}, 'old'); INSERT INTO b (id, k) VALUES ({number}, {number})"
        )
        sandbox.execute("UPDATE a SET c = c || '!' WHERE id < 10")
        sandbox.execute(
            f"WITH a AS (INSERT INTO a (id, c) VALUES ({number} + 10, 'new') RETURNING id)"
            " INSERT INTO b (id, k) SELECT id, id FROM a"
        )
    sandbox.session.execute(migration.phase(Phase.BACKFILL)[0].sql)

    assert len(groups) == 3
    assert sandbox.rows("SELECT a.c = b.c FROM a JOIN b ON k = a.id") == [(True,)] * 6


@pytest.mark.parametrize(
    ("setup", "sql", "said"),
    [
        (SETUP, SQL.replace("-- migrator: many = true\n", ""), "or let each of them have the value: -- migrator: many"),
        (SETUP.replace("k integer", "k integer UNIQUE"), SQL, "leave many out"),
        (SETUP, SQL.replace("many = true", "many = yes"), "neither true nor false"),
        (SETUP.replace("SET NULL", "SET NULL DEFERRABLE"), SQL, "may be there before its row"),
        (SETUP.replace("REFERENCES a ON DELETE SET NULL", ""), SQL.replace("= b", "= b (k)"), "may be there before"),
        (
            "CREATE TABLE b (id integer PRIMARY KEY); CREATE TABLE a (k integer REFERENCES b, c text, d json);",
            SQL.replace("-- migrator: many = true\n", ""),
            "rows of public.a point to those of public.b",
        ),
        (SETUP.replace("SET NULL", "SET NULL ON UPDATE CASCADE"), SQL, "whose value they would take"),
    ],
)
def test_what_cannot_be_moved_to_many_is_refused_before_anything(
    sandbox: Sandbox, setup: str, sql: str, said: str
) -> None:
    sandbox.execute(setup)
    with pytest.raises(Refused) as caught:
        sandbox.new("move", sql)

    assert said in refusal(caught.value)
