"""Splitting and merging columns: what either side holds after any write of old or new code."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from migrator.errors import Refused
from migrator.model.plan import Migration
from tests.support.sandbox import Sandbox, wait_for

SPLIT = """
-- migrator: up = split_part(whole, ' ', 1), nullif(split_part(whole, ' ', 2), '')
-- migrator: down = concat_ws(' ', a, b)
ALTER TABLE t ADD COLUMN a text, ADD COLUMN b text, DROP COLUMN whole
"""
MERGE = """
-- migrator: up = x::text || '/' || y::text
-- migrator: down = split_part(xy, '/', 1)::integer, split_part(xy, '/', 2)::integer
ALTER TABLE t ADD COLUMN xy text, DROP COLUMN x, DROP COLUMN y
"""
TO_NUMBERS = """
-- migrator: up = split_part(whole, '-', 1)::integer, split_part(whole, '-', 2)::integer
-- migrator: down = a || '-' || b
ALTER TABLE t ADD COLUMN a integer, ADD COLUMN b integer, DROP COLUMN whole
"""


def expanded(sandbox: Sandbox, columns: str, sql: str, rows: str = "") -> Migration:
    sandbox.execute(f"CREATE TABLE t (k bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer, {columns}); {rows}")
    sandbox.configure({"name": "web", "ttl": "1h"}, gate={"soak": "1ms"})
    sandbox.install()
    migration = sandbox.new("reshape", sql)
    sandbox.expand(migration)
    return migration


def row(sandbox: Sandbox, columns: str) -> tuple[Any, ...]:
    (only,) = sandbox.rows(f"SELECT {columns} FROM t")
    return only


@pytest.mark.parametrize(
    ("writes", "seen"),
    [
        # Inserts: of old code, of new code, of both, of neither.
        (["INSERT INTO t (whole) VALUES ('p q')"], ("p q", "p", "q")),
        (["INSERT INTO t (a, b) VALUES ('p', 'q')"], ("p q", "p", "q")),
        (["INSERT INTO t (a) VALUES ('p')"], ("p", "p", None)),
        (["INSERT INTO t (whole, a, b) VALUES ('old old', 'p', 'q')"], ("p q", "p", "q")),
        (["INSERT INTO t DEFAULT VALUES"], (None, None, None)),
        # Positional, as old code has it; copied from another row.
        (["INSERT INTO t OVERRIDING SYSTEM VALUE VALUES (7, 1, 'p q')"], ("p q", "p", "q")),
        (["INSERT INTO t (whole) SELECT 'p q'"], ("p q", "p", "q")),
        # The side that changed wins; the new one if both did.
        (["INSERT INTO t (whole) VALUES ('p q')", "UPDATE t SET whole = 'r s'"], ("r s", "r", "s")),
        (["INSERT INTO t (whole) VALUES ('p q')", "UPDATE t SET b = 'z'"], ("p z", "p", "z")),
        (["INSERT INTO t (whole) VALUES ('p q')", "UPDATE t SET whole = 'r s', b = 'z'"], ("p z", "p", "z")),
        # NULL on purpose, from either side.
        (["INSERT INTO t (whole) VALUES ('p q')", "UPDATE t SET whole = NULL"], (None, None, None)),
        (["INSERT INTO t (whole) VALUES ('p q')", "UPDATE t SET b = NULL"], ("p", "p", None)),
        # What only the new side can hold survives whatever does not write it.
        (["INSERT INTO t (a, b) VALUES ('p q', 'r')", "UPDATE t SET n = 1"], ("p q r", "p q", "r")),
        (["INSERT INTO t (a, b) VALUES ('p q', 'r')", "UPDATE t SET whole = whole"], ("p q r", "p q", "r")),
        (["INSERT INTO t (a, b) VALUES ('p q', 'r')", "UPDATE t SET whole = 'x y'"], ("x y", "x", "y")),
    ],
)  # fmt: skip
def test_both_sides_of_a_split_follow_whoever_writes(split: Sandbox, writes: list[str], seen: tuple[Any, ...]):
    for write in writes:
        split.execute(write)

    assert row(split, "whole, a, b") == seen


@pytest.fixture
def split(sandbox: Sandbox) -> Sandbox:
    """A table with ``whole`` and ``a``, ``b``, made as expand makes it, without a ledger."""
    sandbox.execute("CREATE TABLE t (k bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer, whole text)")
    migration = sandbox.new("reshape", SPLIT)
    for step in migration.steps:
        if step.phase.value == "expand":
            sandbox.session.execute(step.sql)
    return sandbox


def test_a_row_that_is_not_filled_yet_keeps_what_its_writer_leaves_alone(sandbox: Sandbox):
    migration = expanded(
        sandbox, "whole text", SPLIT, "INSERT INTO t (n, whole) SELECT g, 'p q' FROM generate_series(1, 4) AS g"
    )
    sandbox.execute("UPDATE t SET b = 'z' WHERE n = 1")
    sandbox.execute("UPDATE t SET n = n WHERE n = 2")
    sandbox.execute("UPDATE t SET whole = 'r s' WHERE n = 3")

    filled = [("p z", "p", "z"), ("p q", "p", "q"), ("r s", "r", "s")]
    assert sandbox.rows("SELECT whole, a, b FROM t ORDER BY n") == [*filled, ("p q", None, None)]

    sandbox.backfill(migration)
    assert sandbox.rows("SELECT whole, a, b FROM t ORDER BY n") == [*filled, ("p q", "p", "q")]


def test_one_of_the_merged_columns_is_enough_and_both_follow_the_new_one(sandbox: Sandbox):
    migration = expanded(sandbox, "x integer, y integer", MERGE, "INSERT INTO t (x, y) VALUES (1, 2)")
    sandbox.backfill(migration)
    assert row(sandbox, "x, y, xy") == (1, 2, "1/2")

    sandbox.execute("UPDATE t SET y = 3")
    assert row(sandbox, "x, y, xy") == (1, 3, "1/3")
    sandbox.execute("UPDATE t SET xy = '8/9', x = 5")
    assert row(sandbox, "x, y, xy") == (8, 9, "8/9")
    sandbox.execute("UPDATE t SET xy = NULL")
    assert row(sandbox, "x, y, xy") == (None, None, None)


def test_a_trigger_of_the_users_that_changes_a_side_counts_as_its_writer(sandbox: Sandbox):
    body = "BEGIN NEW.whole := upper(NEW.whole); RETURN NEW; END"
    expanded(
        sandbox,
        "whole text",
        SPLIT,
        f"CREATE FUNCTION up() RETURNS trigger LANGUAGE plpgsql AS $${body}$$;"
        "CREATE TRIGGER up BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION up()",
    )
    sandbox.execute("INSERT INTO t (whole) VALUES ('p q')")

    assert row(sandbox, "whole, a, b") == ("P Q", "P", "Q")


def test_an_upsert_of_old_code_reaches_the_new_columns(sandbox: Sandbox):
    expanded(sandbox, "whole text UNIQUE", SPLIT, "INSERT INTO t (n, whole) VALUES (1, 'p q')")
    sandbox.execute("INSERT INTO t (n, whole) VALUES (2, 'p q') ON CONFLICT (whole) DO UPDATE SET whole = 'r s'")

    assert row(sandbox, "n, whole, a, b") == (1, "r s", "r", "s")


def test_a_value_without_a_counterpart_stops_contract_and_not_the_write(sandbox: Sandbox):
    migration = expanded(sandbox, "whole text", TO_NUMBERS, "INSERT INTO t (whole) VALUES ('1-2')")
    sandbox.execute("INSERT INTO t (whole) VALUES ('none')")
    sandbox.backfill(migration)

    assert sandbox.rows("SELECT whole, a, b FROM t ORDER BY k") == [("1-2", 1, 2), ("none", None, None)]
    with pytest.raises(Refused, match=r"1 row of public.t holds"):
        sandbox.contract(migration, offline="test")
    sandbox.execute("UPDATE t SET whole = '3-4' WHERE whole = 'none'")
    sandbox.contract(migration, offline="test")
    assert sandbox.rows("SELECT a, b FROM t ORDER BY k") == [(1, 2), (3, 4)]
    assert sandbox.leftovers() == []


def test_a_rollback_says_how_many_rows_the_old_columns_cannot_hold(sandbox: Sandbox):
    migration = expanded(sandbox, "whole text", SPLIT)
    sandbox.execute("INSERT INTO t (a, b) VALUES ('p', 'q'), ('p q', 'r')")

    with pytest.raises(Refused, match="1 row"):
        sandbox.rollback(migration, offline="test")
    sandbox.rollback(migration, offline="test", yes=True)
    assert sandbox.rows("SELECT whole FROM t ORDER BY k") == [("p q",), ("p q r",)]
    assert sandbox.leftovers() == []


def test_a_conversion_that_fails_for_a_row_that_is_there_is_refused_before_anything(sandbox: Sandbox):
    sandbox.execute("CREATE TABLE t (k bigint PRIMARY KEY, whole text); INSERT INTO t VALUES (1, 'none')")
    sandbox.install()

    with pytest.raises(Refused) as refused:
        sandbox.new("reshape", TO_NUMBERS)
    assert str(refused.value.detail).count("invalid input syntax") == 3
    with pytest.raises(Refused, match="does not exist"):
        sandbox.new("reshape", SPLIT.replace("concat_ws", "concat_us"))


@pytest.mark.parametrize("kill_at", [2, 5])
def test_killed_anywhere_it_goes_on(sandbox: Sandbox, kill_at: int):
    sandbox.execute(
        "CREATE TABLE t (k bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, whole text);"
        "INSERT INTO t (whole) SELECT 'p ' || g FROM generate_series(1, 50) AS g"
    )
    after = sandbox.shape_after(SPLIT)
    sandbox.configure({"name": "web", "ttl": "1h"}, gate={"soak": "1ms"})
    sandbox.install()
    migration = sandbox.new("reshape", SPLIT)
    for command in (["expand"], ["backfill"], ["contract", "--offline", "test", "--yes"]):
        pattern = r"\A(ALTER|CREATE|DROP|UPDATE|WITH)"
        process = sandbox.process(*command, MIGRATOR_KILL_AT=str(kill_at), MIGRATOR_KILL_MATCH=pattern)
        process.communicate(timeout=60)
        again = functools.partial(sandbox.command, *command)
        wait_for(lambda again=again: again().code == 0, command[0])

    assert sandbox.snapshot() == after
    assert sandbox.rows("SELECT count(*)::int FROM t WHERE a = 'p' AND b IS NOT NULL") == [(50,)]
    assert sandbox.leftovers() == []
    assert sandbox.state(migration) == "contracted"
