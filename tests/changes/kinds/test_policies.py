"""Row security: what lets rows through is for expand, what keeps rows back or changes is for contract."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.objects import Objects
from migrator.model.schema import Policy
from migrator.planning import planner
from migrator.postgres.catalog import objection_to, read_schema
from migrator.postgres.session import Session
from tests.changes.plans import MIGRATION, Phase, changes, plan, refusal, statements, users

OBJECTS = Objects(roles=frozenset({"ann"}))
POLICED = users(policies=(Policy("own"), Policy("never", False)), has_row_security=True)
OPEN, BARE = replace(POLICED, objects=OBJECTS), replace(users(), objects=OBJECTS)


def test_a_permissive_policy_is_for_expand_and_a_restrictive_one_for_contract():
    sql = "CREATE POLICY p ON users FOR SELECT TO ann USING (id > 0);"
    sql += "CREATE POLICY r ON users AS RESTRICTIVE USING (id > 1)"

    assert statements(sql, Phase.EXPAND, OPEN) == ["CREATE POLICY p ON public.users FOR SELECT TO ann USING (id > 0)"]
    assert statements(sql, Phase.CONTRACT, OPEN) == [
        "CREATE POLICY r ON public.users AS RESTRICTIVE FOR ALL TO PUBLIC USING (id > 1)"
    ]
    assert statements(sql, Phase.ROLLBACK, OPEN) == ["DROP POLICY p ON public.users"]


def test_a_new_table_gets_all_of_it_in_expand_and_nothing_to_undo():
    sql = (
        "CREATE TABLE t (id int); CREATE POLICY p ON t AS RESTRICTIVE USING (id > 0);"
        "CREATE POLICY q ON t USING (true);"
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    )

    assert len(statements(sql, Phase.EXPAND)) == 5
    assert statements(sql, Phase.CONTRACT) == []
    assert statements(sql, Phase.ROLLBACK) == ["DROP TABLE public.t"]


@pytest.mark.parametrize("state", ["ENABLE", "DISABLE", "FORCE", "NO FORCE"])
def test_row_security_changes_at_contract(state: str):
    sql = f"ALTER TABLE users {state} ROW LEVEL SECURITY"

    assert statements(sql, Phase.CONTRACT, OPEN) == [f"ALTER TABLE public.users {state} ROW LEVEL SECURITY"]
    assert statements(sql, Phase.EXPAND, OPEN) == statements(sql, Phase.ROLLBACK, OPEN) == []


def test_an_altered_policy_changes_at_contract():
    sql = "ALTER POLICY own ON users TO ann, PUBLIC USING (id > 2) WITH CHECK (id > 3)"

    assert statements(sql, Phase.CONTRACT, OPEN) == [
        "ALTER POLICY own ON public.users TO ann, PUBLIC USING (id > 2) WITH CHECK (id > 3)"
    ]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("CREATE POLICY own ON users", "exists already"),
        ("CREATE POLICY p ON users TO bob", "role bob does not exist"),
        ("CREATE POLICY p ON users TO CURRENT_USER", "whoever runs the migration"),
        ("CREATE POLICY p ON missing", "does not exist"),
        ("ALTER POLICY p ON users USING (true)", 'policy "p" of table "public.users" does not exist'),
        ("DROP POLICY p ON users", 'policy "p" of table "public.users" does not exist'),
        ("DROP POLICY own ON users", "the last policy that lets rows"),
    ],
)
def test_refusals(sql: str, reason: str):
    assert reason in refusal(sql, OPEN).message


@pytest.mark.parametrize(
    "beside", ["CREATE POLICY p ON users USING (true)", "ALTER TABLE users DISABLE ROW LEVEL SECURITY"]
)
def test_the_last_policy_goes_beside_what_lets_rows_through(beside: str):
    assert "DROP POLICY own ON public.users" in statements(f"{beside}; DROP POLICY own ON users", Phase.CONTRACT, OPEN)


def test_enabling_without_a_policy_is_refused():
    sql = "ALTER TABLE users ENABLE ROW LEVEL SECURITY"

    assert "every row would be hidden" in refusal(sql, BARE).message
    assert plan(f"CREATE POLICY p ON users USING (true); {sql}", BARE)


@pytest.mark.parametrize(("condition", "is_accepted"), [("id > 0", True), ("id", False), ("missing > 0", False)])
def test_the_server_understands_conditions_before_anything_runs(session: Session, condition: str, is_accepted: bool):
    session.execute("CREATE TABLE users (id int)")
    session.execute("CREATE POLICY own ON users AS RESTRICTIVE")
    known = read_schema(session, [(None, "users")])
    for sql in (f"CREATE POLICY p ON users USING ({condition})", f"ALTER POLICY own ON users USING ({condition})"):
        asked = planner.expressions_of(changes(sql, known), migration=MIGRATION, level=7, schema=known)
        objections = [objection_to(session, each.query, each.search_path) for _, each in asked]

        assert (objections == [None]) is is_accepted
    assert known.relations[next(iter(known.relations))].policies == (Policy("own", False),)
