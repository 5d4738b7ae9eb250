"""``set_default``: at contract, or at expand where old code may get the new default too."""

from __future__ import annotations

import pytest

from tests.changes.plans import ID, Column, Phase, drafts, refusal, statements, users

SET = "ALTER TABLE users ALTER name SET DEFAULT 'b'"
DROP = "ALTER TABLE users ALTER name DROP DEFAULT"
KNOWN = users(ID, Column("name", "text", default="'a'::text"))


@pytest.mark.parametrize(
    ("sql", "ran"),
    [
        (SET, "ALTER TABLE public.users ALTER COLUMN name SET DEFAULT 'b'"),
        (DROP, "ALTER TABLE public.users ALTER COLUMN name DROP DEFAULT"),
        ("ALTER TABLE users ALTER name SET DEFAULT NULL", "ALTER TABLE public.users ALTER COLUMN name DROP DEFAULT"),
    ],
)
def test_it_waits_for_contract(sql: str, ran: str):
    assert statements(sql, Phase.EXPAND, KNOWN) == statements(sql, Phase.ROLLBACK, KNOWN) == []
    assert statements(sql, Phase.CONTRACT, KNOWN) == [ran]


@pytest.mark.parametrize(
    ("known", "restored"),
    [
        (KNOWN, "ALTER TABLE public.users ALTER COLUMN name SET DEFAULT 'a'::text"),
        (users(), "ALTER TABLE public.users ALTER COLUMN name DROP DEFAULT"),
    ],
)
def test_the_directive_makes_it_a_part_of_expand_and_rollback_restores_what_was(known, restored: str):
    sql = f"-- migrator: phase = expand\n{SET}"

    assert statements(sql, Phase.EXPAND, known) == ["ALTER TABLE public.users ALTER COLUMN name SET DEFAULT 'b'"]
    assert statements(sql, Phase.CONTRACT, known) == []
    (undo,) = drafts(sql, Phase.ROLLBACK, known)
    assert (undo.sql.replace("CAST('a' AS text)", "'a'::text"), undo.undoes) == (restored, "default-name")


@pytest.mark.parametrize(
    ("sql", "known", "reason"),
    [
        ("ALTER TABLE users ALTER id SET DEFAULT 1", KNOWN, "computes its values itself"),
        (f"-- migrator: phase = expand\n{DROP}", users(Column("name", "text", not_null=True, default="'a'")),
         "is NOT NULL: inserts of old code"),
        ("-- migrator: phase = expand\nALTER TABLE users ALTER name SET DEFAULT NULL::text",
         users(Column("name", "text", not_null=True, default="'a'")), "is NOT NULL: inserts of old code"),
        (f"-- migrator: phase = now\n{SET}", KNOWN, "phase = now"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(sql: str, known, reason: str):
    assert reason in refusal(sql, known).message
