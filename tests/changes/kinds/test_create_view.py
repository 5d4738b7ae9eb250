"""``create_view``: in expand, over tables that are there and stay."""

from __future__ import annotations

import pytest

from migrator.changes.registry import spec_from, spec_from_words
from migrator.errors import Refused
from migrator.planning import planner
from migrator.planning.planner import Change
from migrator.postgres.catalog import objection_to, read_schema
from migrator.postgres.session import Session
from tests.changes.plans import (
    MIGRATION,
    USERS,
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

SQL = "CREATE VIEW people AS SELECT id, name FROM users"


def expressions(sql: str, known) -> list[str]:
    found = planner.expressions_of(changes(sql, known), migration=MIGRATION, level=7, schema=known)
    return [each.query for _, each in found]


def test_it_is_created_in_expand_and_dropped_by_rollback():
    assert statements(SQL, Phase.EXPAND, users()) == ["CREATE VIEW public.people AS SELECT id, name FROM public.users"]
    assert statements(SQL, Phase.ROLLBACK, users()) == ["DROP VIEW public.people"]
    assert statements(SQL, Phase.CONTRACT, users()) == []


def test_its_own_with_queries_and_the_catalog_are_no_tables():
    sql = "CREATE VIEW people AS WITH u AS (SELECT id FROM users) SELECT u.id FROM u, pg_class, pg_catalog.pg_type"

    (created,) = statements(sql, Phase.EXPAND, users())

    assert set(plan(sql, users()).touched) == {USERS, TableName("public", "people")}
    assert "FROM u, pg_class, pg_catalog.pg_type" in created


def test_options_names_of_columns_and_check_option_are_kept():
    sql = "CREATE VIEW p (a, b) WITH (security_barrier=true) AS SELECT id, name FROM users WITH LOCAL CHECK OPTION"

    (created,) = statements(sql, Phase.EXPAND, users())

    assert "p (a, b) WITH (security_barrier=true)" in created
    assert created.endswith("WITH LOCAL CHECK OPTION")


def test_a_change_given_as_words_or_as_a_table_is_the_same():
    (change,) = changes(SQL, users())
    words = ["create_view", "view=people", f"definition={change.spec.definition}"]

    assert (
        spec_from(change.as_table(), "migration.toml")
        == spec_from_words(words, "words")
        == (
            change.kind,
            change.spec,
        )
    )


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ("CREATE VIEW public.people AS SELECT id FROM users", "without saying its schema"),
        ("CREATE VIEW public.persons AS SELECT 1 AS one", 'does not create "public.people"'),
        ("CREATE OR REPLACE VIEW public.people AS SELECT 1 AS one", "written with OR REPLACE"),
        ("CREATE TEMP VIEW people AS SELECT 1 AS one", "would be temporary"),
        ("DROP TABLE public.users", "is one CREATE VIEW statement"),
        ("CREATE VIEW public.people AS SELECT 1 AS one; DROP TABLE public.users", "is one CREATE VIEW statement"),
    ],
)
def test_a_definition_given_as_words_is_held_to_the_same(definition: str, reason: str):
    kind, spec = spec_from_words(["create_view", "view=people", f"definition={definition}"], "words")

    with pytest.raises(Refused, match=reason):
        planner.plan([Change(kind, spec)], migration=MIGRATION, level=7, schema=users())


@pytest.mark.parametrize(
    ("sql", "known", "reason"),
    [
        (SQL, schema(), '"public.users", which view "public.people" reads, does not exist'),
        (SQL, schema(Relation(USERS), Relation(TableName("public", "people"), kind="table")), "exists already"),
        ("CREATE TEMP VIEW people AS SELECT 1 AS one", users(), "would be temporary"),
        (f"{SQL}; CREATE VIEW others AS SELECT id FROM people", users(), '"public.people", which view'),
        (f"ALTER TABLE users RENAME COLUMN name TO full_name; {SQL}", users(), "a column of which this migration"),
        (f"{SQL}; DROP TABLE users", users(), 'drop_table of "public.users" beside other changes'),
        ("CREATE VIEW p WITH (security_invoker) AS SELECT id FROM users", schema(
            Relation(USERS), server_version=14), "security_invoker needs PostgreSQL 15"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(sql: str, known, reason: str):
    assert reason in refusal(sql, known).message


def test_or_replace_of_a_view_that_is_not_there_creates_it():
    sql = SQL.replace("CREATE", "CREATE OR REPLACE")

    assert [change.kind.name for change in changes(sql, users())] == ["create_view"]
    assert statements(sql, Phase.EXPAND, users()) == statements(SQL, Phase.EXPAND, users())


def test_over_a_table_of_the_same_migration_the_server_is_not_asked():
    found = planner.expressions_of(
        changes("CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t", schema()),
        migration=MIGRATION,
        level=7,
        schema=schema(),
    )
    assert [change.kind.name for change, _ in found] == ["create_table"]


@pytest.mark.parametrize(
    ("sql", "objection"),
    [
        ("CREATE VIEW v AS SELECT nothing FROM users", 'column "nothing" does not exist'),
        ("CREATE VIEW v (a, b, c) AS SELECT id FROM users", "3 columns specified"),
        ("CREATE VIEW v AS SELECT absent(id) AS a FROM users", "function absent(bigint) does not exist"),
        ("CREATE VIEW v (a) AS SELECT id FROM users -- the last line", None),
        ("CREATE VIEW v AS WITH RECURSIVE u AS (SELECT 1 AS a UNION SELECT a + 1 FROM u) SELECT a FROM u", None),
    ],
)
def test_the_server_is_asked_about_the_query(session: Session, sql: str, objection: str | None):
    session.execute("CREATE TABLE users (id bigint, name text)")
    known = read_schema(session, [(None, "users")])
    (query,) = expressions(sql, known)

    said = objection_to(session, query, ())

    assert said is None if objection is None else objection in (said or "")


def test_objects_that_came_to_use_it_are_in_the_way_of_rollback(session: Session):
    session.execute("CREATE TABLE users (id bigint, name text)")
    known = read_schema(session, [(None, "users")])
    ((_, obstacle),) = planner.obstacles_of(changes(SQL, known), migration=MIGRATION, level=7, schema=known)

    def in_the_way() -> int:
        return int(session.one(obstacle.count).count)

    assert obstacle.phase is Phase.ROLLBACK
    assert in_the_way() == 0
    session.execute(SQL)
    assert in_the_way() == 0
    session.execute("CREATE VIEW how_many AS SELECT count(*) AS n FROM people")
    session.execute("CREATE FUNCTION f(people) RETURNS int LANGUAGE sql AS 'SELECT 1'")
    session.execute("CREATE TABLE kept (row people[])")
    assert in_the_way() == 3
