"""``add_check``: nothing before contract, then NOT VALID and a validation outside the transaction."""

from __future__ import annotations

import pytest

from tests.changes.plans import Constraint, Phase, changes, drafts, plan, refusal, schema, statements, users

SQL = "ALTER TABLE users ADD CHECK (name <> '')"


def test_old_code_may_violate_it_until_contract():
    assert statements(SQL, Phase.EXPAND, users()) == statements(SQL, Phase.ROLLBACK, users()) == []
    assert statements(SQL, Phase.CONTRACT, users()) == [
        "ALTER TABLE public.users ADD CONSTRAINT users_name_check CHECK (name <> '') NOT VALID",
        "ALTER TABLE public.users VALIDATE CONSTRAINT users_name_check",
    ]
    assert [draft.group for draft in drafts(SQL, Phase.CONTRACT, users())] == ["users", None]
    assert plan(SQL, users()).notes == (
        "users_name_check is enforced by contract: until then old code may write rows that violate it",
    )


@pytest.mark.parametrize(
    ("condition", "name"),
    [("name <> ''", "users_name_check"), ("name <> '' OR id > 0", "users_check"), ("true", "users_check")],
)
def test_it_is_named_as_postgresql_would(condition: str, name: str):
    (change,) = changes(f"ALTER TABLE users ADD CHECK ({condition})", users())

    assert change.spec.constraint == name


def test_no_inherit_is_kept_and_a_given_name_too():
    first, _ = statements("ALTER TABLE users ADD CONSTRAINT c CHECK (id > 0) NO INHERIT", Phase.CONTRACT, users())

    assert first == "ALTER TABLE public.users ADD CONSTRAINT c CHECK (id > 0) NO INHERIT NOT VALID"


def test_it_relies_on_the_columns_of_its_condition():
    (change,) = changes("ALTER TABLE users ADD CHECK (length(name) > id)", users())

    assert list(change.kind.touched(change.spec).values()) == [("name", "id")]


def test_not_valid_leaves_rows_unchecked_and_says_so():
    add = "ALTER TABLE public.users ADD CONSTRAINT users_name_check CHECK (name <> '') NOT VALID"

    assert statements(f"{SQL} NOT VALID", Phase.CONTRACT, users()) == [add]
    assert "ALTER TABLE public.users VALIDATE CONSTRAINT users_name_check" in plan(f"{SQL} NOT VALID", users()).notes[1]


def test_not_valid_with_its_validation_is_the_constraint():
    joined = f"{SQL} NOT VALID; ALTER TABLE users VALIDATE CONSTRAINT users_name_check"
    of_another = f"{SQL} NOT VALID; ALTER TABLE users VALIDATE CONSTRAINT other"

    assert plan(joined, users()).drafts == plan(SQL, users()).drafts
    assert [change.kind.name for change in changes(of_another, users())] == ["add_check", "validate_constraint"]


def test_a_table_that_is_new_has_it_from_the_start():
    sql = "CREATE TABLE t (a int); ALTER TABLE t ADD CHECK (a > 0)"

    assert statements(sql, Phase.EXPAND, schema())[1] == "ALTER TABLE public.t ADD CONSTRAINT t_a_check CHECK (a > 0)"
    assert statements(sql, Phase.CONTRACT, schema()) == []
    assert plan(sql, schema()).notes == ()


@pytest.mark.parametrize(
    ("sql", "known", "reason"),
    [
        ("ALTER TABLE users ADD CHECK (nothing > 0)", users(), 'column "nothing" of table "public.users" does not'),
        (SQL, schema(), 'table "public.users" does not exist'),
        (SQL, users(constraints=(Constraint("users_name_check", "check", (), ""),)), "exists already"),
        ("ALTER TABLE users ADD CHECK (id IN (SELECT 1))", users(), "a CHECK cannot hold a query"),
    ],
)
def test_what_cannot_work_is_refused(sql: str, known, reason: str):
    assert reason in refusal(sql, known).message
