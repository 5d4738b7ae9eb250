"""``replace_view``: in place where columns come behind, anew at contract where columns go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.changes.registry import spec_from
from migrator.errors import Refused
from migrator.model.routines import Trigger
from migrator.planning import facts, planner, touching
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from tests.changes.plans import (
    MIGRATION,
    NOTHING,
    Column,
    Phase,
    Relation,
    TableName,
    changes,
    plan,
    refusal,
    statements,
    users,
)

VIEW = TableName("public", "people")
OLD = Relation(
    VIEW,
    "view",
    (Column("id", "bigint"), Column("name", "text")),
    definition=" SELECT id,\n    name\n   FROM public.users",
)
MORE = "CREATE OR REPLACE VIEW people AS SELECT id, name, upper(name) AS loud FROM users"
LESS = "CREATE OR REPLACE VIEW people AS SELECT id FROM users"
SAME = "CREATE OR REPLACE VIEW people AS SELECT id, lower(name) AS name FROM users"
STAR = "CREATE OR REPLACE VIEW people AS SELECT * FROM users"


def known(view: Relation = OLD):
    return replace(users(), relations={**users().relations, VIEW: view})


def phase(sql: str, facts=None) -> str:
    (change,) = changes(sql, facts or known())
    assert change.kind.name == "replace_view"
    assert spec_from(change.as_table(), "x") == (change.kind, change.spec)
    return change.spec.phase


def directive(name: str, sql: str) -> str:
    return f"-- migrator: phase = {name}\n{sql}"


def test_columns_that_come_behind_are_put_in_place_and_rollback_makes_the_old_view_anew():
    made = "SELECT id, name, upper(name) AS loud FROM public.users"

    assert statements(MORE, Phase.EXPAND, known()) == [f"CREATE OR REPLACE VIEW public.people AS {made}"]
    assert statements(MORE, Phase.CONTRACT, known()) == []
    aside, create, carry_over, drop = statements(MORE, Phase.ROLLBACK, known())
    assert aside.startswith("ALTER VIEW public.people RENAME TO migrator_people_")
    assert create == "CREATE VIEW public.people AS SELECT id, name FROM public.users"
    assert "OWNER TO" in carry_over
    assert drop.startswith("DROP VIEW public.migrator_people_")


def test_columns_that_go_wait_for_contract_which_makes_the_view_anew_in_one_transaction():
    assert statements(LESS, Phase.EXPAND, known()) == []
    assert statements(LESS, Phase.ROLLBACK, known()) == []
    assert statements(LESS, Phase.CONTRACT, known())[1] == "CREATE VIEW public.people AS SELECT id FROM public.users"
    assert {draft.group for draft in plan(LESS, known()).drafts[Phase.CONTRACT]} == {"people"}


def test_a_directive_decides_where_columns_stay_or_are_not_told():
    for sql in (SAME, STAR):
        assert "nobody but you knows" in refusal(sql, known()).message
        assert phase(directive("contract", sql)) == "contract"
    assert phase(directive("contract", MORE)) == "contract"
    assert statements(directive("expand", SAME), Phase.ROLLBACK, known()) == [
        "CREATE OR REPLACE VIEW public.people AS SELECT id, name FROM public.users"
    ]
    assert len(statements(directive("contract", SAME), Phase.CONTRACT, known())) == 1
    assert len(statements(directive("contract", STAR), Phase.CONTRACT, known())) == 4


def test_with_an_undo_of_its_own_it_is_raw_sql():
    (raw,) = changes(directive("expand", f"-- migrator: undo = none\n{MORE}"), known())

    assert raw.kind.name == "raw_sql"


def test_names_of_columns_written_before_the_query_and_unions_are_followed():
    assert phase("CREATE OR REPLACE VIEW people (id, name, b) AS SELECT a, b, c FROM users", known()) == "expand"
    assert phase(f"{MORE} UNION ALL SELECT 1, 'a', 'b'") == "expand"


@pytest.mark.parametrize(
    ("sql", "facts", "reason"),
    [
        (MORE, NOTHING, "is not known without a database"),
        (MORE, known(replace(OLD, kind="materialized view")), "is a materialized view, not a view"),
        (MORE, known(replace(OLD, options=("security_barrier=true",))), "options the new definition does not name"),
        (directive("expand", LESS), known(), "keeps not all of its columns"),
        (directive("backfill", MORE), known(), "in expand or in contract"),
        (LESS, known(replace(OLD, users=("rule _RETURN on view v",))), "other objects hold on to it"),
        (LESS, known(replace(OLD, own_triggers=(Trigger("t", ""),))), "other objects hold on to it"),
        (MORE, known(replace(OLD, users=("function f(people)",))), "other objects hold on to it"),
    ],
)
def test_what_cannot_be_is_refused(sql: str, facts, reason: str):
    assert reason in refusal(sql, facts).message


def test_options_that_are_named_are_kept_and_restored():
    checked = replace(OLD, options=("check_option=local", "security_barrier=true"))
    sql = MORE.replace("people AS", "people WITH (security_barrier) AS") + " WITH LOCAL CHECK OPTION"

    assert "CREATE VIEW public.people WITH (check_option=local, security_barrier=true) AS" in " ".join(
        statements(sql, Phase.ROLLBACK, known(checked))
    )


@pytest.mark.parametrize(
    ("expression", "retyped"), [("name", 0), ("name::varchar(5)", 1), ("id", 1), ("NULL", 0), ("name || 'x'", 0)]
)
def test_a_column_of_another_type_is_found_before_expand(session: Session, expression: str, retyped: int):
    session.execute("CREATE TABLE users (id bigint, name text); CREATE VIEW people AS SELECT id, name FROM users")
    facts = read_schema(session, [(None, "users"), (None, "people")])
    found = changes(f"CREATE OR REPLACE VIEW people AS SELECT id, {expression} AS name, 1 AS one FROM users", facts)

    obstacles = planner.obstacles_of(found, migration=MIGRATION, level=7, schema=facts)

    (before_expand,) = [each for _, each in obstacles if each.phase is Phase.EXPAND]
    assert session.one(before_expand.count)[0] == retyped


def test_a_view_that_was_replaced_since_it_was_planned_is_noticed(session: Session):
    session.execute("CREATE TABLE users (id bigint, name text); CREATE VIEW people AS SELECT id, name FROM users")
    before = read_schema(session, [(None, "users"), (None, "people")])
    found = changes(MORE, before)
    assumed = facts.facts_of(before, found)
    assert facts.differences(assumed, assumed) == []
    session.execute("CREATE OR REPLACE VIEW people AS SELECT id, name FROM users WHERE id > 0")

    (line,) = facts.differences(
        assumed, facts.facts_of(read_schema(session, [(None, "users"), (None, "people")]), found)
    )

    assert "was SELECT id, name FROM public.users, is SELECT id, name FROM public.users WHERE" in line


def test_what_came_to_use_it_since_expand_is_in_the_way_of_contract():
    found = changes(LESS, known())

    with pytest.raises(Refused, match="other objects hold on to it"):
        planner.check_before_contract(
            found, migration=MIGRATION, level=7, schema=known(replace(OLD, users=("function f",))), built=frozenset()
        )


def test_it_cannot_stand_beside_another_change_of_the_view():
    assert "beside other changes" in str(refusal(f"{MORE}; {LESS}", known()).detail)
    assert touching.clashes(changes(MORE, known()), changes(LESS, known())) == ["public.people"]
    assert touching.clashes(changes(MORE, known()), changes("ALTER TABLE users ADD COLUMN a text", known())) == []
