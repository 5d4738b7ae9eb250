"""``drop_constraint``: at contract, and never one that others stand on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.schema import Reference
from tests.changes.plans import Constraint, Phase, TableName, drafts, index, plan, refusal, statements, users

SQL = "ALTER TABLE users DROP CONSTRAINT c"
CHECK = Constraint("c", "check", ("name",), "CHECK (name <> '')")
UNIQUE = Constraint("c", "unique", ("name",), "UNIQUE (name)")
OWN = index("c", "name", is_unique=True, constraint="c")
KEY = Reference("f", TableName("public", "o"), ("name",), "FOREIGN KEY (x) REFERENCES public.users(name)", index="c")
FOREIGN = Constraint("c", "foreign key", ("id",), "FOREIGN KEY (id) REFERENCES app.people(id) NOT VALID")


def test_a_foreign_key_that_relies_on_another_key_over_the_columns_is_in_nobodys_way():
    other = index("p", "name", is_unique=True)
    known = users(constraints=(UNIQUE,), indexes=(OWN, other), references=(replace(KEY, index="p"),))

    assert statements(SQL, Phase.CONTRACT, known) == ["ALTER TABLE public.users DROP CONSTRAINT c"]


def test_it_goes_at_contract():
    known = users(constraints=(CHECK,))

    assert statements(SQL, Phase.EXPAND, known) == statements(SQL, Phase.ROLLBACK, known) == []
    assert statements(SQL, Phase.CONTRACT, known) == ["ALTER TABLE public.users DROP CONSTRAINT c"]
    assert plan(SQL, known).notes == ("new code must keep to CHECK (name <> '') until contract",)


def test_of_a_key_upserts_are_named():
    assert "ON CONFLICT (name)" in plan(SQL, users(constraints=(UNIQUE,))).notes[0]


def test_where_another_key_serves_upserts_it_is_named():
    other = index("once", "name", is_unique=True)
    notes = plan(SQL, users(constraints=(UNIQUE,), indexes=(other,))).notes

    assert notes[0].startswith("ON CONFLICT (name) goes on by once")
    for unfit in (replace(other, is_immediate=False), replace(other, is_valid=False)):
        assert "must not upsert" in plan(SQL, users(constraints=(UNIQUE,), indexes=(unfit,))).notes[0]


def test_of_a_foreign_key_both_tables_are_named_as_locked():
    (draft,) = drafts(SQL, Phase.CONTRACT, users(constraints=(FOREIGN,)))

    assert draft.locks == "ACCESS EXCLUSIVE ON public.users, ACCESS EXCLUSIVE ON app.people"


def test_if_exists_it_need_not_be_there():
    sql = "ALTER TABLE users DROP CONSTRAINT IF EXISTS c"

    assert statements(sql, Phase.CONTRACT, users()) == ["ALTER TABLE public.users DROP CONSTRAINT IF EXISTS c"]
    assert plan(sql, users()).notes == (
        "public.users has no constraint c: contract drops it where there is one by then",
    )
    assert "new code must keep to" in plan(sql, users(constraints=(CHECK,))).notes[0]


@pytest.mark.parametrize(
    ("sql", "known", "reason"),
    [
        (SQL, users(), 'constraint "c" of table "public.users" does not exist'),
        (f"{SQL} CASCADE", users(constraints=(CHECK,)), "CASCADE would drop objects that are not named"),
        (SQL, users(constraints=(replace(UNIQUE, held_by=("view public.v",)),)), "is relied on by other objects"),
        (SQL, users(constraints=(Constraint("c", "not null", ("name",), ""),)), 'table "public.users" is NOT NULL'),
        (SQL, users(constraints=(UNIQUE,), indexes=(OWN,), references=(KEY,)), "foreign keys rely on constraint"),
    ],
)  # fmt: skip
def test_what_cannot_go_is_refused(sql: str, known, reason: str):
    assert reason in refusal(sql, known).message
