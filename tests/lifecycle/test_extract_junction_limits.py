"""A key that becomes rows of a junction table: what is refused, what contract and rollback count, what hangs on it."""

from __future__ import annotations

import pytest

from migrator.changes.kind import Context
from migrator.changes.registry import spec_from_words
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.postgres.catalog import read_schema
from tests.lifecycle.crossing import expanded_beside_old_code
from tests.lifecycle.extracting import POINTING, SETUP, SQL, TO_T
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected in this test"


def test_a_column_without_null_has_its_default_where_old_code_sees_none(sandbox: Sandbox) -> None:
    setup = SETUP.replace("p text", "p text NOT NULL DEFAULT 'none'")
    migration = expanded_beside_old_code(sandbox, setup, SQL.replace("q text", "q text NOT NULL DEFAULT 'new'"))
    sandbox.execute("INSERT INTO a (id) VALUES (1), (2); INSERT INTO b VALUES (1, 3); INSERT INTO b VALUES (2, 3, 'x')")
    assert sandbox.rows("SELECT id, v, p FROM a ORDER BY id") == [(1, 3, "new"), (2, 3, "x")]
    sandbox.execute("DELETE FROM b WHERE k = 2")
    assert sandbox.rows("SELECT id, v, p FROM a ORDER BY id") == [(1, 3, "new"), (2, None, "none")]
    sandbox.backfill(migration)
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.leftovers() == []


@pytest.mark.parametrize("phase", [Phase.EXPAND, Phase.ROLLBACK])
def test_old_code_writes_between_any_two_transactions(sandbox: Sandbox, phase: Phase) -> None:
    sandbox.execute(POINTING.format("CASCADE", "CASCADE") + "INSERT INTO a VALUES (1, 1, 1, 'a'), (2, 2, 2, 'b')")
    migration = sandbox.new("extract", TO_T)
    for number, step in enumerate((*migration.phase(Phase.EXPAND), *migration.phase(Phase.ROLLBACK))):
        sandbox.execute(f"BEGIN; {step.sql}; COMMIT")
        if step in migration.phase(phase):
            sandbox.execute(f"UPDATE a SET v = 1 + {number} % 9; INSERT INTO a VALUES ({100 + number}, 1, 7, 'x')")


def test_contract_counts_what_has_no_place_and_what_differs(sandbox: Sandbox) -> None:
    setup = (
        "CREATE TABLE a (id integer PRIMARY KEY, v text, p text DEFAULT 'none', r float DEFAULT random());"
        "INSERT INTO a SELECT g, 'v' || g, 'p' FROM generate_series(1, 50) AS g;"
    )
    sql = SQL.replace("x integer, q text", "x text, q text, r float").replace("AS q)", "AS q, r)")
    sandbox.execute(setup)
    after = sandbox.shape_after(sql.partition("\n")[2] + "; ALTER TABLE a DROP COLUMN v, DROP COLUMN p, DROP COLUMN r")
    migration = expanded_beside_old_code(sandbox, "SELECT", sql)
    long = "(SELECT string_agg(md5(g::text), '') FROM generate_series(1, 400) AS g)"
    sandbox.execute(f"UPDATE a SET v = {long} WHERE id = 3; UPDATE a SET v = NULL WHERE id = 4")
    # No role without an account: new code names neither.
    sandbox.execute("INSERT INTO a (id) VALUES (100); UPDATE a SET v = NULL, p = NULL WHERE id = 7")
    sandbox.backfill(migration)
    with pytest.raises(Refused, match=r"2 rows of public.a hold p, r without v, or have v longer than 2000 bytes"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("UPDATE a SET v = left(v, 5) WHERE id = 3; UPDATE a SET p = 'none' WHERE id = 4")
    behind = "DELETE FROM b WHERE k = 5; UPDATE b SET q = 'y' WHERE k = 6"
    sandbox.execute(f"SET session_replication_role = replica; {behind}; RESET session_replication_role")
    with pytest.raises(Refused, match=r"2 rows of public.a have v, p, r that are not in public.b"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("UPDATE a SET p = 'z' WHERE id IN (5, 6)")
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.rows("SELECT k, x, q FROM b WHERE k < 8 ORDER BY k") == [
        (1, "v1", "p"), (2, "v2", "p"), (3, "c4ca4", "p"), (5, "v5", "z"), (6, "v6", "z")
    ]  # fmt: skip
    assert sandbox.snapshot() == after
    assert sandbox.leftovers() == []


def test_rollback_counts_the_rows_that_old_code_does_not_see(sandbox: Sandbox) -> None:
    migration = expanded_beside_old_code(sandbox, SETUP + "INSERT INTO a VALUES (1, 1, 3, 'c')", SQL)
    sandbox.backfill(migration)
    sandbox.execute("INSERT INTO b VALUES (1, 6, 'f'), (1, 7, 'g'); UPDATE b SET q = 'new' WHERE x = 3")
    with pytest.raises(Refused, match=r"(?s)2 rows.*exists only in the new shape|exists only in the new shape.*2"):
        sandbox.rollback(migration, offline=OFFLINE)
    sandbox.rollback(migration, yes=True, offline=OFFLINE)

    assert sandbox.rows("SELECT * FROM a") == [(1, 1, 3, "new")]


def test_a_change_given_as_words_means_the_same(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP)
    words = ["extract_junction", "table=a", "columns=p", "columns=v", "names=q", "names=x", "to=b"]
    kind, spec = spec_from_words([*words, f"definition={SQL.partition(chr(10))[2]}"], "here")
    context = Context("m", 1, read_schema(sandbox.session, [("public", "a")]))

    assert "REFERENCES public.a" in next(iter(kind.expand(spec, context))).sql
    assert "(k, x, q)" in next(iter(kind.backfill(spec, context))).sql


PLAIN_T = SQL.replace("x integer", "x integer REFERENCES t")


@pytest.mark.parametrize(
    ("setup", "sql", "said"),
    [
        (SETUP, SQL.replace(" ON DELETE CASCADE", ""), "old code that deletes a row of public.a"),
        (SETUP, SQL.replace(" ON UPDATE CASCADE", ""), "or changes its key"),
        (SETUP, SQL.replace("PRIMARY KEY (k, x)", "PRIMARY KEY (k)"), "both as primary key"),
        (SETUP, SQL.replace("PRIMARY KEY (k, x)", "PRIMARY KEY (k, x, q)"), "both as primary key"),
        (SETUP, SQL.replace("PRIMARY KEY (k, x)", "PRIMARY KEY (k, x) DEFERRABLE"), "DEFERRABLE"),
        (SETUP, SQL.replace("v AS x", "v"), "must be those that move: v, x"),
        (SETUP, SQL.replace("x integer,", "x integer, y integer,"), "must be those that move: y"),
        (SETUP, SQL.replace(", p AS q", ""), "must be those that move: q"),
        (SETUP, SQL.replace("p AS q", "p AS q, n"), "must be those that move: n"),
        (SETUP, SQL.replace("x integer", "x integer DEFAULT 1"), "has a default"),
        (SETUP, SQL.replace("q text", "q text NOT NULL"), '"q" is NOT NULL in the new table'),
        (SETUP, SQL.replace("q text", "q varchar"), "of type varchar in the new table"),
        (SETUP, SQL.replace("x integer", "x bigint"), "of type bigint in the new table"),
        (SETUP, SQL.replace("q text", "q text CHECK (q <> '')"), "constraints that old code"),
        (SETUP, SQL.replace("a (v AS x, p AS q)", "a"), "must be those that move: q, x"),
        (SETUP, SQL.replace("a (v AS x, p AS q)", "a (v + 1 AS x)"), "not a table and columns of it"),
        (SETUP, SQL.replace("(v AS x", "(w AS x"), 'column "w" of table "public.a" does not exist'),
        (SETUP.replace("v integer", "v integer NOT NULL"), SQL, "v DROP NOT NULL"),
        (SETUP.replace("v integer", "v integer DEFAULT 1"), SQL, "v DROP DEFAULT"),
        (SETUP.replace("p text", "p text NOT NULL"), SQL, "is NOT NULL without a default"),
        (SETUP + "CREATE TABLE b ();", SQL, 'table "public.b" exists already'),
        (SETUP + "CREATE VIEW w AS SELECT p FROM a;", SQL, "used by other objects"),
        (SETUP + "CREATE INDEX ON a (n, v);", SQL, "part of a key or index"),
        (SETUP + "ALTER TABLE a ENABLE ROW LEVEL SECURITY;", SQL, "row security"),
        # The other table: what old code may do there, and to it, it must be able to do from expand on.
        (SETUP + "CREATE TABLE t (id integer PRIMARY KEY);", PLAIN_T, "has none like it"),
        (POINTING.format("CASCADE", "CASCADE") + "CREATE TABLE u (id integer PRIMARY KEY);",
         SQL.replace("x integer", "x integer REFERENCES u"), "has none like it"),
        (POINTING.format("CASCADE", "NO ACTION DEFERRABLE"), PLAIN_T, "is DEFERRABLE or not valid"),
        (POINTING.format("CASCADE", "NO ACTION"), PLAIN_T, "ON DELETE CASCADE"),
        (POINTING.format("NO ACTION", "CASCADE"), PLAIN_T, "ON UPDATE CASCADE"),
        (POINTING.format("SET NULL", "NO ACTION"), PLAIN_T.replace("REFERENCES t", "REFERENCES t ON DELETE SET NULL"),
         "ON DELETE CASCADE"),
        ("CREATE TABLE t (id integer, n integer, PRIMARY KEY (id, n));" + SETUP,
         SQL.replace("(k, x))", "(k, x), FOREIGN KEY (x, k) REFERENCES t)"), "must be one of x alone"),
        (SETUP.replace("v integer", "v integer REFERENCES a ON UPDATE CASCADE"), SQL, "a changed key of public.a"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_in_step_is_refused(sandbox: Sandbox, setup: str, sql: str, said: str) -> None:
    sandbox.execute(setup)
    with pytest.raises(Refused) as caught:
        sandbox.new("extract", sql)

    assert said in refusal(caught.value)


def test_what_belongs_to_rows_of_the_same_table(sandbox: Sandbox) -> None:
    setup = (
        "CREATE TABLE a (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " boss integer REFERENCES a ON DELETE SET NULL);"
        "INSERT INTO a (boss) VALUES (1), (1), (2);"
    )
    sql = (
        "-- migrator: extract = a (boss)\nCREATE TABLE bosses (id integer REFERENCES a ON DELETE CASCADE,"
        " boss integer REFERENCES a ON DELETE CASCADE, PRIMARY KEY (id, boss))"
    )
    migration = expanded_beside_old_code(sandbox, setup, sql)
    sandbox.backfill(migration)
    sandbox.execute(
        "INSERT INTO bosses VALUES (3, 1); INSERT INTO a (boss) VALUES (3); UPDATE a SET boss = 1 WHERE id = 4"
    )
    sandbox.execute("DELETE FROM a WHERE id = 2")
    assert sandbox.rows("SELECT * FROM a ORDER BY 1") == [(1, 1), (3, None), (4, 1)]
    assert sandbox.rows("SELECT * FROM bosses ORDER BY 1, 2") == [(1, 1), (3, 1), (4, 1)]
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.leftovers() == []
