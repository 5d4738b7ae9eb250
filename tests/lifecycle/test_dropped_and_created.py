"""``DROP`` with ``CREATE`` of the same name behind it, as people change functions and triggers, is a replacement."""

from __future__ import annotations

import pytest

from migrator.authoring import new
from migrator.errors import Refused, StatementFailed
from migrator.sql.parser import parse_script
from tests.support.sandbox import Sandbox, refusal

TABLE = "CREATE TABLE t (id int PRIMARY KEY, a int, said text);"
OFFLINE = "nobody is connected in this test"


def function(name: str, head: str, body: str) -> str:
    return f"CREATE FUNCTION {name}{head} LANGUAGE plpgsql AS $$BEGIN {body}; END$$;"


def trigger_function(name: str, said: str) -> str:
    return function(name, "() RETURNS trigger", f"NEW.said := '{said}'; RETURN NEW")


TRIGGER = "CREATE TRIGGER {} BEFORE INSERT ON t FOR EACH ROW {} EXECUTE FUNCTION {}();"
OLD = function("f", "(n int) RETURNS int", "RETURN n")
NEW = function("f", "(n int) RETURNS int", "RETURN n + 1")


@pytest.mark.parametrize("drop", ["DROP FUNCTION f(int);", "DROP FUNCTION IF EXISTS f;", "DROP ROUTINE f; SELECT 1;"])
def test_a_function_gets_its_new_body_in_expand_and_keeps_what_the_two_statements_would_lose(
    sandbox: Sandbox, drop: str
) -> None:
    sandbox.execute(f"{OLD} COMMENT ON FUNCTION f IS 'x'; REVOKE ALL ON FUNCTION f FROM PUBLIC")
    kept = "SELECT proacl::text, obj_description(oid) FROM pg_proc WHERE proname = 'f'"
    before, rows = sandbox.snapshot(), sandbox.rows(kept)
    migration = sandbox.new("change", drop.replace("SELECT 1;", "CREATE TABLE u (id int PRIMARY KEY);") + NEW)

    sandbox.expand(migration)
    assert sandbox.value("SELECT f(1)") == 2
    assert sandbox.rows(kept) == rows
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before
    assert sandbox.value("SELECT f(1)") == 1
    sandbox.finish(migration)
    assert sandbox.rows(kept) == rows


def notes(sandbox: Sandbox, sql: str) -> str:
    """What ``migrator new`` tells the author."""
    return "\n".join(new.asked_changes(parse_script(sql), sandbox.session)[1])


def test_the_author_is_told_what_becomes_of_the_drop(sandbox: Sandbox) -> None:
    sandbox.execute(OLD)
    said = notes(sandbox, f"DROP FUNCTION f(int);\n{NEW} DROP FUNCTION IF EXISTS g;")
    assert "SQL:1: what is dropped here is replaced at SQL:2, and keeps the owner, privileges and comment" in said
    assert "DROP FUNCTION IF EXISTS g is left out: function public.g is not there" in said


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("(n int) RETURNS bigint", "it returns int4, not int8"),
        ("(m int) RETURNS int", "other names: n, not m"),
        ("(n int, OUT x int, OUT y int)", "it returns int4, not x int4, y int4"),
    ],
)
def test_what_the_server_cannot_replace_is_made_anew_in_the_phase_that_is_said(
    sandbox: Sandbox, head: str, said: str
) -> None:
    sandbox.execute(f"{OLD} COMMENT ON FUNCTION f IS 'x'; REVOKE ALL ON FUNCTION f FROM PUBLIC;")
    sandbox.execute(f"GRANT EXECUTE ON FUNCTION f TO pg_monitor WITH GRANT OPTION; {TABLE}")
    kept = "SELECT proacl::text, obj_description(oid), pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'f'"
    before, rows = sandbox.snapshot(), sandbox.rows(kept)
    made = function("f", head, "PERFORM 1" if "OUT" in head else "RETURN 2")
    with pytest.raises(Refused, match="calls of old code may fail") as error:
        sandbox.new("change", f"DROP FUNCTION f(int); {made}")
    assert said in refusal(error.value)

    early = sandbox.new("early", f"DROP FUNCTION f(int);\n-- migrator: phase = expand\n{made}")
    sandbox.expand(early)
    assert sandbox.rows(kept)[0][:2] == rows[0][:2]
    sandbox.rollback(early, offline=OFFLINE)
    assert (sandbox.snapshot(), sandbox.rows(kept)) == (before, rows)
    late = sandbox.new("late", f"DROP FUNCTION f(int);\n-- migrator: phase = contract\n{made}")
    sandbox.expand(late)
    assert sandbox.rows(kept) == rows
    sandbox.contract(late, offline=OFFLINE)
    assert sandbox.rows(kept)[0][:2] == rows[0][:2]
    assert sandbox.rows(kept)[0][2] != rows[0][2]


def test_one_that_is_made_anew_is_not_used_by_anything(sandbox: Sandbox) -> None:
    sandbox.execute(f"{OLD} CREATE VIEW v AS SELECT f(1)")
    made = function("f", "(m int) RETURNS int", "RETURN 2")
    with pytest.raises(Refused, match="cannot be replaced in place, and other objects use it") as error:
        sandbox.new("change", f"DROP FUNCTION f;\n-- migrator: phase = expand\n{made}")
    assert "view" in refusal(error.value)


def test_rollback_takes_back_a_default_that_a_replacement_brought(sandbox: Sandbox) -> None:
    sandbox.execute(f"{OLD} COMMENT ON FUNCTION f IS 'x'")
    before = sandbox.snapshot()
    made = function("f", "(n int DEFAULT 7) RETURNS int", "RETURN n").replace("CREATE", "CREATE OR REPLACE")
    migration = sandbox.new("change", made)
    sandbox.expand(migration)
    assert sandbox.value("SELECT f()") == 7
    sandbox.execute("CREATE VIEW v AS SELECT f(1)")
    with pytest.raises(Refused, match="which rollback drops and creates as it was"):
        sandbox.rollback(migration, offline=OFFLINE)
    sandbox.execute("DROP VIEW v")
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before
    assert sandbox.value("SELECT obj_description('f(int)'::regprocedure)") == "x"


def test_a_procedure_is_replaced_and_one_in_the_place_of_a_function_is_made_anew(sandbox: Sandbox) -> None:
    sandbox.execute(f"{OLD} CREATE PROCEDURE p(n int) LANGUAGE sql AS 'SELECT 1'")
    sql = (
        "DROP PROCEDURE p; CREATE PROCEDURE p(n int) LANGUAGE sql AS 'SELECT 2'; DROP FUNCTION f(int);\n"
        "-- migrator: phase = expand\nCREATE PROCEDURE f(n int) LANGUAGE sql AS 'SELECT 2'"
    )
    before, wanted = sandbox.snapshot(), sandbox.shape_after(sql)
    migration = sandbox.new("change", sql)
    sandbox.expand(migration)
    assert sandbox.snapshot() == wanted
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before


def test_names_mean_what_the_statements_before_have_left(sandbox: Sandbox) -> None:
    sandbox.execute(function("f", "(n text) RETURNS int", "RETURN 1") + OLD)
    sql = (
        "DROP FUNCTION IF EXISTS g; DROP FUNCTION IF EXISTS f(text); DROP FUNCTION f; DROP FUNCTION IF EXISTS f;"
        "DROP TRIGGER IF EXISTS f ON t; CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        "CREATE OR REPLACE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 2'"
    )
    sandbox.execute(TABLE)
    before, wanted = sandbox.snapshot(), sandbox.shape_after(sql)
    migration = sandbox.new("change", sql)
    assert [each["kind"] for each in migration.changes] == [
        "drop_function", "drop_function", "create_function", "replace_function",
    ]  # fmt: skip
    sandbox.expand(migration)
    assert sandbox.value("SELECT g()") == 2
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before
    sandbox.finish(migration)
    assert sandbox.snapshot() == wanted


def test_two_statements_about_one_function_are_not_called_changes_of_a_column(sandbox: Sandbox) -> None:
    sandbox.execute(OLD)
    with pytest.raises(Refused, match=r'two changes of function "public\.f\(int4\)" in one migration'):
        sandbox.new("change", f"{NEW.replace('CREATE', 'CREATE OR REPLACE')} DROP FUNCTION f(int)")


@pytest.mark.parametrize("phase", ["expand", "contract"])
@pytest.mark.parametrize("replaced", ["drop", "or replace", "constraint", "partitioned"])
def test_a_trigger_is_replaced_under_its_name(sandbox: Sandbox, phase: str, replaced: str) -> None:
    old, made = TRIGGER.format("s", "", "one"), TRIGGER.format("s", "WHEN (NEW.id > 1)", "two")
    if replaced == "constraint":
        old, made = (each.replace("BEFORE", "AFTER").replace("TRIGGER", "CONSTRAINT TRIGGER") for each in (old, made))
    table = TABLE
    if replaced == "partitioned":
        table = TABLE.replace(");", ") PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t DEFAULT;")
    sandbox.execute(f"{table}{trigger_function('one', '1')}{trigger_function('two', '2')}{old}")
    sandbox.execute("COMMENT ON TRIGGER s ON t IS 'x'")
    directed = f"-- migrator: phase = {phase}\n"
    sql = f"DROP TRIGGER s ON t;\n{directed}{made}"
    if replaced == "or replace":
        sql = directed + made.replace("CREATE", "CREATE OR REPLACE")
    before, wanted = sandbox.snapshot(), sandbox.shape_after(f"{sql} COMMENT ON TRIGGER s ON t IS 'x'")
    migration = sandbox.new("change", sql)
    assert [each["kind"] for each in migration.changes] == ["create_trigger"]

    sandbox.expand(migration)
    assert sandbox.snapshot() == (wanted if phase == "expand" else before)
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before
    sandbox.finish(migration)
    assert sandbox.snapshot() == wanted


def test_a_trigger_that_is_there_just_so_is_left_out_and_its_function_replaced(sandbox: Sandbox) -> None:
    trigger = TRIGGER.format("s", "", "one")
    sandbox.execute(TABLE + trigger_function("one", "1") + trigger)
    migration = sandbox.new(
        "change", f"DROP TRIGGER s ON t; DROP FUNCTION one; {trigger_function('one', '2')} {trigger}"
    )
    assert [each["kind"] for each in migration.changes] == ["replace_function"]
    sandbox.expand(migration)
    sandbox.execute("INSERT INTO t VALUES (1)")
    assert sandbox.value("SELECT said FROM t") == "2"


@pytest.mark.parametrize("phase", ["expand", "contract"])
def test_a_function_goes_behind_the_triggers_that_call_it_no_more(sandbox: Sandbox, phase: str) -> None:
    sandbox.execute(TABLE + "".join(trigger_function(name, name) for name in ("one", "two")))
    sandbox.execute(TRIGGER.format("s", "", "one") + TRIGGER.format("u", "", "two"))
    sql = (
        f"DROP TRIGGER s ON t; DROP FUNCTION one; {trigger_function('three', '3')}\n-- migrator: phase = {phase}\n"
        f"{TRIGGER.format('s', '', 'three')} DROP TRIGGER u ON t; DROP FUNCTION two;"
    )
    wanted = sandbox.shape_after(sql)
    sandbox.finish(sandbox.new("change", sql))
    assert sandbox.snapshot() == wanted


def test_a_trigger_is_not_gone_between_expand_and_contract(sandbox: Sandbox) -> None:
    sandbox.execute(TABLE + trigger_function("one", "1") + TRIGGER.format("s", "", "one"))
    changed = TRIGGER.format("s", "WHEN (NEW.id > 1)", "one")
    with pytest.raises(Refused, match="is dropped in expand, and created under its name at contract"):
        sandbox.new(
            "change", f"-- migrator: phase = expand\nDROP TRIGGER s ON t;\n-- migrator: phase = contract\n{changed}"
        )
    sandbox.execute("ALTER TABLE t DISABLE TRIGGER s")
    with pytest.raises(Refused, match="is switched, and the one in its place would fire"):
        sandbox.new("change", f"DROP TRIGGER s ON t;\n-- migrator: phase = contract\n{changed}")


def test_a_trigger_of_another_name_that_fires_beside_the_old_one_is_noted(sandbox: Sandbox) -> None:
    sandbox.execute(TABLE + trigger_function("one", "1") + TRIGGER.format("s", "", "one"))
    sql = f"{{}}DROP TRIGGER s ON t;\n-- migrator: phase = expand\n{TRIGGER.format('u', '', 'one')}"
    assert "triggers s and u of t both fire from expand until contract" in notes(sandbox, sql.format(""))
    assert "both fire" not in notes(sandbox, sql.format("-- migrator: phase = expand\n"))


@pytest.mark.parametrize("order", ["drop first", "create first"])
def test_calls_of_old_code_are_not_ambiguous_while_both_signatures_are_there(sandbox: Sandbox, order: str) -> None:
    sandbox.execute(function("f", "(a int) RETURNS text", "RETURN 'old'"))
    statements = ["DROP FUNCTION f(int);", function("f", "(a int, b int DEFAULT 2) RETURNS text", "RETURN 'new' || b")]
    sql = " ".join(statements if order == "drop first" else reversed(statements))
    before, wanted = sandbox.snapshot(), sandbox.shape_after(sql)
    migration = sandbox.new("change", sql)

    sandbox.expand(migration)
    assert sandbox.value("SELECT ARRAY[f(1), f('1'), f(a => 1), f(1, 3)]") == ["old", "old", "old", "new3"]
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before
    sandbox.finish(migration)
    assert sandbox.snapshot() == wanted
    assert sandbox.value("SELECT f(1)") == "new2"


def test_one_that_makes_calls_of_another_ambiguous_for_good_is_refused(sandbox: Sandbox) -> None:
    sandbox.execute(OLD)
    with pytest.raises(Refused, match="calls of old code are ambiguous and fail") as error:
        sandbox.new("change", function("f", "(n int, m int DEFAULT 2) RETURNS int", "RETURN n"))
    assert "leave DEFAULT out" in refusal(error.value)


@pytest.mark.parametrize(
    ("before", "after", "call", "between"),
    [
        ("integer", "bigint", "2::smallint", ""),
        ("integer[]", "numeric[]", "'{}'", ""),
        ("varchar", "text", "'a'", "new"),
        ("date", "timestamptz", "'2026-01-01'", "new"),
    ],
)
def test_a_function_is_not_beside_one_that_its_calls_do_not_tell_it_from(
    sandbox: Sandbox, before: str, after: str, call: str, between: str
) -> None:
    sandbox.execute(f"CREATE FUNCTION f(a {before}) RETURNS text LANGUAGE sql AS $$ SELECT 'old' $$")
    new = f"CREATE FUNCTION f(a {after}) RETURNS text LANGUAGE sql AS $$ SELECT 'new' $$"
    assert sandbox.value(f"SELECT f({call})") == "old"

    with pytest.raises(Refused, match="do not give the types of their arguments"):
        sandbox.new("wider", f"{new}; DROP FUNCTION f({before})")
    said = f"-- migrator: phase = expand\n-- migrator: undo = DROP FUNCTION f({after})"
    migration = sandbox.new("wider", f"{said}\n{new};\nDROP FUNCTION f({before})")
    sandbox.expand(migration)

    if between:
        assert sandbox.value(f"SELECT f({call})") == between
    else:
        with pytest.raises(StatementFailed, match="is not unique"):
            sandbox.value(f"SELECT f({call})")
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.value(f"SELECT f({call})") == "new"
