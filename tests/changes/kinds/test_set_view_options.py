"""``set_view_options``: what holds for whoever uses the view changes when old code can bear it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.errors import MigratorError
from tests.changes.plans import NOTHING, Phase, Relation, TableName, refusal, schema, statements
from tests.support.sandbox import Sandbox, open_sandbox

KNOWN = schema(
    Relation(TableName("public", "v"), "view", options=("security_barrier=true",)),
    Relation(TableName("public", "t"), "table"),
)
AT_EXPAND = "-- migrator: phase = expand\n"


@pytest.fixture
def sandbox(tmp_path: Path, database_url: str) -> Iterator[Sandbox]:
    with open_sandbox(tmp_path, database_url) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("how", "undo"),
    [
        ("SET (security_barrier = false)", ["SET (security_barrier = true)"]),
        ("SET (check_option = local)", ["RESET (check_option)"]),
        ("RESET (security_barrier)", ["SET (security_barrier = true)"]),
        (
            "SET (security_barrier = false, security_invoker = true)",
            ["SET (security_barrier = true)", "RESET (security_invoker)"],
        ),
    ],
)
def test_options_change_when_old_code_can_bear_it(how: str, undo: list[str]):
    sql, runs = f"ALTER VIEW v {how}", [f"ALTER VIEW public.v {how}"]

    assert statements(sql, Phase.EXPAND, KNOWN) == statements(sql, Phase.ROLLBACK, KNOWN) == []
    assert statements(sql, Phase.CONTRACT, KNOWN) == runs
    assert statements(AT_EXPAND + sql, Phase.CONTRACT, KNOWN) == []
    assert statements(AT_EXPAND + sql, Phase.EXPAND, KNOWN) == runs
    assert statements(AT_EXPAND + sql, Phase.ROLLBACK, KNOWN) == [f"ALTER VIEW public.v {each}" for each in undo]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("ALTER VIEW missing SET (security_barrier)", 'view "public.missing" does not exist'),
        ("ALTER VIEW t SET (security_barrier)", "is a table, not a view"),
        ("ALTER VIEW v SET (security_barier)", 'a view has no option "security_barier"'),
        ("ALTER VIEW v SET (check_option = none)", "there are local and cascaded"),
        ("-- migrator: phase = backfill\nALTER VIEW v SET (security_barrier)", "in expand or in contract"),
    ],
)
def test_refused(sql: str, reason: str):
    assert reason in refusal(sql, KNOWN).message


def test_a_server_that_does_not_know_an_option_is_not_asked():
    old = dataclasses.replace(KNOWN, server_version=14)

    assert "needs PostgreSQL 15" in refusal("ALTER VIEW v SET (security_invoker = true)", old).message


def test_without_a_database_nothing_is_guessed():
    assert "not known without a database" in refusal("ALTER VIEW v RESET (security_barrier)", NOTHING).message


def test_with_an_undo_of_its_own_it_is_raw_sql():
    sql = f"{AT_EXPAND}-- migrator: undo = none\nALTER VIEW v SET (security_barrier)"

    assert statements(sql, Phase.EXPAND, KNOWN) == ["ALTER VIEW v SET (security_barrier)"]


def test_check_option_of_a_view_that_takes_no_rows_is_refused_before_anything(sandbox: Sandbox):
    sandbox.execute("CREATE TABLE t (n integer); CREATE VIEW v AS SELECT n, count(*) FROM t GROUP BY n")
    migration = sandbox.new("checked", f"{AT_EXPAND}ALTER VIEW v SET (check_option = local)")

    with pytest.raises(MigratorError, match="1 view through which no row can be inserted"):
        sandbox.expand(migration)


OPTIONS, RETYPING = "ALTER VIEW v SET (security_barrier = true)", "ALTER TABLE t ALTER n TYPE bigint"


@pytest.mark.parametrize(("first", "second"), [(OPTIONS, RETYPING), (RETYPING, AT_EXPAND + OPTIONS)])
def test_a_change_of_type_that_makes_the_view_anew_does_not_wait_beside_it(sandbox: Sandbox, first: str, second: str):
    """Its contract would find another view than the one that was there when it was planned."""
    sandbox.execute("CREATE TABLE t (id integer PRIMARY KEY, n integer); CREATE VIEW v AS SELECT id, n FROM t")
    one = sandbox.new("one", first)
    sandbox.expand(one)
    other = sandbox.new("other", second)

    with pytest.raises(MigratorError) as refused:
        sandbox.expand(other)
    assert "contract it first" in refused.value.render()
    sandbox.backfill(one)
    sandbox.contract(one, offline="nobody is connected in this test")
