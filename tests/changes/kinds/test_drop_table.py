"""``drop_table``: at contract, and never one that others use."""

from __future__ import annotations

import pytest

from tests.changes.plans import Constraint, Dependent, Phase, changes, plan, refusal, schema, statements, users


def test_it_goes_at_contract():
    assert statements("DROP TABLE users", Phase.EXPAND, users()) == []
    assert statements("DROP TABLE users", Phase.CONTRACT, users()) == ["DROP TABLE public.users"]


def test_several_in_one_statement_are_several_changes():
    assert [str(change.spec.target) for change in changes("DROP TABLE IF EXISTS a, app.b")] == ["public.a", "app.b"]


def test_its_foreign_keys_and_the_functions_that_mention_it_are_told():
    foreign = Constraint("f", "foreign key", ("id",), "FOREIGN KEY (id) REFERENCES people(id)")

    function, key = plan("DROP TABLE users", users(constraints=(foreign,), functions=("app.count_users",))).notes

    assert function.startswith("function app.count_users mentions users in its text")
    assert key.startswith("f goes on to refuse deletes until contract, for new code too")


@pytest.mark.parametrize("action", ["CASCADE", "SET NULL", "SET NULL (id)"])
def test_a_foreign_key_that_lets_rows_be_deleted_needs_no_word(action: str):
    foreign = Constraint("f", "foreign key", ("id",), f"FOREIGN KEY (id) REFERENCES people(id) ON DELETE {action}")

    assert plan("DROP TABLE users", users(constraints=(foreign,))).notes == ()


@pytest.mark.parametrize(
    ("sql", "known", "reason"),
    [
        ("DROP TABLE users", schema(), 'table "public.users" does not exist'),
        ("DROP TABLE users CASCADE", users(), "CASCADE would drop objects that are not named"),
        ("DROP TABLE users", users(is_subscribed=True), "is written by a logical subscription"),
        *(("DROP TABLE users", users(dependents=(Dependent(kind, "x", "id"),)), "is used by other objects")
          for kind in ("view", "materialized view", "rule", "foreign key of another table", "publication")),
        ("CREATE TABLE t (a int); DROP TABLE t", schema(), "is created by this migration"),
        ("ALTER TABLE users ADD a int; DROP TABLE users", users(), 'drop_table of "public.users" beside other changes'),
    ],
)  # fmt: skip
def test_what_cannot_go_is_refused(sql: str, known, reason: str):
    assert reason in refusal(sql, known).message
