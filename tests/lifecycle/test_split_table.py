"""A table that is split: what either table holds after any write of old or new code."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.changes.kind import Context
from migrator.changes.registry import spec_from_words
from migrator.errors import Refused
from migrator.model.schema import TableName
from migrator.postgres.catalog import read_schema
from tests.lifecycle.crossing import as_expanded, raised_behind_writes, write_between
from tests.support.sandbox import Sandbox, refusal

SETUP = "CREATE TABLE a (id integer PRIMARY KEY, n integer, c text, d text NOT NULL DEFAULT 'none', e json);"
SQL = (
    "-- migrator: from = a\nCREATE TABLE b (k integer PRIMARY KEY REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE,"
    " c text, d text NOT NULL DEFAULT 'none', e json)"
)
OFFLINE = "nobody is connected in this test"


@pytest.fixture
def split(sandbox: Sandbox) -> Sandbox:
    """Both tables as expand leaves them, without a ledger; one row was there before."""
    return as_expanded(sandbox, SETUP + "INSERT INTO a (id, c) VALUES (9, 'before')", SQL)


OLD, NEW = "INSERT INTO a (id, c, d) VALUES (1, 'old', 'od')", "INSERT INTO b (k, c, d) VALUES (1, 'new', 'nd')"
BARE = "INSERT INTO a (id) VALUES (1)"


@pytest.mark.parametrize(
    ("writes", "seen"),
    [
        ([OLD], ("old", "od", "old", "od")),
        ([BARE], (None, "none", None, "none")),
        # The row that was made for an insert that gave nothing makes way for that of new code.
        ([BARE, NEW], ("new", "nd", "new", "nd")),
        (["BEGIN", BARE, NEW, "COMMIT"], ("new", "nd", "new", "nd")),
        (
            ["WITH a AS (INSERT INTO a (id) VALUES (1) RETURNING id) INSERT INTO b SELECT id, 'new', 'nd' FROM a"],
            ("new", "nd", "new", "nd"),
        ),
        ([BARE, "INSERT INTO b (k) VALUES (1)"], (None, "none", None, "none")),
        ([BARE, "INSERT INTO b (k, c) VALUES (1, 'new') ON CONFLICT DO NOTHING"], ("new", "none", "new", "none")),
        # One that gave something stays: new code finds it.
        ([OLD, "INSERT INTO b (k, c) VALUES (1, 'x') ON CONFLICT DO NOTHING"], ("old", "od", "old", "od")),
        (
            [OLD, "INSERT INTO b (k, c) VALUES (1, 'x') ON CONFLICT (k) DO UPDATE SET c = EXCLUDED.c"],
            ("x", "od", "x", "od"),
        ),
        # Updates of either, NULL on purpose, writes that are not about it, several rows.
        ([OLD, "UPDATE a SET c = 'x'"], ("x", "od", "x", "od")),
        ([OLD, "UPDATE b SET c = 'x', e = '{}'"], ("x", "od", "x", "od")),
        ([OLD, "UPDATE b SET c = NULL"], (None, "od", None, "od")),
        ([BARE, "UPDATE a SET n = 1", "UPDATE b SET c = 'x'", "UPDATE a SET n = 2"], ("x", "none", "x", "none")),
        (["INSERT INTO a (id, c) SELECT g, 'v' FROM generate_series(1, 5) AS g", "UPDATE b SET c = c || k",
          "UPDATE a SET c = c || '!'"], ("v1!", "none", "v1!", "none")),
        # Deletes: of new code clear what old code reads, and the row stays away; of old code cascade.
        ([OLD, "DELETE FROM b"], (None, "none", None, None)),
        ([OLD, "DELETE FROM b", "UPDATE a SET n = 1"], (None, "none", None, None)),
        ([OLD, "DELETE FROM b", "UPDATE a SET c = 'x' WHERE id = 1"], ("x", "none", "x", "none")),
        ([OLD, "DELETE FROM b", NEW], ("new", "nd", "new", "nd")),
        ([OLD, "DELETE FROM a WHERE id = 1", BARE], (None, "none", None, "none")),
        ([OLD, "UPDATE a SET id = 7 WHERE id = 1", "UPDATE a SET id = 1 WHERE id = 7"], ("old", "od", "old", "od")),
        # What new code deleted stays away when old code changes the key, unless it writes a value.
        ([OLD, "DELETE FROM b WHERE k = 1", "UPDATE a SET id = 7 WHERE id = 1", "UPDATE a SET id = 1 WHERE id = 7"],
         (None, "none", None, None)),
        ([BARE, "DELETE FROM b WHERE k = 1", "UPDATE a SET id = id + 20", "UPDATE a SET id = id - 20"],
         (None, "none", None, None)),
        ([OLD, "DELETE FROM b WHERE k = 1", "UPDATE a SET id = 7, c = 'x' WHERE id = 1",
          "UPDATE a SET id = 1 WHERE id = 7"], ("x", "none", "x", "none")),
        ([OLD.replace("1,", "2,"), "DELETE FROM b WHERE k = 2", "DELETE FROM a WHERE id = 2", OLD,
          "UPDATE a SET id = 2 WHERE id = 1", "UPDATE a SET id = 1 WHERE id = 2"], ("old", "od", "old", "od")),
    ],
)  # fmt: skip
def test_both_tables_follow_whoever_writes(split: Sandbox, writes: list[str], seen: tuple[Any, ...]) -> None:
    for write in writes:
        split.execute(write)

    rows = split.rows("SELECT a.c, a.d, b.c AS new_c, b.d AS new_d FROM a LEFT JOIN b ON id = k WHERE id = 1")
    assert rows == [seen]
    assert split.value("SELECT count(*) FROM a JOIN b ON id = k WHERE a.e::text IS DISTINCT FROM b.e::text") == 0


@pytest.mark.parametrize("keys", [{"a": "id"}, {"b": "k"}, {"a": "id", "b": "k"}])
def test_what_a_trigger_writes_behind_a_write_is_the_last_word(split: Sandbox, keys: dict[str, str]) -> None:
    raised_behind_writes(split, **keys)
    split.execute(
        "INSERT INTO a (id, c) VALUES (1, 'old'), (2, NULL), (3, 'x'), (4, 'x');"
        "INSERT INTO b (k, c) VALUES (2, 'new'); UPDATE a SET c = 'y' WHERE id = 3; UPDATE b SET c = 'y' WHERE k = 4"
    )

    assert split.rows("SELECT a.c, b.c AS new FROM a JOIN b ON k = id WHERE id < 9 ORDER BY id") == [
        ("OLD", "OLD"), ("NEW", "NEW"), ("Y", "Y"), ("Y", "Y")
    ]  # fmt: skip


def test_a_row_of_new_code_that_is_there_refuses_another_one(split: Sandbox) -> None:
    split.execute(BARE)
    split.execute(NEW)
    for row in (NEW, NEW.replace("(1,", "(9,")):
        if row is not NEW:
            split.execute("UPDATE a SET c = 'x' WHERE id = 9")
        with pytest.raises(Exception, match="duplicate key"):
            split.execute(row)


@pytest.mark.parametrize(
    ("write", "seen"),
    [
        ("UPDATE a SET c = NULL WHERE id = 2", [(None, 2, None)]),
        ("UPDATE a SET c = 'x' WHERE id = 2", [("x", 2, "x")]),
        ("INSERT INTO b (k, c) VALUES (2, 'x')", [("x", 2, "x")]),
        ("INSERT INTO b (k, c) VALUES (2, 'x'); UPDATE a SET c = NULL WHERE id = 2", [(None, 2, None)]),
        ("DELETE FROM a WHERE id = 2", []),
        ("INSERT INTO b (k, c) VALUES (2, 'x'); DELETE FROM b WHERE k = 2", [(None, None, None)]),
        ("UPDATE a SET c = 'x' WHERE id = 2; DELETE FROM b WHERE k = 2", [(None, None, None)]),
    ],
)
def test_a_batch_that_has_read_a_row_does_not_bring_it_back(sandbox: Sandbox, write: str, seen: list[Any]) -> None:
    sandbox.execute(SETUP + "INSERT INTO a (id, c) SELECT g, 'old' FROM generate_series(1, 3) AS g")
    sandbox.install()
    migration = sandbox.new("split", SQL)
    sandbox.expand(migration)
    write_between(sandbox, migration, TableName("public", "a"), "SELECT FROM a WHERE id = 1 FOR UPDATE", write)

    rows = sandbox.rows("SELECT a.c, k, b.c AS new FROM a FULL JOIN b ON id = k ORDER BY coalesce(id, k)")
    assert rows == [("old", 1, "old"), *seen, ("old", 3, "old")]


@pytest.mark.parametrize("setup", [SETUP, SETUP.replace("id integer", 'id text COLLATE "C"')])
def test_rows_that_new_code_deleted_stay_away_from_the_backfill(sandbox: Sandbox, setup: str) -> None:
    sandbox.execute(setup + "INSERT INTO a (id, c) SELECT g, 'old' FROM generate_series(1, 6) AS g")
    before = sandbox.snapshot()
    sql = SQL.replace("k integer", "k text") if setup != SETUP else SQL
    sandbox.install()
    migration = sandbox.new("split", sql)
    sandbox.expand(migration)
    sandbox.execute(
        # A row that was there before, one that gave nothing, one of both tables; one that comes back; one of old code.
        "UPDATE a SET c = 'x' WHERE id IN ('1', '3'); DELETE FROM b WHERE k = '1';"
        "INSERT INTO a (id) VALUES ('7'); DELETE FROM b WHERE k = '7';"
        "INSERT INTO a (id) VALUES ('8'); INSERT INTO b (k, c) VALUES ('8', 'new'); DELETE FROM b WHERE k = '8';"
        "DELETE FROM b WHERE k = '3'; INSERT INTO b (k, c) VALUES ('3', 'again');"
        "UPDATE a SET c = 'y' WHERE id = '4'; DELETE FROM a WHERE id = '4'; INSERT INTO a (id) VALUES ('4');"
        # One whose key old code changes after that, and one whose key it changes before the backfill.
        "UPDATE a SET id = '9' WHERE id = '1'; UPDATE a SET id = '60' WHERE id = '6'"
    )
    sandbox.backfill(migration)

    assert sandbox.rows("SELECT k::text, c FROM b ORDER BY k") == [
        ("2", "old"), ("3", "again"), ("4", None), ("5", "old"), ("60", "old")
    ]  # fmt: skip
    sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert sandbox.snapshot() == before
    sandbox.finish(migration)
    assert sandbox.leftovers() == []
    assert sandbox.rows("SELECT relname FROM pg_class WHERE relname LIKE 'migrator%%' AND relkind = 'r'") == []


def test_a_change_given_as_words_means_the_same(split: Sandbox) -> None:
    words = ["split_table", "table=a", "to=b", f"definition={SQL.partition(chr(10))[2]}"]
    kind, spec = spec_from_words(words, "here")
    context = Context("m", 1, read_schema(split.session, [("public", "a")]))

    assert next(iter(kind.expand(spec, context))).sql.startswith("CREATE TABLE public.b (k int")
    assert "REFERENCES public.a" in next(iter(kind.expand(spec, context))).sql


def test_values_that_have_no_row_stop_contract_and_the_rest_comes_through(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP + "INSERT INTO a (id, c) SELECT g, 'v' || g FROM generate_series(1, 50) AS g")
    after = sandbox.shape_after(SQL.partition("\n")[2] + "; ALTER TABLE a DROP COLUMN c, DROP COLUMN d, DROP COLUMN e")
    sandbox.configure({"name": "web", "ttl": "1h"}, gate={"soak": "1ms"})
    sandbox.install()
    migration = sandbox.new("split", SQL)
    sandbox.expand(migration)
    sandbox.execute("UPDATE a SET c = 'x' WHERE id = 3; INSERT INTO b (k, c) VALUES (4, 'y')")
    sandbox.backfill(migration)
    sandbox.execute("DELETE FROM b WHERE k = 5")
    sandbox.execute("SET session_replication_role = replica; DELETE FROM b WHERE k = 6; RESET session_replication_role")
    with pytest.raises(Refused, match=r"1 row of public.a holds values of c, d, e and has no row in public.b"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("INSERT INTO b (k) VALUES (6)")
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows("SELECT k, c FROM b WHERE k < 8 ORDER BY k") == [
        (1, "v1"), (2, "v2"), (3, "x"), (4, "y"), (6, "v6"), (7, "v7")
    ]  # fmt: skip
    assert sandbox.snapshot() == after
    assert sandbox.leftovers() == []


@pytest.mark.parametrize(
    ("setup", "sql", "said"),
    [
        (SETUP, SQL.replace(" ON DELETE CASCADE", ""), "old code that deletes a row of public.a"),
        (SETUP, SQL.replace(" ON UPDATE CASCADE", ""), "or changes its key"),
        (SETUP, SQL.replace(" PRIMARY KEY", ""), "must be its foreign key to public.a"),
        (SETUP, SQL.replace("c text", "c varchar"), 'column "c" is of type varchar in the new table'),
        (SETUP, SQL.replace("c text", "c text NOT NULL"), 'column "c" is NOT NULL in the new table'),
        (SETUP, SQL.replace("c text", "c text DEFAULT 'x'"), 'column "c" has the default'),
        (SETUP, SQL.replace("c text", "c text UNIQUE"), "comes with constraints that old code"),
        (SETUP, SQL.replace("c text", "z text"), 'column "z" of table "public.a" does not exist'),
        (SETUP.replace("c text", "c text NOT NULL"), SQL, "NOT NULL without a default"),
        (SETUP + "CREATE TABLE b ();", SQL, 'table "public.b" exists already'),
        (SETUP + "CREATE VIEW v AS SELECT c FROM a;", SQL, "used by other objects"),
        (SETUP + "ALTER TABLE a ENABLE ROW LEVEL SECURITY;", SQL, "has row security"),
        (
            SETUP.replace("c text", "c uuid DEFAULT gen_random_uuid()"),
            SQL.partition(" c text")[0] + " c uuid)",
            "differs from row to row",
        ),
        (SETUP, SQL.replace("from = a", "from = a (c)"), "those of the new table"),
    ],
)  # fmt: skip
def test_what_cannot_be_split_is_refused_before_anything(sandbox: Sandbox, setup: str, sql: str, said: str) -> None:
    sandbox.execute(setup)
    with pytest.raises(Refused) as caught:
        sandbox.new("split", sql)

    assert said in refusal(caught.value)
