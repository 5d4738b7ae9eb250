"""``drop_view``: at contract, and never one that others use."""

from __future__ import annotations

import pytest

from migrator.planning import planner
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from tests.changes.plans import (
    MIGRATION,
    NOTHING,
    Dependent,
    Phase,
    Relation,
    TableName,
    changes,
    plan,
    refusal,
    schema,
    statements,
    users,
)


def known(kind: str = "view", **facts: object):
    return schema(Relation(TableName("public", "people"), kind=kind, **facts))  # type: ignore[arg-type]


def test_it_goes_at_contract():
    assert statements("DROP VIEW people", Phase.EXPAND, known()) == []
    assert statements("DROP VIEW people", Phase.CONTRACT, known()) == ["DROP VIEW public.people"]
    assert statements("DROP VIEW people", Phase.ROLLBACK, known()) == []


def test_a_materialized_one_goes_alike():
    sql = "DROP MATERIALIZED VIEW people"

    assert statements(sql, Phase.CONTRACT, known("materialized view")) == ["DROP MATERIALIZED VIEW public.people"]


def test_several_in_one_statement_are_several_changes():
    assert [str(change.spec.target) for change in changes("DROP VIEW IF EXISTS a, app.b")] == ["public.a", "app.b"]


def test_functions_that_mention_it_are_told():
    (note,) = plan("DROP VIEW people", known(functions=("app.count_people",))).notes

    assert note.startswith("function app.count_people mentions people in its text")


def test_without_a_database_it_is_said_that_nothing_was_checked():
    (note,) = plan("DROP VIEW people", NOTHING).notes

    assert "could not be checked" in note


@pytest.mark.parametrize(
    ("sql", "facts", "reason"),
    [
        ("DROP VIEW people", users(), 'view "public.people" does not exist'),
        ("DROP VIEW people", known("materialized view"), "is a materialized view, not a view"),
        ("DROP MATERIALIZED VIEW people", known(), "is a view, not a materialized view"),
        ("DROP VIEW people", known("table"), "is a table, not a view"),
        ("DROP VIEW people CASCADE", known(), "CASCADE would drop objects that are not named"),
        *(("DROP VIEW people", known(dependents=(Dependent(kind, "x", "id"),)), "is used by other objects")
          for kind in ("view", "materialized view", "rule")),
    ],
)  # fmt: skip
def test_what_cannot_go_is_refused(sql: str, facts, reason: str):
    assert reason in refusal(sql, facts).message


def test_what_uses_none_of_its_columns_is_in_the_way_of_contract_too(session: Session):
    session.execute("CREATE VIEW people AS SELECT 1 AS id")
    facts = read_schema(session, [(None, "people")])
    ((_, obstacle),) = planner.obstacles_of(
        changes("DROP VIEW people", facts), migration=MIGRATION, level=7, schema=facts
    )

    assert obstacle.phase is Phase.CONTRACT
    assert session.one(obstacle.count).count == 0
    session.execute("CREATE VIEW how_many AS SELECT count(*) AS n FROM people")
    assert session.one(obstacle.count).count == 1


def test_its_own_rules_go_with_it(session: Session):
    session.execute('CREATE TABLE users (id int); CREATE VIEW "People" AS SELECT id FROM users')
    session.execute('CREATE RULE r AS ON INSERT TO "People" DO INSTEAD INSERT INTO users VALUES (new.id)')
    facts = read_schema(session, [(None, "People")])
    ((_, obstacle),) = planner.obstacles_of(
        changes('DROP VIEW "People"', facts), migration=MIGRATION, level=7, schema=facts
    )

    assert session.one(obstacle.count).count == 0
    assert statements('DROP VIEW "People"', Phase.CONTRACT, facts) == ['DROP VIEW public."People"']
