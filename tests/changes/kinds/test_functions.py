"""``create_function``, ``replace_function`` and ``drop_function``: overloads are told apart, uses are named."""

from __future__ import annotations

import pytest

from migrator.changes.registry import spec_from
from migrator.errors import Refused
from migrator.model.routines import Routine
from migrator.planning import facts, planner
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from tests.changes.plans import MIGRATION, NOTHING, Phase, TableName, changes, plan, refusal, schema, statements
from tests.support.snapshot import snapshot

NET = "FUNCTION net(amount numeric, tax int DEFAULT 19) RETURNS numeric LANGUAGE sql AS $$ SELECT $1 -- 'it' $$"
HAD = 'LANGUAGE sql SET work_mem TO "1MB" AS {}'
NUMERIC = "CREATE FUNCTION net(n numeric) RETURNS int LANGUAGE sql AS ''"
OLD = """CREATE OR REPLACE FUNCTION public.net(amount numeric, tax integer DEFAULT 19)
 RETURNS numeric
 LANGUAGE sql
AS $function$ SELECT amount $function$
"""


def known(*routines: Routine, definition: str = OLD, **more):
    return schema(routines={TableName("public", "net"): routines or (Routine(definition, **more),)})


def kinds(sql: str, facts=None) -> list[str]:
    found = changes(sql, facts or known())
    for change in found:
        assert spec_from(change.as_table(), "x") == (change.kind, change.spec)
    return [change.kind.name for change in found]


def test_a_new_one_is_created_in_expand_as_it_was_written_and_dropped_by_rollback():
    for sql in (f"CREATE {NET}", f"CREATE OR REPLACE\n  {NET}"):
        assert statements(sql, Phase.EXPAND, schema()) == [f"CREATE {NET.replace('net', 'public.net', 1)}"]
        assert statements(sql, Phase.ROLLBACK, schema()) == ["DROP FUNCTION public.net(numeric, int)"]
        assert statements(sql, Phase.CONTRACT, schema()) == []


def test_a_head_that_is_not_found_in_the_text_is_written_anew():
    (made,) = statements("CREATE /* a */ FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", Phase.EXPAND, schema())

    assert made.startswith("CREATE FUNCTION public.f() RETURNS int")


def test_procedures_and_output_parameters_and_names_that_need_quotes():
    sql = "CREATE PROCEDURE \"a.b\" ( INOUT x integer[], VARIADIC y app.mood[] ) LANGUAGE sql AS ''"

    assert statements(sql, Phase.ROLLBACK, schema()) == ['DROP PROCEDURE public."a.b"(int[], app.mood[])']


def test_another_signature_is_another_function_and_the_old_one_goes_at_contract():
    sql = "CREATE FUNCTION net(amount text) RETURNS text LANGUAGE sql AS ''; DROP FUNCTION net(numeric, int4)"

    assert kinds(sql) == ["create_function", "drop_function"]
    assert statements(sql, Phase.CONTRACT, known()) == ["DROP FUNCTION public.net(numeric, int)"]
    assert "net(numeric, int) stays beside it" in plan(sql.split(";", maxsplit=1)[0], known()).notes[0]
    assert plan(sql, known()).notes == ()


def test_a_new_body_comes_in_expand_and_rollback_restores_the_old_definition():
    sql = f"CREATE OR REPLACE {NET}"

    assert kinds(sql) == ["replace_function"]
    assert statements(sql, Phase.EXPAND, known()) == [f"CREATE OR REPLACE {NET.replace('net', 'public.net', 1)}"]
    assert statements(sql, Phase.ROLLBACK, known()) == [" ".join(OLD.split())]
    later = f"-- migrator: phase = contract\n{sql}"
    assert statements(later, Phase.EXPAND, known()) == statements(later, Phase.ROLLBACK, known()) == []
    assert len(statements(later, Phase.CONTRACT, known())) == 1


@pytest.mark.parametrize(
    ("how", "definition"),
    [
        ("STABLE STRICT COST 10", f"{HAD} STABLE RETURNS NULL ON NULL INPUT COST 10"),
        ("SECURITY DEFINER SET search_path = ''", f"{HAD} SECURITY DEFINER SET search_path TO ''"),
        ("SET work_mem = '2MB'", 'LANGUAGE sql AS {} SET work_mem TO "2MB"'),
        ("RESET work_mem", "LANGUAGE sql AS {}"),
        ("RESET ALL", "LANGUAGE sql AS {}"),
    ],
)  # fmt: skip
def test_an_altered_one_is_replaced_by_the_same_with_other_properties(how: str, definition: str):
    before = OLD.replace("LANGUAGE sql", "LANGUAGE sql\n SET work_mem TO '1MB'")
    facts = known(definition=before)

    for sql in (f"ALTER FUNCTION net(numeric, int) {how}", f"ALTER ROUTINE net {how}"):
        assert kinds(sql, facts) == ["replace_function"]
        assert statements(sql, Phase.EXPAND, facts) == [
            "CREATE OR REPLACE FUNCTION public.net(amount numeric, tax int = 19) RETURNS numeric "
            + definition.format("$$ SELECT amount $$")
        ]
        assert statements(sql, Phase.ROLLBACK, facts) == [" ".join(before.split())]
        later = f"-- migrator: phase = contract\n{sql}"
        assert statements(later, Phase.EXPAND, facts) == []
        assert len(statements(later, Phase.CONTRACT, facts)) == 1


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("ALTER FUNCTION missing() STABLE", 'function "public.missing" does not exist'),
        ("ALTER FUNCTION net(text) STABLE", "is the name of 1 functions"),
        ("ALTER FUNCTION net SET work_mem FROM CURRENT", "is what the session has that runs it"),
    ],
)
def test_what_cannot_be_altered_is_refused(sql: str, reason: str):
    assert reason in refusal(sql, known()).message


def test_an_altered_function_is_the_one_that_the_server_would_make(session: Session):
    session.execute(f"CREATE {NET.replace('tax int', 'tax int[]').replace('19', 'NULL')}")
    shape, alter = (
        snapshot(session),
        "ALTER FUNCTION net STABLE STRICT SECURITY DEFINER COST 7 SET search_path = '', public",
    )
    (expand,) = statements(alter, Phase.EXPAND, read_schema(session, [("public", "net")]))
    session.execute(alter)
    wanted = snapshot(session)
    session.execute("DROP FUNCTION net")
    session.execute(f"CREATE {NET.replace('tax int', 'tax int[]').replace('19', 'NULL')}")
    assert snapshot(session) == shape

    session.execute(expand)
    assert snapshot(session) == wanted


def test_with_an_undo_of_its_own_it_is_raw_sql():
    assert kinds(f"-- migrator: phase = expand\n-- migrator: undo = none\nCREATE OR REPLACE {NET}") == ["raw_sql"]


@pytest.mark.parametrize(
    ("sql", "facts", "reason"),
    [
        (f"CREATE {NET}", known(), 'function "public.net(numeric, int)" exists already'),
        (f"CREATE OR REPLACE {NET}", NOTHING, "is not known without a database"),
        (f"CREATE OR REPLACE {NET}", known(stored_in=("index i",)), "is kept in other objects"),
        (f"CREATE OR REPLACE {NET.replace('RETURNS numeric', 'RETURNS text')}", known(), "cannot be replaced in place"),
        (f"CREATE OR REPLACE {NET.replace('amount', 'total')}", known(), "cannot be replaced in place"),
        (f"CREATE OR REPLACE {NET.replace('DEFAULT 19', '')}", known(), "cannot be replaced in place"),
        (f"-- migrator: phase = backfill\nCREATE OR REPLACE {NET}", known(), "in expand or in contract"),
        (NUMERIC, known(), "ambiguous and fail"),
        (
            "CREATE FUNCTION net(n numeric) RETURNS int LANGUAGE sql AS ''; DROP FUNCTION net(numeric, int)",
            known(),
            "ambiguous",
        ),
        ("CREATE FUNCTION net(n numeric, m int, o int DEFAULT 1) RETURNS int LANGUAGE sql AS ''", known(), "ambiguous"),
        (f"CREATE {NET}; DROP FUNCTION net(text)", NOTHING, "is not known without a database"),
        ("CREATE FUNCTION f(a users.id%TYPE) RETURNS int LANGUAGE sql AS ''", schema(), "%TYPE"),
        ("DROP FUNCTION net(numeric)", known(), 'function "public.net(numeric)" does not exist'),
        ("DROP FUNCTION net(numeric, int) CASCADE", known(), "CASCADE would drop objects that are not named"),
        ("DROP FUNCTION net", known(Routine(OLD), Routine(OLD.replace("integer", "text"))), "the name of 2 functions"),
        ("DROP FUNCTION net", schema(), "is not known"),
        ("DROP FUNCTION net", known(users=("trigger t on table t",)), "is used by other objects"),
        (f"CREATE {NET}; CREATE {NET}", schema(), 'two changes of function "public.net(numeric, int4)"'),
    ],
)
def test_what_cannot_be_is_refused(sql: str, facts, reason: str):
    assert reason in refusal(sql, facts).message


@pytest.mark.parametrize("sql", ["DROP FUNCTION net", "DROP ROUTINE IF EXISTS public.net(numeric, integer)"])
def test_it_goes_at_contract_under_its_signature(sql: str):
    (dropped,) = statements(sql, Phase.CONTRACT, known())

    assert dropped.replace("integer", "int") == "DROP FUNCTION public.net(numeric, int)"
    assert statements(sql, Phase.EXPAND, known()) == []


@pytest.mark.parametrize(
    ("made", "user", "stored"),
    [
        ("CREATE INDEX i ON t (f(a))", "index i", True),
        ("ALTER TABLE t ADD CHECK (f(a) > 0)", "constraint t_a_check on table t", True),
        ("ALTER TABLE t ADD b int GENERATED ALWAYS AS (f(a)) STORED", "column b of table t", True),
        ("ALTER TABLE t ALTER a SET DEFAULT f(1)", "default value for column a of table t", False),
        ("CREATE VIEW v AS SELECT f(a) FROM t", "rule _RETURN on view v", False),
        ("CREATE POLICY p ON t USING (f(a) > 0)", "policy p on table t", False),
    ],
)
def test_what_uses_a_function_is_read_from_the_catalog(session: Session, made: str, user: str, stored: bool):
    session.execute("CREATE FUNCTION f(a int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT a'; CREATE TABLE t (a int)")
    before = read_schema(session, [(None, "f")])
    found = changes("DROP FUNCTION f(int)", before)
    (created, *_) = changes("CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'", schema())
    session.execute(made)

    after = read_schema(session, [(None, "f")])

    ((routine,),) = after.routines.values()
    assert user in " ".join(routine.users).replace("public.", "")
    assert bool(routine.stored_in) is stored
    with pytest.raises(Refused, match="is used by other objects"):
        planner.check_before_contract(found, migration=MIGRATION, level=7, schema=after, built=frozenset())
    ((_, obstacle),) = planner.obstacles_of([created], migration=MIGRATION, level=7, schema=after)
    assert obstacle.phase is Phase.ROLLBACK
    assert session.one(obstacle.count)[0] == 1


def test_a_body_that_was_replaced_since_it_was_planned_is_noticed(session: Session):
    session.execute("CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a'; CREATE AGGREGATE f (text) "
                    "(SFUNC = textcat, STYPE = text)")  # fmt: skip
    before = read_schema(session, [(None, "f")])
    replacing = changes("CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 2'", before)
    assumed = facts.facts_of(before, replacing)
    assert facts.differences(assumed, assumed) == []
    session.execute("CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 3'")

    (line,) = facts.differences(assumed, facts.facts_of(read_schema(session, [(None, "f")]), replacing))

    assert "SELECT 3" in line
