"""``drop_not_null``: at contract, or at expand where the author says that old code can read NULL."""

from __future__ import annotations

import pytest

from migrator.planning import planner
from tests.changes.plans import (
    ID,
    MIGRATION,
    Column,
    Constraint,
    Phase,
    changes,
    drafts,
    plan,
    refusal,
    statements,
    users,
)  # fmt: skip

SQL = "ALTER TABLE users ALTER name DROP NOT NULL"
AT_EXPAND = f"-- migrator: phase = expand\n{SQL}"
KNOWN = users(ID, Column("name", "text", not_null=True))
KEY = Constraint("p", "primary key", ("name",), "")


def test_it_waits_for_contract():
    assert statements(SQL, Phase.EXPAND, KNOWN) == statements(SQL, Phase.ROLLBACK, KNOWN) == []
    assert statements(SQL, Phase.CONTRACT, KNOWN) == ["ALTER TABLE public.users ALTER COLUMN name DROP NOT NULL"]
    assert "only after contract" in plan(SQL, KNOWN).notes[0]


def test_the_directive_makes_it_a_part_of_expand_and_rollback_proves_it_anew():
    assert statements(AT_EXPAND, Phase.EXPAND, KNOWN) == ["ALTER TABLE public.users ALTER COLUMN name DROP NOT NULL"]
    assert statements(AT_EXPAND, Phase.CONTRACT, KNOWN) == []
    undoing = drafts(AT_EXPAND, Phase.ROLLBACK, KNOWN)
    assert [(draft.id, draft.group) for draft in undoing] == [
        ("add-check", "users"), ("validate-check", None), ("set-not-null", "users"), ("drop-check", "users"),
    ]  # fmt: skip


def test_rows_that_hold_null_stand_against_its_rollback():
    ((_, obstacle),) = planner.obstacles_of(changes(AT_EXPAND, KNOWN), migration=MIGRATION, level=1, schema=KNOWN)

    assert obstacle.phase is Phase.ROLLBACK
    assert obstacle.problem == "rows of public.users hold NULL in name"


@pytest.mark.parametrize(
    ("sql", "known", "reason"),
    [
        (SQL, users(), 'column "name" of table "public.users" may be NULL already'),
        ("ALTER TABLE users ALTER id DROP NOT NULL", KNOWN, "is an identity column"),
        (SQL, users(Column("name", "text", not_null=True), constraints=(KEY,)),
         "is in the primary key"),
        (f"-- migrator: phase = backfill\n{SQL}", KNOWN, "phase = backfill"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(sql: str, known, reason: str):
    assert reason in refusal(sql, known).message
