"""Extensions: what the server lacks, this role may not, or others use, is told before anything runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.objects import AvailableExtension, Extension, Objects
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from tests.changes.plans import NOTHING, Phase, plan, refusal, schema, statements

OBJECTS = Objects(
    extensions={"hstore": Extension("public", "1.4", ("1.5", "1.6"), ("column tags of table t",))},
    available={
        "hstore": (AvailableExtension("1.6"),),
        "trusted": (AvailableExtension("1.0", False), AvailableExtension("1.1", needs_superuser=True, is_trusted=True)),
        "untrusted": (AvailableExtension("1.0", needs_superuser=True),),
        "needy": (AvailableExtension("1.0", requires=("trusted", "hstore")),),
    },
    may_create_in_database=True,
)
KNOWN = replace(schema(), objects=OBJECTS)
SUPERUSER = replace(KNOWN, objects=replace(OBJECTS, is_superuser=True))


def test_it_comes_in_expand_and_goes_in_rollback():
    sql = "CREATE EXTENSION trusted WITH VERSION '1.0'; CREATE EXTENSION needy"

    assert statements(sql, Phase.EXPAND, KNOWN) == [
        "CREATE EXTENSION trusted VERSION '1.0'",
        "CREATE EXTENSION needy",
    ]
    assert statements(sql, Phase.ROLLBACK, KNOWN) == ["DROP EXTENSION needy", "DROP EXTENSION trusted"]


def test_one_that_was_there_stays_after_a_rollback():
    sql = "CREATE EXTENSION IF NOT EXISTS hstore"

    assert statements(sql, Phase.EXPAND, KNOWN) == ["CREATE EXTENSION IF NOT EXISTS hstore"]
    assert statements(sql, Phase.ROLLBACK, KNOWN) == []
    assert "stays as it is" in plan(sql, KNOWN).notes[0]
    assert statements("CREATE EXTENSION IF NOT EXISTS hstore", Phase.ROLLBACK, NOTHING) == []


def test_an_update_is_not_taken_back():
    for sql in ("ALTER EXTENSION hstore UPDATE", "ALTER EXTENSION hstore UPDATE TO '1.6'"):
        assert statements(sql, Phase.EXPAND, KNOWN) == ["ALTER EXTENSION hstore UPDATE TO '1.6'"]
        assert statements(sql, Phase.ROLLBACK, KNOWN) == []
        assert "back" in plan(sql, KNOWN).notes[0]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("CREATE EXTENSION hstore", "installed already, in version 1.4"),
        ("CREATE EXTENSION missing", 'this server has no extension "missing"'),
        ("CREATE EXTENSION trusted VERSION '9'", 'no version "9"'),
        ("CREATE EXTENSION untrusted", "only a superuser may install it"),
        ("CREATE EXTENSION needy", "needs trusted"),
        ("CREATE EXTENSION needy CASCADE", "would not know of"),
        ("CREATE EXTENSION trusted SCHEMA app", 'schema "app"'),
        ("ALTER EXTENSION trusted UPDATE", "is not installed"),
        ("ALTER EXTENSION hstore UPDATE TO '9'", "no way from version 1.4"),
        ("DROP EXTENSION hstore", "is used by other objects"),
        ("DROP EXTENSION trusted", "is not installed"),
        ("DROP EXTENSION hstore CASCADE", "CASCADE"),
    ],
)
def test_refusals(sql: str, reason: str):
    assert reason in refusal(sql, KNOWN).message


def test_a_superuser_may_install_what_is_not_trusted():
    assert statements("CREATE EXTENSION untrusted", Phase.EXPAND, SUPERUSER)


def test_a_trusted_one_needs_create_on_the_database():
    known = replace(KNOWN, objects=replace(OBJECTS, may_create_in_database=False))

    assert "although it is trusted" in refusal("CREATE EXTENSION trusted", known).message


@pytest.mark.parametrize(
    "use",
    [
        "CREATE TABLE t (a hstore)",
        "CREATE TABLE t (a hstore[])",
        "CREATE VIEW v AS SELECT hstore('a', 'b') AS a",
        "CREATE FUNCTION f(hstore) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
def test_whatever_uses_an_extension_is_read(session: Session, use: str):
    session.execute("CREATE EXTENSION hstore VERSION '1.4'")
    before = read_schema(session, []).objects.extensions["hstore"]
    session.execute(use)

    assert (before.users, before.version, "1.7" in before.updates) == ((), "1.4", True)
    assert len(read_schema(session, []).objects.extensions["hstore"].users) >= 1


def test_operator_classes_in_an_index_count(session: Session):
    session.execute("CREATE EXTENSION pg_trgm")
    session.execute("CREATE TABLE t (a text)")
    session.execute("CREATE INDEX i ON t USING gin (a gin_trgm_ops)")

    assert read_schema(session, []).objects.extensions["pg_trgm"].users == ("index public.i",)
