"""``rename_table``: a view of the new name until contract, which swaps it for the table."""

from __future__ import annotations

import pytest

from migrator.model.objects import Grant
from migrator.planning import planner, touching
from tests.changes.plans import (
    ID,
    NOTHING,
    USERS,
    Column,
    Dependent,
    Phase,
    Relation,
    TableName,
    changes,
    drafts,
    plan,
    refusal,
    schema,
    statements,
)  # fmt: skip

SQL = "ALTER TABLE users RENAME TO people"
GRANTED = (Grant("", "SELECT"), Grant("app", "INSERT", is_grantable=True), Grant("app", "TRUNCATE"))
PEOPLE = TableName("public", "people")


def known(*others: Relation, version: int = 18, **facts):
    name = Column("name", "text", grants=(Grant("Clerk", "UPDATE"),))
    return schema(Relation(USERS, columns=(ID, name), grants=GRANTED, **facts), *others, server_version=version)


def test_expand_makes_a_view_with_the_privileges_of_the_table():
    assert statements(SQL, Phase.EXPAND, known()) == [
        "CREATE VIEW public.people WITH (security_invoker = true) AS SELECT id, name FROM public.users",
        "GRANT SELECT ON public.people TO PUBLIC",
        "GRANT INSERT ON public.people TO app WITH GRANT OPTION",
        'GRANT UPDATE (name) ON public.people TO "Clerk"',
    ]
    assert {draft.group for draft in drafts(SQL, Phase.EXPAND, known())} == {"users"}


def test_on_14_a_view_reads_with_the_rights_of_its_owner():
    view, *_ = statements(SQL, Phase.EXPAND, known(version=14))

    assert view == "CREATE VIEW public.people AS SELECT id, name FROM public.users"
    assert "has row security" in refusal(SQL, known(version=14, has_row_security=True)).message
    assert plan(SQL, known(version=15, has_row_security=True))


def test_contract_swaps_in_one_transaction_and_rollback_drops_the_view():
    assert statements(SQL, Phase.CONTRACT, known()) == [
        "DROP VIEW public.people", "ALTER TABLE public.users RENAME TO people",
    ]  # fmt: skip
    assert len({draft.group for draft in drafts(SQL, Phase.CONTRACT, known())}) == 1
    assert statements(SQL, Phase.ROLLBACK, known()) == ["DROP VIEW public.people"]


def test_functions_that_mention_it_are_told():
    assert "app.f mentions users" in plan(SQL, known(functions=("app.f",))).notes[0]


@pytest.mark.parametrize(
    ("sql", "there", "reason"),
    [
        (SQL, NOTHING, "are not known without a database"),
        (SQL, schema(), 'table "public.users" does not exist'),
        (SQL, known(Relation(PEOPLE, kind="view")), 'view "public.people" exists already'),
        (SQL, known(is_published=True), "is replicated logically"),
        (SQL, known(is_subscribed=True), "is replicated logically"),
        (f"{SQL}; ALTER TABLE users ADD a int", known(), 'rename_table of "public.users" beside other changes'),
        (f"ALTER TABLE users RENAME name TO n; {SQL}", known(), 'rename_table of "public.users" beside other changes'),
    ],
)
def test_what_cannot_be_is_refused(sql: str, there, reason: str):
    assert reason in refusal(sql, there).message


def test_no_other_change_of_the_table_may_be_pending():
    other = changes("ALTER TABLE users ADD COLUMN a int")

    assert touching.clashes(changes(SQL, known()), other) == touching.clashes(other, changes(SQL, known())) == [
        "public.users"
    ]  # fmt: skip


def test_what_came_to_stand_on_the_view_stands_against_contract():
    view = Relation(PEOPLE, kind="view", dependents=(Dependent("view", "app.adults", "id"),))

    with pytest.raises(Exception, match="which contract drops, is used by other objects"):
        planner.check_before_contract(
            changes(SQL, known()), migration="m", level=1, schema=known(view), built=frozenset()
        )
