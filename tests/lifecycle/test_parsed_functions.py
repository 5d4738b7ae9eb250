"""Functions in SQL whose body the server has parsed depend on the columns that they name."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

SETUP = (
    "CREATE TABLE t (k int PRIMARY KEY, a varchar(9)); CREATE TABLE u (k int PRIMARY KEY REFERENCES t);"
    "INSERT INTO t VALUES (1, 'x'); INSERT INTO u VALUES (1);"
)
FUNCTION = "CREATE FUNCTION f(n int) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(a) FROM t; END"
TYPE = "ALTER TABLE t ALTER a TYPE varchar(5)"
SPLIT = (
    "-- migrator: up = a, upper(a)\n-- migrator: down = y\n"
    "ALTER TABLE t ADD COLUMN y text, ADD COLUMN z text, DROP COLUMN a"
)
MOVE = "-- migrator: to = u (k)\nALTER TABLE t DROP COLUMN a"


@pytest.mark.parametrize("sql", ["ALTER TABLE t DROP COLUMN a", TYPE, "ALTER TABLE t ALTER a TYPE text", SPLIT, MOVE])
def test_a_column_that_a_function_depends_on_is_not_taken_away(sandbox: Sandbox, sql: str) -> None:
    sandbox.execute(f"{SETUP}{FUNCTION}")
    with pytest.raises(Refused, match=r'column "a" of table "public\.t" is used by other objects') as error:
        sandbox.new("change", sql)
    assert "function public.f(n integer)" in refusal(error.value)


@pytest.mark.parametrize("sql", ["ALTER TABLE t DROP COLUMN a", TYPE, SPLIT, MOVE])
def test_a_function_that_came_to_depend_on_a_column_stops_contract_before_it_changes_anything(
    sandbox: Sandbox, sql: str
) -> None:
    sandbox.execute(SETUP)
    migration = sandbox.new("change", sql)
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.execute(FUNCTION)
    before = sandbox.snapshot()
    with pytest.raises(Refused, match="is used by other objects") as error:
        sandbox.contract(migration, offline="nobody is connected in this test")
    assert "function public.f(n integer)" in refusal(error.value)
    assert sandbox.snapshot() == before
    sandbox.execute("DROP FUNCTION f")
    sandbox.contract(migration, offline="nobody is connected in this test")


def test_a_function_follows_a_column_that_is_renamed(sandbox: Sandbox) -> None:
    sandbox.execute(f"{SETUP}{FUNCTION}")
    migration = sandbox.new("change", "ALTER TABLE t RENAME COLUMN a TO b")
    sandbox.finish(migration)
    assert sandbox.value("SELECT f(1)") == 1
