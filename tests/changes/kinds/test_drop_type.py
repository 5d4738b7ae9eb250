"""``drop_type``: at contract, and never one that is used."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from migrator.model.schema import UserType
from migrator.planning import planner
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from tests.changes.plans import MIGRATION, NOTHING, Phase, TableName, changes, plan, refusal, schema, statements


def known(kind: str = "enum", *users: str):
    return schema(types={TableName("public", "mood"): UserType(kind, users)})


@pytest.mark.parametrize("sql", ["DROP TYPE mood", "DROP TYPE IF EXISTS public.mood", "DROP DOMAIN mood"])
def test_it_goes_at_contract(sql: str):
    assert statements(sql, Phase.EXPAND, known()) == []
    assert statements(sql, Phase.CONTRACT, known()) == ["DROP TYPE public.mood"]
    assert statements(sql, Phase.ROLLBACK, known()) == []


def test_it_is_found_by_the_search_path():
    facts = schema(types={TableName("app", "mood"): UserType("enum")}, search_path=("public", "app"))

    assert statements("DROP TYPE mood", Phase.CONTRACT, facts) == ["DROP TYPE app.mood"]


def test_without_a_database_it_is_said_that_nothing_was_checked():
    assert "could not be checked" in plan("DROP TYPE mood", NOTHING).notes[0]


@pytest.mark.parametrize(
    ("sql", "facts", "reason"),
    [
        ("DROP TYPE mood", schema(), 'type "public.mood" does not exist'),
        ("DROP TYPE mood", known("enum", "column m of table public.t"), 'enum "public.mood" is used by other objects'),
        ("DROP TYPE mood", known("row type"), "is the row type that belongs to another object"),
        ("DROP TYPE mood", known("extension type"), "is the extension type that belongs to another object"),
        ("DROP TYPE mood CASCADE", known(), "CASCADE would drop columns and functions that are not named"),
    ],
)
def test_what_cannot_go_is_refused(sql: str, facts, reason: str):
    assert reason in refusal(sql, facts).message


@pytest.mark.parametrize(
    ("made", "user"),
    [
        ("CREATE TABLE t (m mood)", "column m of table public.t"),
        ("CREATE TABLE t (m mood[])", "column m of table public.t"),
        ("CREATE VIEW v AS SELECT 'glad'::mood::text AS m", "rule _RETURN on view public.v"),
        ("CREATE FUNCTION f(mood) RETURNS int LANGUAGE sql AS 'SELECT 1'", "function public.f(public.mood)"),
        ("CREATE DOMAIN d AS mood", "type public.d"),
    ],
)
def test_what_came_to_use_it_since_expand_is_in_the_way_of_contract(session: Session, made: str, user: str):
    session.execute("CREATE TYPE mood AS ENUM ('glad')")
    before = read_schema(session, [])
    found = changes("DROP TYPE mood", before)
    planner.check_before_contract(found, migration=MIGRATION, level=7, schema=before, built=frozenset())
    session.execute(made)

    with pytest.raises(Refused, match="is used by other objects") as refused:
        planner.check_before_contract(
            found, migration=MIGRATION, level=7, schema=read_schema(session, []), built=frozenset()
        )

    assert user in str(refused.value.detail)
