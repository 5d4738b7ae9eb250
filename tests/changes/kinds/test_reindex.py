"""``reindex``: concurrently, one index at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.objects import Objects
from tests.changes.plans import Phase, index, plan, refusal, statements, users

SQL = "REINDEX INDEX by_name"


def with_tablespaces(known):
    return replace(
        known,
        objects=Objects(
            tablespaces={"pg_default": True, "fast": True, "closed": False}, default_tablespace="pg_default"
        ),
    )


@pytest.mark.parametrize(
    "written",
    [
        "REINDEX (TABLESPACE fast) INDEX by_name",
        "REINDEX (TABLESPACE fast, CONCURRENTLY) INDEX by_name",
        "ALTER INDEX by_name SET TABLESPACE fast",
    ],
)
@pytest.mark.parametrize(("where", "back"), [("", "pg_default"), ("pg_default", "pg_default"), ("slow", "slow")])
def test_in_another_tablespace_it_is_built_by_expand_and_where_it_was_by_rollback(written: str, where: str, back: str):
    known = with_tablespaces(users(indexes=(index("by_name", "name", tablespace=where),)))

    assert statements(written, Phase.EXPAND, known) == ["REINDEX (TABLESPACE fast) INDEX CONCURRENTLY public.by_name"]
    assert statements(written, Phase.ROLLBACK, known) == [
        f"REINDEX (TABLESPACE {back}) INDEX CONCURRENTLY public.by_name"
    ]


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
        ("REINDEX (TABLESPACE nowhere) INDEX by_name", 'tablespace "nowhere" does not exist'),
        ("REINDEX (TABLESPACE pg_default) INDEX by_name", "already"),
        ("REINDEX (TABLESPACE closed) INDEX by_name", "may not put anything"),
        ("ALTER INDEX by_name SET TABLESPACE nowhere", 'tablespace "nowhere" does not exist'),
        ("REINDEX INDEX excluding", "serves an exclusion constraint"),
    ],
)
def test_what_would_make_others_wait_is_refused(sql: str, reason: str):
    known = with_tablespaces(users(indexes=(index("by_name", "name"), index("excluding", "name", is_exclusion=True))))

    assert reason in refusal(sql, known).message
