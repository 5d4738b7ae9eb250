"""``set_tablespace``: small tables only, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.objects import Objects
from tests.changes.plans import NOTHING, Phase, index, plan, refusal, schema, statements, users

SQL = "ALTER TABLE users SET TABLESPACE fast"
SPACES = Objects(tablespaces={"pg_default": True, "fast": True, "closed": False}, default_tablespace="pg_default")


def known(**facts: object):
    return replace(users(**facts), objects=SPACES)


@pytest.mark.parametrize("kind", ["table", "partition", "partitioned table"])
def test_it_is_moved_by_expand_and_back_by_rollback(kind: str):
    assert statements(SQL, Phase.EXPAND, known(kind=kind)) == ["ALTER TABLE public.users SET TABLESPACE fast"]
    assert statements(SQL, Phase.CONTRACT, known(kind=kind)) == []
    assert statements(SQL, Phase.ROLLBACK, known(kind=kind)) == ["ALTER TABLE public.users SET TABLESPACE pg_default"]
    assert statements(SQL, Phase.ROLLBACK, known(kind=kind, tablespace="slow")) == [
        "ALTER TABLE public.users SET TABLESPACE slow"
    ]


def test_a_materialized_view_is_called_one():
    view = known(kind="materialized view")

    assert statements("ALTER MATERIALIZED VIEW users SET TABLESPACE fast", Phase.EXPAND, view) == [
        "ALTER MATERIALIZED VIEW public.users SET TABLESPACE fast"
    ]


def test_of_a_partitioned_table_nothing_is_copied_however_large_it_is():
    (note,) = plan(SQL, known(kind="partitioned table", total_bytes=10**12)).notes

    assert "stay where they are" in note


def test_the_indexes_that_stay_are_named():
    assert plan(SQL, known(indexes=(index("by_name", "name"),))).notes == (
        "reads and writes of users wait while its files are copied, for lock_timeout at most",
        "indexes stay where they are: by_name",
    )


@pytest.mark.parametrize(
    ("sql", "facts", "reason"),
    [
        (SQL, NOTHING, "is not known without a database"),
        (SQL, replace(schema(), objects=SPACES), "does not exist"),
        (SQL, known(kind="view"), "no files of its own"),
        (SQL, known(total_bytes=33 * 1024**2), "has 33 MB: reads and writes would wait"),
        (SQL, known(kind="partition", total_bytes=33 * 1024**2), "has 33 MB: reads and writes would wait"),
        (SQL, known(tablespace="fast"), "already"),
        (SQL.replace("fast", "pg_default"), known(), "already"),
        (SQL.replace("fast", "nowhere"), known(), 'tablespace "nowhere" does not exist'),
        (SQL.replace("fast", "pg_global"), known(), 'tablespace "pg_global" does not exist'),
        (SQL.replace("fast", "closed"), known(), "may not put anything"),
        ("ALTER TABLE ALL IN TABLESPACE slow SET TABLESPACE fast", known(), "one after the other"),
        (f"CREATE TABLE t (id int); {SQL.replace('users', 't')}", known(), "is created by this migration"),
    ],
)
def test_what_would_make_others_wait_or_cannot_be_is_refused(sql: str, facts, reason: str):
    assert reason in refusal(sql, facts).message
