"""``rename_constraint``: at contract, because code may name it."""

from __future__ import annotations

import pytest

from tests.changes.plans import Constraint, Phase, index, refusal, statements, users

SQL = "ALTER TABLE users RENAME CONSTRAINT c TO d"
CHECK = Constraint("c", "check", ("name",), "CHECK (name <> '')")


def test_it_is_renamed_at_contract():
    known = users(constraints=(CHECK,))

    assert statements(SQL, Phase.EXPAND, known) == statements(SQL, Phase.ROLLBACK, known) == []
    assert statements(SQL, Phase.CONTRACT, known) == ["ALTER TABLE public.users RENAME CONSTRAINT c TO d"]


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (users(), 'constraint "c" of table "public.users" does not exist'),
        (users(constraints=(CHECK,), indexes=(index("d", "name"),)), 'the name "d" is taken'),
        (users(constraints=(CHECK, Constraint("d", "check", (), ""))), 'the name "d" is taken'),
    ],
)
def test_what_cannot_be_is_refused(known, reason: str):
    assert reason in refusal(SQL, known).message
