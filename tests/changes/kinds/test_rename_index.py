"""``rename_index``: by expand, because no query names an index."""

from __future__ import annotations

import pytest

from tests.changes.plans import Phase, drafts, index, refusal, statements, users

SQL = "ALTER INDEX i RENAME TO j"


def test_expand_renames_and_rollback_renames_back():
    known = users(indexes=(index("i", "name"),))

    assert statements(SQL, Phase.EXPAND, known) == ["ALTER INDEX public.i RENAME TO j"]
    assert statements(SQL, Phase.CONTRACT, known) == []
    (undo,) = drafts(SQL, Phase.ROLLBACK, known)
    assert (undo.sql, undo.undoes) == ("ALTER INDEX public.j RENAME TO i", "rename-i")


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (users(), 'index "i" does not exist'),
        (users(indexes=(index("i", "name"), index("j", "id"))), 'index "j" of table "public.users" exists already'),
        (users(indexes=(index("i", "name", constraint="k"),)), 'belongs to constraint "k"'),
    ],
)
def test_what_cannot_be_is_refused(known, reason: str):
    assert reason in refusal(SQL, known).message
