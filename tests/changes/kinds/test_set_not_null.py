"""``set_not_null``: NULL is refused at contract only, and filled before where the author says with what."""

from __future__ import annotations

import pytest

from tests.changes.plans import ID, NAME, Column, Phase, changes, drafts, plan, refusal, schema, statements, users

SQL = "ALTER TABLE users ALTER COLUMN name SET NOT NULL"
FILLED = f"-- migrator: fill = ''\n{SQL}"


def test_contract_adds_a_check_validates_it_and_then_sets_not_null():
    check, validate, tighten, drop = drafts(SQL, Phase.CONTRACT, users())

    name = check.sql.split()[5]
    assert check.sql == f"ALTER TABLE public.users ADD CONSTRAINT {name} CHECK (name IS NOT NULL) NOT VALID"
    assert validate.sql == f"ALTER TABLE public.users VALIDATE CONSTRAINT {name}"
    assert tighten.sql == "ALTER TABLE public.users ALTER COLUMN name SET NOT NULL"
    assert drop.sql == f"ALTER TABLE public.users DROP CONSTRAINT {name}"
    assert [draft.group for draft in (check, validate, tighten, drop)] == ["users", None, "users", "users"]


def test_without_fill_nothing_happens_before_contract_and_the_author_is_told():
    assert statements(SQL, Phase.EXPAND, users()) == statements(SQL, Phase.BACKFILL, users()) == []
    assert statements(SQL, Phase.ROLLBACK, users()) == []
    (note,) = plan(SQL, users()).notes
    assert "contract is refused while a row holds one" in note


def test_with_fill_a_trigger_and_the_backfill_put_it_in_place_of_null():
    function, trigger = drafts(FILLED, Phase.EXPAND, users())

    assert "IF NEW.name IS NULL THEN\n        NEW.name := '';" in function.sql
    assert "BEFORE INSERT OR UPDATE ON public.users" in trigger.sql
    assert statements(FILLED, Phase.BACKFILL, users()) == ["UPDATE public.users SET name = '' WHERE name IS NULL"]
    assert plan(FILLED, users()).notes == ()


def test_the_trigger_goes_with_contract_and_with_rollback():
    removal = statements(FILLED, Phase.ROLLBACK, users())

    assert [sql.split()[:2] for sql in removal] == [["DROP", "TRIGGER"], ["DROP", "FUNCTION"]]
    assert statements(FILLED, Phase.CONTRACT, users())[-2:] == removal
    assert [draft.undoes for draft in drafts(FILLED, Phase.ROLLBACK, users())] == ["trigger-fill", "function-fill"]


def test_fill_may_be_computed_from_other_columns():
    sql = f"-- migrator: fill = 'user ' || id\n{SQL}"

    (change,) = changes(sql, users())
    assert change.kind.touched(change.spec) == {change.spec.target: ("name", "id")}
    assert "NEW.name := 'user ' || new.id;" in drafts(sql, Phase.EXPAND, users())[0].sql


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        ("(SELECT 1)", "cannot hold a query"),
        ("users.id", "write columns without a table name"),
        ("1, 2", "not one SQL expression"),
        ("a b", "not one SQL expression"),
        ("''; DROP TABLE users", "not one SQL expression"),
        ("NULL::text", "fill = NULL::text is NULL itself"),
        ("nope", 'column "nope" of table "public.users" does not exist'),
    ],
)
def test_a_fill_that_is_not_one_expression_over_the_row_is_refused(fill: str, reason: str):
    assert reason in refusal(f"-- migrator: fill = {fill}\n{SQL}", users()).message


def test_fill_that_does_not_parse_is_refused():
    assert "syntax error" in refusal(f"-- migrator: fill = (1\n{SQL}", users()).message


@pytest.mark.parametrize(
    ("sql", "known", "reason"),
    [
        (SQL, users(ID, Column("name", "text", not_null=True)), "is NOT NULL already"),
        (SQL, users(ID), 'column "name" of table "public.users" does not exist'),
        (SQL, schema(), 'table "public.users" does not exist'),
        (SQL, users(kind="foreign table"), "not an ordinary table"),
        (SQL, users(inherits=True), "takes part in inheritance"),
        (FILLED, users(is_subscribed=True), "is written by a logical subscription"),
        (SQL, users(forces_row_security=True), "forces row security on its owner"),
    ],
)
def test_a_column_it_cannot_be_done_for_is_refused(sql: str, known, reason: str):
    refused = refusal(sql, known)

    assert reason in refused.message
    assert refused.at == f"change.sql:{sql.count(chr(10)) + 1}"


def test_only_and_foreign_tables_are_refused():
    assert refusal("ALTER TABLE ONLY users ALTER name SET NOT NULL", users()).hint == "leave ONLY out"
    assert "cannot be split safely" in refusal("ALTER FOREIGN TABLE users ALTER name SET NOT NULL", users()).message


def test_a_column_of_a_table_of_the_same_migration_is_refused():
    assert refusal(f"CREATE TABLE users (name text);\n{FILLED}").hint == "write NOT NULL there"


def test_its_trigger_fires_before_the_mirrors_of_renamings():
    (_, trigger) = drafts(FILLED, Phase.EXPAND, users())
    mirrors = [
        draft.sql.split()[2]
        for draft in drafts("ALTER TABLE users RENAME name TO full_name", Phase.EXPAND, users(ID, NAME))
        if draft.id.startswith("trigger")
    ]

    assert all(trigger.sql.split()[2] < mirror for mirror in mirrors)
