"""``reindex``: concurrently, one index at a time."""

from __future__ import annotations

import pytest

from tests.changes.plans import Phase, index, plan, refusal, statements, users

SQL = "REINDEX INDEX by_name"


@pytest.mark.parametrize("written", [SQL, "REINDEX INDEX CONCURRENTLY by_name", "REINDEX (VERBOSE) INDEX by_name"])
def test_it_is_built_concurrently_by_expand(written: str):
    known = users(indexes=(index("by_name", "name", constraint="k"),))

    assert statements(written, Phase.EXPAND, known) == ["REINDEX INDEX CONCURRENTLY public.by_name"]
    assert statements(written, Phase.CONTRACT, known) == statements(written, Phase.ROLLBACK, known) == []


def test_an_invalid_one_becomes_valid():
    known = users(indexes=(index("by_name", "name", is_valid=False),))

    assert plan(SQL, known).notes == ("index by_name is invalid; it is valid afterwards",)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("REINDEX INDEX other", 'index "other" does not exist'),
        ("REINDEX TABLE users", "cannot go on where it was cut off"),
        ("REINDEX SCHEMA public", "cannot go on where it was cut off"),
        ("REINDEX (TABLESPACE fast) INDEX by_name", "another tablespace"),
        ("REINDEX INDEX excluding", "serves an exclusion constraint"),
    ],
)
def test_what_would_make_others_wait_is_refused(sql: str, reason: str):
    known = users(indexes=(index("by_name", "name"), index("excluding", "name", is_exclusion=True)))

    assert reason in refusal(sql, known).message
