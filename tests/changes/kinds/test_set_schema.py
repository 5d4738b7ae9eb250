"""``set_schema``: in both schemas until contract, or refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.objects import Namespace, Objects
from tests.changes.plans import ID, NAME, Phase, Relation, TableName, plan, refusal, schema, statements, users

OBJECTS = Objects(schemas={"app": Namespace(), "closed": Namespace(is_usable=False)}, may_create_in_database=True)
KNOWN = replace(users(), objects=OBJECTS, server_version=15)


def test_a_view_stands_in_the_new_schema_until_the_table_comes():
    sql = "ALTER TABLE users SET SCHEMA app"

    assert statements(sql, Phase.EXPAND, KNOWN) == [
        "CREATE VIEW app.users WITH (security_invoker = true) AS SELECT id, name FROM public.users"
    ]
    assert statements(sql, Phase.CONTRACT, KNOWN) == ["DROP VIEW app.users", "ALTER TABLE public.users SET SCHEMA app"]
    assert statements(sql, Phase.ROLLBACK, KNOWN) == ["DROP VIEW app.users"]


def test_the_schema_may_come_with_the_migration():
    sql = "CREATE SCHEMA fresh; ALTER TABLE users SET SCHEMA fresh"

    assert statements(sql, Phase.EXPAND, KNOWN)[0] == "CREATE SCHEMA fresh"
    assert plan(sql, KNOWN)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("ALTER TABLE users SET SCHEMA missing", 'schema "missing" does not exist'),
        ("ALTER TABLE users SET SCHEMA closed", "may not create"),
        ("ALTER TABLE users SET SCHEMA public", "is in schema"),
        ("ALTER VIEW v SET SCHEMA app", "running code knows it where it is"),
        ("ALTER FUNCTION f() SET SCHEMA app", "running code knows it where it is"),
    ],
)
def test_refusals(sql: str, reason: str):
    assert reason in refusal(sql, KNOWN).message


def test_a_name_that_is_taken_there_is_refused():
    taken = schema(
        Relation(TableName("public", "users"), columns=(ID, NAME)), Relation(TableName("app", "users"), columns=(ID,))
    )

    assert (
        'table "app.users" exists already'
        in refusal("ALTER TABLE users SET SCHEMA app", replace(taken, objects=OBJECTS, server_version=15)).message
    )
