"""``drop_index``: concurrently at contract, found by its name alone."""

from __future__ import annotations

import pytest

from tests.changes.plans import NOTHING, Phase, changes, drafts, index, plan, refusal, statements, users


def test_it_goes_concurrently_at_contract():
    known = users(indexes=(index("i", "name"),))

    for sql in ("DROP INDEX i", "DROP INDEX CONCURRENTLY IF EXISTS public.i"):
        assert statements(sql, Phase.EXPAND, known) == statements(sql, Phase.ROLLBACK, known) == []
        (draft,) = drafts(sql, Phase.CONTRACT, known)
        assert (draft.sql, draft.group) == ("DROP INDEX CONCURRENTLY IF EXISTS public.i", None)


def test_several_in_one_statement_are_several_changes():
    known = users(indexes=(index("i", "name"), index("j", "id")))

    assert [change.spec.index for change in changes("DROP INDEX i, j", known)] == ["i", "j"]


def test_upserts_are_named_for_a_unique_one():
    assert "ON CONFLICT" in plan("DROP INDEX i", users(indexes=(index("i", "name", is_unique=True),))).notes[0]


@pytest.mark.parametrize(
    ("sql", "known", "reason"),
    [
        ("DROP INDEX i", users(), 'index "i" does not exist'),
        ("DROP INDEX i", NOTHING, 'the table of index "i" is not known without a database'),
        ("DROP INDEX app.i", users(indexes=(index("i", "name"),)), 'index "i" does not exist'),
        ("DROP INDEX i CASCADE", users(indexes=(index("i", "name"),)), "CASCADE"),
        ("DROP INDEX i", users(indexes=(index("i", "name", constraint="k"),)), 'belongs to constraint "k"'),
    ],
)
def test_what_cannot_go_is_refused(sql: str, known, reason: str):
    assert reason in refusal(sql, known).message
