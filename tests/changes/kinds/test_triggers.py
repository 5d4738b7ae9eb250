"""``create_trigger`` and ``drop_trigger``: in the phase that their author says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.changes.registry import spec_from
from migrator.errors import Refused
from migrator.model.routines import Routine, Trigger
from migrator.planning import facts, planner
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from tests.changes.plans import (
    MIGRATION,
    NOTHING,
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

FUNCTION = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$"
CREATE = "CREATE TRIGGER touch BEFORE UPDATE OF name ON users FOR EACH ROW WHEN (new.id > 1) EXECUTE FUNCTION f('x')"
MADE = CREATE.replace("ON users", "ON public.users").replace("f('x')", "public.f('x')")
OR_REPLACE = CREATE.replace("CREATE", "CREATE OR REPLACE").replace("1", "2")
DROP = "DROP TRIGGER touch ON users"
OLD = Trigger("touch", MADE)


def known(*triggers: Trigger, kind: str = "table"):
    return replace(users(own_triggers=triggers, kind=kind), routines={TableName("public", "f"): (Routine(FUNCTION),)})


def at(phase: str, sql: str) -> str:
    return f"-- migrator: phase = {phase}\n{sql}"


def test_in_expand_it_is_created_and_dropped_by_rollback_and_at_contract_there_is_nothing_to_undo():
    assert statements(at("expand", CREATE), Phase.EXPAND, known()) == [MADE]
    assert statements(at("expand", CREATE), Phase.ROLLBACK, known()) == ["DROP TRIGGER touch ON public.users"]
    assert statements(at("contract", CREATE), Phase.CONTRACT, known()) == [MADE]
    assert statements(at("contract", CREATE), Phase.EXPAND, known()) == []
    assert "must do without it" in plan(at("contract", CREATE), known()).notes[0]


def test_on_a_table_of_the_same_migration_no_directive_is_needed_and_its_function_may_come_before():
    sql = f"CREATE TABLE t (a int); {FUNCTION}; CREATE TRIGGER a AFTER INSERT ON t EXECUTE FUNCTION f()"

    assert statements(sql, Phase.EXPAND, schema())[-1].endswith("ON public.t EXECUTE FUNCTION public.f()")
    assert [each.split()[1] for each in statements(sql, Phase.ROLLBACK, schema())] == ["TRIGGER", "FUNCTION", "TABLE"]


def test_functions_of_the_server_are_left_as_they_are():
    sql = at("expand", CREATE.replace("f('x')", "suppress_redundant_updates_trigger()"))

    assert statements(sql, Phase.EXPAND, known())[0].endswith("EXECUTE FUNCTION suppress_redundant_updates_trigger()")


def test_it_goes_at_contract_or_in_expand_and_rollback_restores_it():
    dropped = "DROP TRIGGER touch ON public.users"

    assert statements(DROP, Phase.CONTRACT, known(OLD)) == [dropped]
    assert statements(DROP, Phase.EXPAND, known(OLD)) == statements(DROP, Phase.ROLLBACK, known(OLD)) == []
    assert statements(at("expand", DROP), Phase.EXPAND, known(OLD)) == [dropped]
    assert statements(at("expand", DROP), Phase.ROLLBACK, known(OLD)) == [MADE]


def test_with_an_undo_of_its_own_it_is_raw_sql():
    for sql in (CREATE, DROP):
        (change,) = changes(at("expand", f"-- migrator: undo = none\n{sql}"), known(OLD))
        assert change.kind.name == "raw_sql"


def test_a_change_written_as_a_table_is_read_back_equal():
    for sql in (at("expand", CREATE), at("contract", CREATE), DROP, at("expand", DROP)):
        (change,) = changes(sql, known())
        assert spec_from(change.as_table(), "x") == (change.kind, change.spec)


@pytest.mark.parametrize(
    ("sql", "facts", "reason"),
    [
        (CREATE, known(), "nobody but you knows"),
        (CREATE, NOTHING, "nobody but you knows"),
        (OR_REPLACE, known(OLD), "nobody but you knows"),
        (
            at("expand", OR_REPLACE),
            known(replace(OLD, enabled="D")),
            "is switched, and the one in its place",
        ),
        (at("backfill", CREATE), known(), "in expand or in contract"),
        (at("expand", CREATE), known(OLD), 'trigger "touch" of "public.users" exists already'),
        (at("expand", CREATE), users(), 'function "public.f", which trigger "touch" calls, does not exist'),
        (at("expand", CREATE.replace("touch", "zzzz")), known(), "would fire after those that keep two shapes in step"),
        (at("expand", CREATE), known(kind="materialized view"), "is a materialized view, which has no triggers"),
        (at("expand", CREATE), schema(Relation(TableName("public", "o"))), 'table "public.users" does not exist'),
        (DROP, known(), 'has no trigger "touch"'),
        (f"{DROP} CASCADE", known(OLD), "CASCADE would drop what is not named"),
        (at("expand", DROP), known(replace(OLD, enabled="D")), "is switched (tgenabled D)"),
        (at("expand", DROP), NOTHING, "needs a database"),
        ("DROP TRIGGER zzz_migrator_1 ON users", known(), "keeps two shapes in step"),
        (at("backfill", DROP), known(OLD), "in expand or in contract"),
    ],
)
def test_what_cannot_be_is_refused(sql: str, facts, reason: str):
    assert reason in refusal(sql, facts).message


def test_after_triggers_may_be_called_as_they_like():
    sql = at("expand", CREATE.replace("touch", "zzzz").replace("BEFORE", "AFTER"))

    assert len(statements(sql, Phase.EXPAND, known())) == 1


def test_a_name_that_was_taken_since_expand_is_in_the_way_of_contract():
    found = changes(at("contract", CREATE), known())

    with pytest.raises(Refused, match="exists already"):
        planner.check_before_contract(found, migration=MIGRATION, level=7, schema=known(OLD), built=frozenset())


def test_a_trigger_that_changed_since_it_was_planned_is_noticed(session: Session):
    session.execute(f"CREATE TABLE users (id int, name text); {FUNCTION}; {CREATE}")
    before = read_schema(session, [(None, "users")])
    found = changes(at("expand", DROP), before)
    assumed = facts.facts_of(before, found)
    assert facts.differences(assumed, assumed) == []
    session.execute(f"{DROP}; {CREATE.replace('> 1', '> 2')}")

    (line,) = facts.differences(assumed, facts.facts_of(read_schema(session, [(None, "users")]), found))

    assert "trigger" in line
    assert before.relations[USERS].own_triggers != ()
