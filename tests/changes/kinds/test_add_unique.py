"""``add_unique``: an index built concurrently at contract, then the constraint that takes it."""

from __future__ import annotations

import pytest

from migrator.planning import planner
from tests.changes.plans import MIGRATION, Phase, changes, drafts, index, refusal, schema, statements, users

SQL = "ALTER TABLE users ADD UNIQUE (name)"


def test_the_index_is_built_outside_a_transaction_and_then_taken():
    assert statements(SQL, Phase.EXPAND, users()) == statements(SQL, Phase.ROLLBACK, users()) == []
    assert statements(SQL, Phase.CONTRACT, users()) == [
        "CREATE UNIQUE INDEX CONCURRENTLY users_name_key ON public.users USING btree (name)",
        "ALTER TABLE public.users ADD CONSTRAINT users_name_key UNIQUE USING INDEX users_name_key",
    ]
    assert [draft.group for draft in drafts(SQL, Phase.CONTRACT, users())] == [None, "users"]


def test_every_feature_of_a_key_is_kept():
    built, taken = statements(
        'ALTER TABLE users ADD CONSTRAINT "K" UNIQUE NULLS NOT DISTINCT (name) INCLUDE (id) WITH (fillfactor = 70)'
        " DEFERRABLE INITIALLY DEFERRED",
        Phase.CONTRACT,
        users(),
    )

    assert built == (
        'CREATE UNIQUE INDEX CONCURRENTLY "K" ON public.users USING btree (name) INCLUDE (id) NULLS NOT DISTINCT'
        " WITH (fillfactor=70)"
    )
    assert taken == ('ALTER TABLE public.users ADD CONSTRAINT "K" UNIQUE USING INDEX "K" DEFERRABLE INITIALLY DEFERRED')


@pytest.mark.parametrize(
    ("nulls", "where"), [("", "WHERE true AND name IS NOT NULL"), ("NULLS NOT DISTINCT", "WHERE true")]
)
def test_duplicates_are_counted_before_the_gate(nulls: str, where: str):
    found = changes(f"ALTER TABLE users ADD UNIQUE {nulls} (name)", users())

    ((_, obstacle),) = planner.obstacles_of(found, migration=MIGRATION, level=1, schema=users())

    assert " ".join(obstacle.count.split()) == (
        f"SELECT count(*) FROM ( SELECT FROM public.users {where} GROUP BY name HAVING count(*) > 1 ) AS duplicates"
    )


def test_a_generated_name_names_the_columns_of_include_too():
    (change,) = changes("ALTER TABLE users ADD UNIQUE (name) INCLUDE (id)", users())

    assert change.spec.constraint == "users_name_id_key"


@pytest.mark.parametrize(
    ("sql", "known", "reason"),
    [
        ("ALTER TABLE users ADD CONSTRAINT c UNIQUE USING INDEX i", users(), 'USING INDEX "i" takes an index'),
        (SQL, users(indexes=(index("users_name_key", "name"),)), "an index of the name"),
        ("ALTER TABLE users ADD UNIQUE (nothing)", users(), 'column "nothing"'),
        (SQL, schema(), 'table "public.users" does not exist'),
    ],
)
def test_what_cannot_work_is_refused(sql: str, known, reason: str):
    assert reason in refusal(sql, known).message
