"""``change_primary_key``: two statements that are one change, in one transaction of contract."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.schema import Reference, Schema
from tests.changes.plans import (
    USERS,
    Column,
    Constraint,
    Phase,
    TableName,
    changes,
    index,
    plan,
    refusal,
    statements,
    users,
)

A, B, C = (Column(name, "bigint", not_null=name != "c") for name in "abc")
DROP = "ALTER TABLE users DROP CONSTRAINT users_pkey"
SQL = f"{DROP}, ADD PRIMARY KEY (b, a)"
OLD = Constraint("users_pkey", "primary key", ("a",), "PRIMARY KEY (a)")


def keyed(*more: Any, columns: tuple[Column, ...] = (A, B, C), **facts: Any) -> Schema:
    primary = index("users_pkey", "a", is_unique=True, is_primary=True, constraint="users_pkey")
    return users(*columns, constraints=(OLD,), indexes=(primary, *more), **facts)


@pytest.mark.parametrize(
    "sql",
    [
        SQL,
        "ALTER TABLE users ADD PRIMARY KEY (b, a), DROP CONSTRAINT users_pkey",
        f"{DROP}; ALTER TABLE users ADD PRIMARY KEY (b, a)",
        f"{DROP}; CREATE TABLE other (id int); ALTER TABLE public.users ADD CONSTRAINT users_pkey PRIMARY KEY (b, a)",
    ],
)
@pytest.mark.parametrize("known", [keyed(), Schema()], ids=["known", "unknown"])
def test_two_actions_are_one_change(sql: str, known: Schema):
    found = [change for change in changes(sql, known) if change.kind.name != "create_table"]

    assert [change.as_table() for change in found] == [
        {
            "kind": "change_primary_key",
            "schema": "public",
            "table": "users",
            "constraint": "users_pkey",
            "definition": "PRIMARY KEY (b, a)",
            "replaces": "users_pkey",
        }
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE users DROP CONSTRAINT filled; ALTER TABLE users ADD PRIMARY KEY (b)",
        "ALTER TABLE users DROP CONSTRAINT users_pkey; ALTER TABLE others ADD PRIMARY KEY (b)",
    ],
)
def test_of_another_constraint_or_table_they_stay_two(sql: str):
    assert [change.kind.name for change in changes(sql, keyed())] == ["drop_constraint", "add_primary_key"]


def test_a_column_that_is_added_as_the_primary_key_takes_the_place_of_the_old_one():
    sql = f"{DROP}, ADD COLUMN k bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    found = changes(sql, keyed())

    assert [change.kind.name for change in found] == ["add_column", "change_primary_key"]
    assert found[1].as_table()["definition"] == "PRIMARY KEY (k)"


def test_a_comment_on_the_new_key_comes_with_it():
    sql = f"{SQL}; COMMENT ON TABLE users IS 'who'; COMMENT ON CONSTRAINT users_pkey ON users IS 'by b'"

    assert [change.kind.name for change in changes(sql, keyed())] == ["change_primary_key", "comment"]
    assert statements(sql, Phase.CONTRACT, keyed())[2:] == [
        "COMMENT ON CONSTRAINT users_pkey ON public.users IS 'by b'"
    ]


def test_it_stands_where_the_later_of_both_stood():
    sql = f"{DROP}; ALTER TABLE users ADD UNIQUE (a); ALTER TABLE users ADD PRIMARY KEY (b)"

    assert [change.kind.name for change in changes(sql, keyed())] == ["add_unique", "change_primary_key"]


def test_both_keys_change_places_in_one_statement():
    under_its_name = f"{DROP}, ADD CONSTRAINT by_b PRIMARY KEY (b, a) INCLUDE (c) DEFERRABLE"
    build, change = statements(under_its_name, Phase.CONTRACT, keyed())

    assert statements(SQL, Phase.EXPAND, keyed()) == statements(SQL, Phase.ROLLBACK, keyed()) == []
    assert build == "CREATE UNIQUE INDEX CONCURRENTLY by_b ON public.users USING btree (b, a) INCLUDE (c)"
    assert change == (
        "ALTER TABLE public.users DROP CONSTRAINT users_pkey,"
        " ADD CONSTRAINT by_b PRIMARY KEY USING INDEX by_b DEFERRABLE"
    )


def test_the_index_has_another_name_while_the_old_key_has_its_own():
    build, change = statements(SQL, Phase.CONTRACT, keyed())
    name = build.split()[4]

    assert name.startswith("migrator_users_pkey_")
    assert change == (
        f"ALTER TABLE public.users DROP CONSTRAINT users_pkey, ADD CONSTRAINT users_pkey PRIMARY KEY USING INDEX {name}"
    )


def test_what_new_code_may_not_do_is_said():
    alone = plan(SQL, keyed()).notes
    served = plan(SQL, keyed(index("once", "a", is_unique=True))).notes
    already = plan(SQL, keyed(index("two", "a", "b", is_unique=True))).notes
    coming = plan(f"ALTER TABLE users ADD CONSTRAINT one UNIQUE (a); {SQL}", keyed()).notes

    assert alone[0].startswith("the key (a) is enforced until contract, (b, a) from contract on")
    assert "must not upsert with ON CONFLICT (b, a) before contract" in alone[0]
    assert "(b, a) already, by two: new code must keep to both, and may upsert with ON CONFLICT (b, a)" in already[0]
    assert "new code must not upsert with ON CONFLICT (a) any more" in alone[1]
    assert "ON CONFLICT (a) goes on after contract, by once" in served
    assert "ON CONFLICT (a) goes on after contract, by one" in coming


def test_a_table_that_a_subscription_writes_comes_with_a_note():
    assert any("a subscription writes public.users" in note for note in plan(SQL, keyed(is_subscribed=True)).notes)
    assert not any("a subscription writes" in note for note in plan(SQL, keyed()).notes)


def test_foreign_keys_that_rely_on_the_old_key_are_let_go_and_given_back():
    key = Reference(
        "f", TableName("app", "o"), ("a",), "FOREIGN KEY (x) REFERENCES public.users(a)", comment="whose",
        index="users_pkey",
    )  # fmt: skip
    other = Reference("g", USERS, ("a",), "FOREIGN KEY (c) REFERENCES public.users(a)", index="once")
    known = keyed(index("once", "a", is_unique=True), references=(key, other))

    assert statements(SQL, Phase.CONTRACT, known)[1:] == [
        "ALTER TABLE app.o DROP CONSTRAINT f",
        statements(SQL, Phase.CONTRACT, keyed())[1],
        "ALTER TABLE app.o ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES public.users (a) NOT VALID",
        "COMMENT ON CONSTRAINT f ON app.o IS 'whose'",
        "ALTER TABLE app.o VALIDATE CONSTRAINT f",
    ]


def test_columns_may_become_not_null_in_the_same_migration():
    column = "ALTER TABLE users ADD COLUMN k bigint GENERATED ALWAYS AS IDENTITY"

    *_, not_null, _ = statements(f"ALTER TABLE users ALTER c SET NOT NULL; {DROP}, ADD PRIMARY KEY (c)", Phase.CONTRACT,
                                 keyed())[:4]  # fmt: skip
    assert "NOT NULL" in not_null
    contract = statements(f"{column}; {DROP}, ADD PRIMARY KEY (k)", Phase.CONTRACT, keyed())
    ordered = [
        next(place for place, text in enumerate(contract) if part in text) for part in ("SET NOT NULL", "CONCURRENTLY")
    ]
    assert ordered == sorted(ordered)


@pytest.mark.parametrize(
    ("sql", "known", "reason"),
    [
        (f"{DROP}, ADD PRIMARY KEY (c)", keyed(), 'column "c" of table "public.users" may be NULL'),
        (f"{DROP}, ADD PRIMARY KEY (c); ALTER TABLE users ALTER c SET NOT NULL", keyed(), "may be NULL"),
        (f"ALTER TABLE users ADD k int; {DROP}, ADD PRIMARY KEY (k)", keyed(), 'column "k" of table "public.users"'),
        (SQL, keyed(index("users_pkey_1", "c"), references=(
            Reference("f", USERS, ("a",), "FOREIGN KEY (c) REFERENCES public.users(a)", index="users_pkey"),)),
         "no other key than users_pkey is over these columns"),
        (f"{DROP}, ADD CONSTRAINT i PRIMARY KEY (b)", keyed(index("i", "c")), 'an index of the name "i" exists'),
        (f"CREATE TABLE o (x bigint REFERENCES users); {SQL}", keyed(), "create_table beside makes a foreign key"),
        (f"CREATE TABLE o (x bigint REFERENCES users (a)); {SQL}", keyed(), "would rely on primary key users_pkey"),
        (f"{DROP}, ADD PRIMARY KEY USING INDEX i", keyed(), "takes an index that must exist before"),
        (SQL, keyed(kind="partition"), "is a partition, which has the primary key of the table above it"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(sql: str, known: Schema, reason: str):
    error = refusal(sql, known)

    assert reason in f"{error.message}\n{error.detail}"
