"""An array that becomes rows of a table: what either holds after any write of old or new code."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from migrator.changes.kind import Context
from migrator.changes.registry import spec_from_words
from migrator.errors import Refused
from migrator.model.plan import Migration, Phase
from migrator.model.schema import TableName
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import ServerError
from tests.lifecycle.crossing import crossing, write_between
from tests.support.sandbox import Sandbox, refusal

SETUP = "CREATE TABLE a (id integer PRIMARY KEY, n integer, v integer[]);"
SQL = (
    "-- migrator: unnest = a (v)\nCREATE TABLE b (k integer REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE,"
    " x integer, PRIMARY KEY (k, x))"
)
TAGS = SETUP + "CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, x integer UNIQUE);"
OFFLINE = "nobody is connected in this test"


def expanded(sandbox: Sandbox, setup: str, sql: str = SQL) -> Migration:
    sandbox.execute(setup)
    sandbox.configure({"name": "web", "ttl": "1h"}, gate={"soak": "1ms"})
    sandbox.install()
    migration = sandbox.new("unnest", sql)
    sandbox.expand(migration)
    return migration


@pytest.fixture
def unnested(sandbox: Sandbox) -> Sandbox:
    """Both tables as expand leaves them, without a ledger; row 9 was there before, and has no rows yet."""
    sandbox.execute(SETUP + "INSERT INTO a VALUES (9, 9, '{5,6}')")
    for step in sandbox.new("unnest", SQL).phase(Phase.EXPAND):
        sandbox.session.execute(step.sql)
    return sandbox


A = "INSERT INTO a VALUES (1, 1, '{3,1,3}'), (2, 2, '{1}')"
BARE = "INSERT INTO a (id) VALUES (1)"
APPENDS = (
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE a SET v = v || 1 WHERE id = NEW.id AND"
    " cardinality(v) < 3; RETURN NULL; END'"
)


@pytest.mark.parametrize(
    ("writes", "array", "rows"),
    [
        # Old code: what it writes is what there is.
        ([A], [3, 1, 3], [1, 3]),
        ([A, "UPDATE a SET v = '{4,1}' WHERE id = 1"], [4, 1], [1, 4]),
        ([A, "UPDATE a SET v = '{1,3}' WHERE id = 1"], [1, 3], [1, 3]),
        ([A, "UPDATE a SET v = NULL WHERE id = 1"], None, []),
        ([A, "UPDATE a SET v = '{}' WHERE id = 1"], [], []),
        ([A, "UPDATE a SET v = v || 7"], [3, 1, 3, 7], [1, 3, 7]),
        ([A, "UPDATE a SET v[2] = 8 WHERE id = 1"], [3, 8, 3], [3, 8]),
        ([A, "UPDATE a SET v = '{NULL,1}' WHERE id = 1"], [None, 1], [1]),
        ([A, "UPDATE a SET v = '{{1,2},{3,4}}' WHERE id = 1"], [[1, 2], [3, 4]], [1, 2, 3, 4]),
        ([A, "INSERT INTO a VALUES (1, 1, '{2}') ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v"], [2], [2]),
        ([A, "INSERT INTO a VALUES (1, 1, '{2}') ON CONFLICT (id) DO NOTHING"], [3, 1, 3], [1, 3]),
        ([A, "UPDATE a SET n = 5"], [3, 1, 3], [1, 3]),
        # New code: a row is an element at the end, and the other elements stay where they are.
        ([BARE], None, []),
        ([BARE, "INSERT INTO b VALUES (1, 2)"], [2], [2]),
        ([BARE, "INSERT INTO b SELECT 1, g FROM generate_series(1, 3) AS g"], [1, 2, 3], [1, 2, 3]),
        (["BEGIN", BARE, "INSERT INTO b VALUES (1, 2), (1, 1)", "COMMIT"], [2, 1], [1, 2]),
        (["WITH a AS (INSERT INTO a (id) VALUES (1) RETURNING id) INSERT INTO b SELECT id, 4 FROM a"], [4], [4]),
        ([A, "INSERT INTO b VALUES (1, 2)"], [3, 1, 3, 2], [1, 2, 3]),
        ([A, "INSERT INTO b VALUES (1, 3) ON CONFLICT DO NOTHING"], [3, 1, 3], [1, 3]),
        ([A, "UPDATE b SET x = 7 WHERE k = 1 AND x = 3"], [7, 1, 7], [1, 7]),
        ([A, "UPDATE b SET x = x + 10"], [13, 11, 13], [11, 13]),
        ([A, "UPDATE b SET k = 2 WHERE x = 3", "DELETE FROM b WHERE k = 1"], [], []),
        ([A, "UPDATE b SET k = 1, x = 9 WHERE k = 2"], [3, 1, 3, 9], [1, 3, 9]),
        ([A, "UPDATE b SET x = x"], [3, 1, 3], [1, 3]),
        ([A, "DELETE FROM b WHERE x = 3"], [1], [1]),
        ([A, "DELETE FROM b"], [], []),
        ([A, "DELETE FROM b", "UPDATE a SET n = 5"], [], []),
        ([A, "UPDATE a SET v = '{NULL,1,4}' WHERE id = 1", "DELETE FROM b WHERE x = 4"], [None, 1], [1]),
        ([A, "UPDATE a SET v = '{{1,2},{3,4}}' WHERE id = 1", "INSERT INTO b VALUES (1, 5)"],
         [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
        # Both, in turn and in one transaction.
        ([A, "INSERT INTO b VALUES (1, 2)", "UPDATE a SET v = '{5}' WHERE id = 1"], [5], [5]),
        (["BEGIN", A, "DELETE FROM b WHERE x = 1", "UPDATE a SET v = v || 6", "INSERT INTO b VALUES (1, 0)", "COMMIT"],
         [3, 3, 6, 0], [0, 3, 6]),
        # Deletes and keys.
        ([A, "DELETE FROM a WHERE id = 1", BARE], None, []),
        ([A, "UPDATE a SET id = 7 WHERE id = 1", "UPDATE a SET id = 1 WHERE id = 7"], [3, 1, 3], [1, 3]),
        ([A, "UPDATE a SET id = 7, v = '{8}' WHERE id = 1", "UPDATE a SET id = 1 WHERE id = 7"], [8], [8]),
        # A trigger of the author that writes the array again.
        ([APPENDS, "CREATE TRIGGER f AFTER INSERT OR UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f()",
          "INSERT INTO a VALUES (1, 1, '{5}')", "UPDATE a SET v = '{6}' WHERE id = 1"], [6, 1, 1], [1, 6]),
    ],
)  # fmt: skip
def test_both_tables_follow_whoever_writes(
    unnested: Sandbox, writes: list[str], array: list[Any] | None, rows: list[int]
) -> None:
    for write in writes:
        unnested.execute(write)

    assert unnested.rows("SELECT v, ARRAY(SELECT x FROM b WHERE k = 1 ORDER BY x) AS x FROM a WHERE id = 1") == [
        (array, rows)
    ]


@pytest.mark.parametrize(
    ("on", "body", "writes", "array", "rows"),
    [
        # It writes the row of new code again, or another one.
        ("AFTER INSERT OR UPDATE ON b", "UPDATE b SET x = x + 100 WHERE x = NEW.x AND x < 100; RETURN NULL",
         ["INSERT INTO b VALUES (1, 5)"], [3, 1, 3, 105], [1, 3, 105]),
        ("AFTER UPDATE ON b", "UPDATE b SET x = x + 100 WHERE x = NEW.x AND x < 100; RETURN NULL",
         ["UPDATE b SET x = 5 WHERE x = 1 AND k = 1"], [3, 3, 105], [3, 105]),
        ("AFTER DELETE ON b", "INSERT INTO b VALUES (OLD.k, OLD.x); RETURN NULL",
         ["DELETE FROM b WHERE x = 3"], [3, 1, 3], [1, 3]),
        ("AFTER INSERT ON b", "DELETE FROM b WHERE x = NEW.x AND k = NEW.k; RETURN NULL",
         ["INSERT INTO b VALUES (1, 5)"], [3, 1, 3], [1, 3]),
        # It changes the array on its way: what it lets in is what there is.
        ("BEFORE UPDATE ON a", "NEW.v = array_remove(NEW.v, 5); RETURN NEW",
         ["INSERT INTO b VALUES (1, 5), (1, 6)"], [3, 1, 3, 6], [1, 3, 6]),
        ("BEFORE UPDATE ON a", "RETURN NULL", ["INSERT INTO b VALUES (1, 5)"], [3, 1, 3], [1, 3]),
        ("BEFORE UPDATE ON a", "NEW.v = array_append(array_remove(NEW.v, 0), 0); RETURN NEW",
         ["INSERT INTO b VALUES (1, 5), (1, 6)", "DELETE FROM b WHERE x = 1"], [3, 3, 5, 6, 0], [0, 3, 5, 6]),
        ("BEFORE UPDATE ON a", "NEW.v = array_append(array_remove(NEW.v, 0), 0); RETURN NEW",
         ["UPDATE a SET v = '{8}' WHERE id = 1"], [8, 0], [0, 8]),
    ],
)  # fmt: skip
def test_what_triggers_of_the_author_write_is_what_both_tables_hold(
    unnested: Sandbox, on: str, body: str, writes: list[str], array: list[int], rows: list[int]
) -> None:
    unnested.execute(A)
    unnested.execute(f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {body}; END'")
    unnested.execute(f"CREATE TRIGGER f {on} FOR EACH ROW EXECUTE FUNCTION f()")
    for write in writes:
        unnested.execute(write)

    assert unnested.rows("SELECT v, ARRAY(SELECT x FROM b WHERE k = 1 ORDER BY x) AS x FROM a WHERE id = 1") == [
        (array, rows)
    ]


def test_a_row_of_new_code_that_is_there_refuses_another_one(unnested: Sandbox) -> None:
    unnested.execute(A)
    for row, said in (("(1, 3)", "duplicate key"), ("(77, 3)", "violates foreign key")):
        with pytest.raises(ServerError, match=said):
            unnested.execute(f"INSERT INTO b VALUES {row}")


@pytest.mark.parametrize(
    ("write", "array", "rows"),
    [
        ("INSERT INTO b VALUES (9, 7)", [5, 6, 7], [5, 6, 7]),
        ("INSERT INTO b VALUES (9, 5)", [5, 6], [5, 6]),
        ("INSERT INTO b VALUES (9, 7); UPDATE b SET x = 6 WHERE x = 7", [5, 6, 6], [5, 6]),
        ("INSERT INTO b VALUES (9, 5); DELETE FROM b WHERE x = 5", [6], [6]),
        ("UPDATE a SET v = '{6,1}' WHERE id = 9", [6, 1], [1, 6]),
        ("UPDATE a SET n = 1 WHERE id = 9", [5, 6], [5, 6]),
    ],
)
def test_writes_before_the_backfill_and_then_the_backfill(
    sandbox: Sandbox, write: str, array: list[int], rows: list[int]
) -> None:
    migration = expanded(sandbox, SETUP + "INSERT INTO a VALUES (9, 9, '{5,6}')")
    sandbox.execute(write)
    sandbox.backfill(migration)

    assert sandbox.rows("SELECT v, ARRAY(SELECT x FROM b ORDER BY x) AS x FROM a") == [(array, rows)]


@pytest.mark.parametrize(
    ("write", "seen"),
    [
        ("UPDATE a SET v = '{6}' WHERE id = 2", [([6], [6])]),
        ("UPDATE a SET v = NULL WHERE id = 2", [(None, [])]),
        ("UPDATE a SET v = '{7,6}' WHERE id = 2", [([7, 6], [6, 7])]),
        ("INSERT INTO b VALUES (2, 5); DELETE FROM b WHERE x = 5 AND k = 2", [([6], [6])]),
        ("INSERT INTO b VALUES (2, 8)", [([5, 6, 8], [5, 6, 8])]),
        ("DELETE FROM a WHERE id = 2", []),
    ],
)
def test_a_batch_that_has_read_an_array_does_not_bring_elements_back(
    sandbox: Sandbox, write: str, seen: list[Any]
) -> None:
    migration = expanded(sandbox, SETUP + "INSERT INTO a SELECT g, g, '{5,6}' FROM generate_series(1, 3) AS g")
    write_between(sandbox, migration, TableName("public", "a"), "SELECT FROM a WHERE id = 1 FOR UPDATE", write)

    there = ([5, 6], [5, 6])
    rows = sandbox.rows("SELECT v, ARRAY(SELECT x FROM b WHERE k = id ORDER BY x) AS x FROM a ORDER BY id")
    assert rows == [there, *seen, there]


@pytest.mark.parametrize(
    ("first", "second", "seen"),
    [
        ("UPDATE a SET v = '{1}' WHERE id = 1", "INSERT INTO b VALUES (1, 9)", ([1, 9], [1, 9])),
        ("INSERT INTO b VALUES (1, 9)", "UPDATE a SET v = '{1}' WHERE id = 1", ([1], [1])),
        ("INSERT INTO b VALUES (1, 9)", "UPDATE a SET v = v || 2 WHERE id = 1", ([1, 2, 9, 2], [1, 2, 9])),
        ("DELETE FROM b WHERE x = 2", "UPDATE a SET v = v || 4 WHERE id = 1", ([1, 4], [1, 4])),
        ("INSERT INTO b VALUES (1, 8)", "INSERT INTO b VALUES (1, 9)", ([1, 2, 8, 9], [1, 2, 8, 9])),
        (
            "UPDATE a SET v = '{2,7}' WHERE id = 1",
            "INSERT INTO b VALUES (1, 7) ON CONFLICT DO NOTHING",
            ([2, 7], [2, 7]),
        ),
    ],
)
def test_two_writers_of_one_array_wait_for_each_other(
    sandbox: Sandbox, first: str, second: str, seen: tuple[list[int], list[int]]
) -> None:
    expanded(sandbox, SETUP)
    sandbox.execute("INSERT INTO a VALUES (1, 1, '{1,2}')")
    with psycopg.connect(sandbox.url) as one, psycopg.connect(sandbox.url) as two:
        one.execute(first)
        crossing(sandbox, one, two, second)

    assert sandbox.rows("SELECT v, ARRAY(SELECT x FROM b ORDER BY x) AS x FROM a") == [seen]


@pytest.mark.parametrize(
    ("writes", "array", "rows", "values"),
    [
        # A value of old code is added, one of new code has to be there.
        (["UPDATE a SET v = '{7,5}' WHERE id = 1"], [7, 5], [5, 7], [1, 2, 5, 6, 7]),
        (["INSERT INTO t (x) VALUES (8)", "INSERT INTO b VALUES (1, 8)"], [1, 2, 8], [1, 2, 8], [1, 2, 5, 6, 8]),
        # What becomes of it there comes to the array.
        (["UPDATE t SET x = 9 WHERE x = 1"], [9, 2], [2, 9], [2, 5, 6, 9]),
        (["DELETE FROM t WHERE x = 1"], [2], [2], [2, 5, 6]),
        (["DELETE FROM t WHERE x = 1", "UPDATE a SET v = v || 1 WHERE id = 1"], [2, 1], [1, 2], [1, 2, 5, 6]),
    ],
)
def test_values_have_a_table_of_their_own(
    sandbox: Sandbox, writes: list[str], array: list[int], rows: list[int], values: list[int]
) -> None:
    sql = SQL.replace("x integer", "x integer REFERENCES t (x) ON DELETE CASCADE ON UPDATE CASCADE")
    migration = expanded(sandbox, TAGS + "INSERT INTO a VALUES (9, 9, '{5,6,NULL}'), (1, 1, '{1,2}')", sql)
    sandbox.backfill(migration)
    with pytest.raises(ServerError, match="violates foreign key"):
        sandbox.execute("INSERT INTO b VALUES (1, 77)")
    for write in writes:
        sandbox.execute(write)

    assert sandbox.rows("SELECT v, ARRAY(SELECT x FROM b WHERE k = 1 ORDER BY x) AS x FROM a WHERE id = 1") == [
        (array, rows)
    ]
    assert sandbox.rows("SELECT x FROM t ORDER BY x") == [(value,) for value in values]
    sandbox.execute("UPDATE a SET v = array_remove(v, NULL)")
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.leftovers() == []


@pytest.mark.parametrize("phase", [Phase.EXPAND, Phase.ROLLBACK])
def test_old_code_writes_new_values_between_any_two_transactions(sandbox: Sandbox, phase: Phase) -> None:
    sandbox.execute(TAGS + "INSERT INTO a VALUES (1, 1, '{1}')")
    migration = sandbox.new("unnest", SQL.replace("x integer", "x integer REFERENCES t (x)"))
    for number, step in enumerate((*migration.phase(Phase.EXPAND), *migration.phase(Phase.ROLLBACK))):
        sandbox.execute(f"BEGIN; {step.sql}; COMMIT")
        if step in migration.phase(phase):
            sandbox.execute(f"UPDATE a SET v = v || {100 + number}; INSERT INTO a VALUES ({100 + number}, 1, '{{77}}')")


def test_texts_and_names_that_need_quotes(sandbox: Sandbox) -> None:
    setup = (
        'CREATE TABLE "A" ("Id" uuid DEFAULT gen_random_uuid(), "end" text, "new" varchar(9)[],'
        ' PRIMARY KEY ("Id", "end"));'
    )
    sql = (
        '-- migrator: unnest = "A" ("new")\nCREATE TABLE "select" ("user" uuid, "end" text, "loop" varchar(9),'
        ' PRIMARY KEY ("loop", "end", "user"),'
        ' FOREIGN KEY ("user", "end") REFERENCES "A" ON DELETE CASCADE ON UPDATE CASCADE)'
    )
    migration = expanded(sandbox, setup + """INSERT INTO "A" ("end", "new") VALUES ('x', '{"a b",c}')""", sql)
    sandbox.backfill(migration)
    sandbox.execute("""INSERT INTO "select" SELECT "Id", "end", 'z''' FROM "A" """)
    sandbox.execute(
        """UPDATE "A" SET "new" = array_remove("new", 'c'); UPDATE "select" SET "loop" = 'Q' WHERE "loop" = 'a b'"""
    )

    assert sandbox.rows("""SELECT "new", ARRAY(SELECT "loop" FROM "select" ORDER BY 1) AS x FROM "A" """) == [
        (["Q", "z'"], ["Q", "z'"])
    ]


def test_old_code_may_write_what_cannot_be_a_row_and_contract_counts_it(sandbox: Sandbox) -> None:
    setup = (
        "CREATE TABLE a (id integer PRIMARY KEY, v text[]);"
        "INSERT INTO a SELECT g, ARRAY['v' || g] FROM generate_series(1, 50) AS g;"
    )
    sql = SQL.replace("x integer", "x text")
    sandbox.execute(setup)
    after = sandbox.shape_after(sql.partition("\n")[2] + "; ALTER TABLE a DROP COLUMN v")
    migration = expanded(sandbox, "SELECT", sql)
    incompressible = "(SELECT string_agg(md5(g::text), '') FROM generate_series(1, 400) AS g)"
    sandbox.execute(
        f"UPDATE a SET v = ARRAY['x', {incompressible}, NULL] WHERE id = 3; UPDATE a SET v = '{{NULL}}' WHERE id = 4"
    )
    sandbox.backfill(migration)
    with pytest.raises(
        Refused, match=r"2 rows of public.a have elements in v that are NULL, or longer than 2000 bytes"
    ):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("UPDATE a SET v = v[1:1] WHERE id = 3; UPDATE a SET v = NULL WHERE id = 4")
    sandbox.execute("SET session_replication_role = replica; DELETE FROM b WHERE k = 5; INSERT INTO b VALUES (6, 'y');"
                    " RESET session_replication_role")  # fmt: skip
    with pytest.raises(Refused, match=r"2 rows of public.a have other elements in v than there are rows in public.b"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("INSERT INTO b VALUES (5, 'v5'); DELETE FROM b WHERE x = 'y'")
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows("SELECT * FROM b WHERE k < 7 ORDER BY k") == [
        (1, "v1"), (2, "v2"), (3, "x"), (5, "v5"), (6, "v6")
    ]  # fmt: skip
    assert sandbox.snapshot() == after
    assert sandbox.leftovers() == []


def test_a_change_given_as_words_means_the_same(unnested: Sandbox) -> None:
    unnested.execute("DROP TABLE b")
    words = ["unnest_column", "table=a", "column=v", "to=b", f"definition={SQL.partition(chr(10))[2]}"]
    kind, spec = spec_from_words(words, "here")
    context = Context("m", 1, read_schema(unnested.session, [("public", "a")]))

    assert "REFERENCES public.a" in next(iter(kind.expand(spec, context))).sql


@pytest.mark.parametrize(
    ("setup", "sql", "said"),
    [
        (SETUP, SQL.replace(" ON DELETE CASCADE", ""), "old code that deletes a row of public.a"),
        (
            SETUP,
            SQL.replace("k integer", "k integer PRIMARY KEY").replace(", PRIMARY KEY (k, x)", ""),
            "as primary key",
        ),
        (SETUP, SQL.replace("x integer", "x integer, y integer"), "as primary key"),
        (SETUP, SQL.replace("x integer", "x integer DEFAULT 1"), "as primary key"),
        (SETUP, SQL.replace("x integer", "x integer CHECK (x > 0)"), "constraints that old code"),
        (SETUP, SQL.replace("x integer", "x integer REFERENCES a"), "constraints that old code"),
        (SETUP, SQL.replace("x integer", "x integer REFERENCES t (x)"), 'table "public.t" does not exist'),
        (TAGS, SQL.replace("x integer", "x integer REFERENCES t"), "to a column that is written"),
        (TAGS, SQL.replace("(k, x)", "(k, x), FOREIGN KEY (x) REFERENCES t (x) DEFERRABLE"), "and not DEFERRABLE"),
        (TAGS, SQL.replace("x integer", "x integer REFERENCES t (x) CHECK (x > 0)"), "constraints that old code"),
        (
            TAGS + "ALTER TABLE t ADD c text NOT NULL;",
            SQL.replace("x integer", "x integer REFERENCES t (x)"),
            "c is NOT NULL without a default",
        ),
        (
            TAGS + "ALTER TABLE t ADD CHECK (x > 0);",
            SQL.replace("x integer", "x integer REFERENCES t (x)"),
            "t_x_check CHECK",
        ),
        (SETUP, SQL.replace("x integer", "x bigint"), "of type bigint in the new table"),
        (SETUP, SQL.replace("a (v)", "a (n)"), "of type integer"),
        (SETUP, SQL.replace("a (v)", "a (w)"), 'column "w" of table "public.a" does not exist'),
        (SETUP, SQL.replace("a (v)", "a (v, n)"), "not one column of a table"),
        (SETUP, SQL.replace("a (v)", "a"), "not one column of a table"),
        (SETUP, SQL.replace("CREATE", "CREATE UNLOGGED"), "lose what moves to it"),
        (SETUP + "CREATE TABLE b ();", SQL, 'table "public.b" exists already'),
        (SETUP.replace("v integer[]", "v integer[] NOT NULL"), SQL, "NOT NULL without a default"),
        (SETUP + "CREATE VIEW w AS SELECT v FROM a;", SQL, "used by other objects"),
        (SETUP + "ALTER TABLE a ENABLE ROW LEVEL SECURITY;", SQL, "row security"),
        (SETUP.replace("PRIMARY KEY", "UNIQUE"), SQL.replace("REFERENCES a", "REFERENCES a (id)"), "is NOT NULL"),
    ],
)
def test_what_cannot_be_kept_in_step_is_refused(sandbox: Sandbox, setup: str, sql: str, said: str) -> None:
    sandbox.execute(setup)
    with pytest.raises(Refused) as caught:
        sandbox.new("unnest", sql)

    assert said in refusal(caught.value)


def test_an_element_that_is_in_the_array_is_no_write_of_the_old_table(sandbox: Sandbox) -> None:
    counts = (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); RETURN NULL; END'"
    )
    migration = expanded(
        sandbox,
        f"{SETUP} INSERT INTO a VALUES (9, 9, '{{5,6}}'); CREATE TABLE log (x integer); {counts};"
        "CREATE TRIGGER t AFTER UPDATE ON a EXECUTE FUNCTION f()",
    )
    sandbox.backfill(migration)
    assert sandbox.rows("TABLE b ORDER BY x") == [(9, 5), (9, 6)]
    assert sandbox.value("SELECT count(*) FROM log") == 0
    sandbox.execute("INSERT INTO b VALUES (9, 7)")
    assert sandbox.value("SELECT count(*) FROM log") == 1
