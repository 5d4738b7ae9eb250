"""``create_schema`` and ``drop_schema``: what is new is filled in one migration, what is not empty stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.objects import Namespace, Objects
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from tests.changes.plans import Phase, plan, refusal, schema, statements

KNOWN = replace(
    schema(),
    objects=Objects(
        schemas={"full": Namespace(("table full.t",)), "free": Namespace()},
        roles=frozenset({"ann"}),
        may_create_in_database=True,
    ),
)


def test_a_schema_comes_with_what_is_in_it():
    sql = "CREATE SCHEMA IF NOT EXISTS app AUTHORIZATION ann; CREATE TABLE app.t (id int)"

    assert statements(sql, Phase.EXPAND, KNOWN)[0] == "CREATE SCHEMA app AUTHORIZATION ann"
    assert statements(sql, Phase.ROLLBACK, KNOWN) == ["DROP TABLE app.t", "DROP SCHEMA app"]


def test_an_empty_one_goes_at_contract():
    assert statements("DROP SCHEMA free", Phase.CONTRACT, KNOWN) == ["DROP SCHEMA free"]
    assert "could not be checked" in plan("DROP SCHEMA free").notes[0]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("CREATE SCHEMA full_one CREATE TABLE t (id int)", "several changes in one statement"),
        ("CREATE SCHEMA free", "exists already"),
        ("CREATE SCHEMA pg_app", "server's own"),
        ("CREATE SCHEMA app AUTHORIZATION bob", 'role "bob" does not exist'),
        ("CREATE SCHEMA app AUTHORIZATION CURRENT_USER", "whoever runs expand"),
        ('DROP SCHEMA "full"', "is not empty"),
        ("DROP SCHEMA missing", "does not exist"),
        ("DROP SCHEMA free CASCADE", "CASCADE"),
        ("DROP SCHEMA migrator", "state of every migration"),
    ],
)
def test_refusals(sql: str, reason: str):
    assert reason in refusal(sql, KNOWN).message


def test_a_role_that_may_not_create_schemas_is_told_before():
    known = replace(KNOWN, objects=replace(KNOWN.objects, may_create_in_database=False))

    assert "may not create schema" in refusal("CREATE SCHEMA app", known).message


def test_whatever_is_in_a_schema_is_read(session: Session):
    for kind, text in (
        ("table", "CREATE TABLE app.t (id int)"), ("type", "CREATE TYPE app.e AS ENUM ('a')"),
        ("function", "CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
        ("sequence", "CREATE SEQUENCE app.s"), ("extension", "CREATE EXTENSION unaccent SCHEMA app"),
    ):  # fmt: skip
        session.execute("CREATE SCHEMA app")
        assert read_schema(session, []).objects.schemas["app"].contents == ()
        session.execute(text)

        assert any(kind in each for each in read_schema(session, []).objects.schemas["app"].contents), kind
        session.execute("DROP SCHEMA app CASCADE")
