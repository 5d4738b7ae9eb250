"""``add_primary_key``: an index built concurrently at contract, on columns that cannot be NULL."""

from __future__ import annotations

import pytest

from tests.changes.plans import Column, Constraint, Phase, index, plan, refusal, statements, users

SQL = "ALTER TABLE users ADD PRIMARY KEY (a, b)"
A, B = Column("a", "bigint", not_null=True), Column("b", "bigint", not_null=True)


def test_the_index_is_built_first():
    assert statements(SQL, Phase.EXPAND, users(A, B)) == []
    assert statements(SQL, Phase.CONTRACT, users(A, B)) == [
        "CREATE UNIQUE INDEX CONCURRENTLY users_pkey ON public.users USING btree (a, b)",
        "ALTER TABLE public.users ADD CONSTRAINT users_pkey PRIMARY KEY USING INDEX users_pkey",
    ]


def test_without_a_database_it_is_said_what_was_not_checked():
    assert plan(SQL).notes[0] == "whether public.users (a, b) may be NULL could not be checked without a database"


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (users(A, Column("b", "bigint")), 'column "b" of table "public.users" may be NULL'),
        (users(A, B, constraints=(Constraint("p", "primary key", ("a",), ""),)), "has a primary key already: p"),
        (users(A, B, constraints=(Constraint("users_pkey", "primary key", ("a",), ""),)), "has a primary key already"),
        (users(A, B, indexes=(index("users_pkey", "a"),)), 'an index of the name "users_pkey" exists already'),
    ],
)
def test_what_cannot_work_is_refused(known, reason: str):
    assert reason in refusal(SQL, known).message
