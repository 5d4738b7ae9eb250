"""``IF EXISTS`` and ``IF NOT EXISTS``: what has nothing to do here is left out, and nothing new is dropped later."""

from __future__ import annotations

import pytest

from migrator.authoring.recognise import recognise
from migrator.model.schema import Schema
from migrator.sql.parser import parse_script
from tests.changes.plans import NOTHING, Phase, changes, index, plan, refusal, statements, users

KNOWN = users(indexes=(index("i", "name"),))
OTHER = "ALTER TABLE users ADD COLUMN other int"


def notes(sql: str, known: Schema = KNOWN) -> list[str]:
    return recognise(parse_script(f"{sql};\n{OTHER}", "change.sql"), known)[1]


def kinds(sql: str, known: Schema = KNOWN) -> list[str]:
    return [change.kind.name for change in changes(f"{sql};\n{OTHER}", known)][:-1]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("CREATE TABLE IF NOT EXISTS users (a int)", 'table "public.users" is there, and stays as it is'),
        ("CREATE TABLE IF NOT EXISTS public.users (a int)", 'table "public.users" is there, and stays as it is'),
        ("CREATE INDEX IF NOT EXISTS i ON users (id)", 'index "i" is there, and stays as it is'),
        ("ALTER TABLE users ADD COLUMN IF NOT EXISTS name int", 'column "name" of table "public.users" is there, and'),
        ("ALTER TABLE users DROP COLUMN IF EXISTS a", 'column "a" of table "public.users" is not there'),
        ("DROP INDEX IF EXISTS j", 'index "j" is not there'),
        ("DROP VIEW IF EXISTS v", 'view "public.v" is not there'),
        ("DROP TABLE IF EXISTS t CASCADE", 'table "public.t" is not there'),
    ],
)
def test_what_has_nothing_to_do_is_left_out_with_its_reason(sql: str, why: str):
    assert kinds(sql) == []
    (note,) = notes(sql)
    assert f"is left out: {why}" in note


def test_what_the_script_makes_behind_it_is_never_dropped():
    sql = "DROP TABLE IF EXISTS t; CREATE TABLE t (a int); DROP INDEX IF EXISTS j; CREATE INDEX j ON t (a)"

    assert kinds(sql) == ["create_table", "create_index"]
    assert statements(sql, Phase.CONTRACT, KNOWN) == []


def test_a_second_table_of_the_name_is_none():
    assert kinds("CREATE TABLE t (a int); CREATE TABLE IF NOT EXISTS t (b int)") == ["create_table"]


def test_without_the_condition_all_is_as_ever():
    assert "exists already" in refusal("CREATE TABLE users (a int)", KNOWN).message
    assert "does not exist" in refusal("DROP TABLE t", KNOWN).message


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE IF NOT EXISTS t (a int)", ["create_table"]),
        ("DROP INDEX IF EXISTS i", ["drop_index"]),
        ("ALTER TABLE users DROP COLUMN IF EXISTS name", ["drop_column"]),
        ("DROP TABLE users; CREATE TABLE IF NOT EXISTS users (a int)", ["drop_table", "create_table"]),
        ("DROP INDEX i; CREATE INDEX IF NOT EXISTS i ON users (id)", ["drop_index", "create_index"]),
        ("ALTER TABLE users DROP name, ADD COLUMN IF NOT EXISTS name int", ["drop_column", "add_column"]),
        ("ALTER TABLE users ADD a int, DROP COLUMN IF EXISTS a", ["add_column", "drop_column"]),
        ("ALTER TABLE users RENAME TO people; DROP TABLE IF EXISTS people", ["rename_table", "drop_table"]),
    ],
)
def test_what_has_something_to_do_is_left_to_its_kind(sql: str, expected: list[str]):
    assert kinds(sql) == expected


def test_nothing_is_concluded_without_a_database():
    assert kinds("ALTER TABLE users DROP COLUMN IF EXISTS a; CREATE TABLE IF NOT EXISTS users (a int)", NOTHING) == [
        "drop_column",
        "create_table",
    ]


def test_a_table_that_is_not_there_is_dropped_where_there_is_one():
    assert statements("DROP TABLE IF EXISTS t", Phase.CONTRACT, KNOWN) == ["DROP TABLE IF EXISTS public.t"]
    assert plan("DROP TABLE IF EXISTS t", KNOWN).notes == (
        "public.t is not there: contract drops it where there is one by then, with its rows",
    )
