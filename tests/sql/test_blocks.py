"""What runs inside DO blocks, at its place; what could not be looked into is named."""

from __future__ import annotations

import pytest

from migrator.sql.blocks import opened
from migrator.sql.bodies import Opaque, Powers
from migrator.sql.parser import Script, parse_script


def opening(sql: str) -> tuple[Script, list[Opaque]]:
    return opened(parse_script(sql), {})


def inside(body: str) -> list[str]:
    """Statements of a DO block, as read from the source at their places."""
    script, _ = opening(f"SELECT 'größer';\nDO $do$ {body} $do$;\nSELECT 2;")
    return [each.text for each in script.statements if each.block is not None]


def opaque(sql: str) -> list[str]:
    return [each.what for each in opening(sql)[1]]


def test_statements_stand_behind_their_block_at_their_places():
    sql = "SELECT 'ä';\nDO $$ -- DROP TABLE x;\nBEGIN\n  DROP TABLE ü; DROP TABLE ü;\nEND $$;\nSELECT 2;"
    script, named = opening(sql)

    assert [each.kind for each in script.statements] == [
        "select_stmt", "do_stmt", "drop_stmt", "drop_stmt", "select_stmt",
    ]  # fmt: skip
    first, second = (each for each in script.statements if each.block)
    assert (first.line, first.column, second.line, second.column) == (4, 3, 4, 17)
    assert all(sql[each.offset : each.offset + len(each.text)] == each.text for each in script.statements)
    assert first.block is not None
    assert first.block.statement.text.startswith("DO $$")
    assert [comment.text for comment in script.comments] == ["-- DROP TABLE x;"]
    assert not named


@pytest.mark.parametrize(
    ("body", "statements"),
    [
        ("BEGIN IF a THEN DROP TABLE x; ELSIF b THEN DROP TABLE y; ELSE DROP TABLE z; END IF; END",
         ["DROP TABLE x", "DROP TABLE y", "DROP TABLE z"]),
        ("BEGIN PERFORM f(1); CALL p(); END", ["SELECT  f(1)", "CALL p()"]),
        ("DECLARE n int; BEGIN SELECT count(*) INTO n FROM t; END", ["SELECT count(*)        FROM t"]),
        ("DECLARE n int; BEGIN INSERT INTO t VALUES (1) RETURNING id INTO n; END",
         ["INSERT INTO t VALUES (1) RETURNING id"]),
        ("DECLARE r record; BEGIN FOR r IN SELECT * FROM t\nLOOP UPDATE t SET a = r.a; END LOOP; END",
         ["SELECT * FROM t", "UPDATE t SET a = r.a"]),
        ("BEGIN DROP TABLE x; EXCEPTION WHEN others THEN DROP TABLE y; END", ["DROP TABLE x", "DROP TABLE y"]),
        ("BEGIN BEGIN DROP TABLE x; END; RAISE NOTICE 'DROP TABLE x'; DROP TABLE x; END", ["DROP TABLE x"] * 2),
        ("BEGIN EXECUTE 'DROP TABLE x'; EXECUTE $q$DROP TABLE \"Ü\"$q$; END", ["DROP TABLE x", 'DROP TABLE "Ü"']),
        ("BEGIN EXECUTE format('DROP TABLE %I', 'Users'); END", ['DROP TABLE "Users"']),
        ("BEGIN EXECUTE 'ALTER TABLE t ' || 'DROP COLUMN ' || quote_ident('A'); END",
         ['ALTER TABLE t DROP COLUMN "A"']),
        ("BEGIN EXECUTE 'UPDATE t SET a = ''x'' WHERE b'; END", ["UPDATE t SET a = 'x' WHERE b"]),
        ("BEGIN EXECUTE 'DROP TABLE x; DROP TABLE y'; END", ["DROP TABLE x", "DROP TABLE y"]),
        ("BEGIN NULL; END", []),
    ],
)  # fmt: skip
def test_what_a_block_runs(body: str, statements: list[str]):
    assert inside(body) == statements


def test_sql_that_is_longer_than_its_line_flows_over_those_it_is_made_on():
    body = "BEGIN EXECUTE format('ALTER TABLE %I\n   ADD COLUMN %I int'\n, 'users', 'Größe'); DROP TABLE y; END"

    first, second = inside(body)

    assert first.split() == ["ALTER", "TABLE", "users", "ADD", "COLUMN", '"Größe"', "int"]
    assert second == "DROP TABLE y"


def test_commit_in_a_block_begins_a_transaction():
    script, _ = opening("DO $$ BEGIN DROP TABLE a; COMMIT; DROP TABLE b; END $$")

    assert [each.block.transaction for each in script.statements if each.block] == [0, 1]


@pytest.mark.parametrize(
    "sql",
    [
        "DO $$ BEGIN EXECUTE 'DROP TABLE ' || name FROM t; END $$",
        "DO $$ DECLARE x text; BEGIN EXECUTE x; END $$",
        "DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT ' || current_user LOOP NULL; END LOOP; END $$",
        "DO $$ BEGIN EXECUTE format('%10I', 'x'); END $$",
        "DO $$ BEGIN EXECUTE 'SELEC 1'; END $$",
        "DO $$ BEGIN EXECUTE 'DO $x$ BEGIN DROP TABLE y; END $x$'; END $$",
        "DO $$ BEGIN SELEC 1; END $$",
        "DO LANGUAGE plperl 'x'",
        "DO 'BEGIN EXECUTE ''DROP TABLE x''; END'",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE x; END $$; SELECT f()",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DROP TABLE x $$; SELECT f()",
    ],
)
def test_what_could_not_be_looked_into_is_named_once(sql: str):
    script, named = opening(sql)

    assert len(named) == 1
    assert not [each for each in script.statements if each.block]
    assert 0 <= named[0].start < named[0].end <= len(sql)
    assert not named[0].is_error


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a := 1; RETURN NEW; END $$",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'x' || y; END $$",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$; SELECT f()",
        "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x', 'y'",
        "CREATE FUNCTION f() RETURNS int RETURN 1",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END",
    ],
)
def test_functions_that_are_only_made_are_nothing_to_name(sql: str):
    assert opaque(sql) == []


def test_functions_made_before_are_known_until_they_are_made_anew():
    powers: Powers = {}
    made = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE x; END $$"
    opened(parse_script(made), powers)

    assert opened(parse_script("SELECT f()"), powers)[1][0].what == "f runs DDL here, which was not checked"
    assert len(opened(parse_script("DO $$ BEGIN PERFORM f(); END $$"), powers)[1]) == 1
    assert not opened(parse_script("SELECT g()"), powers)[1]
    opened(parse_script("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"), powers)
    assert not opened(parse_script("SELECT f()"), powers)[1]


@pytest.mark.parametrize(
    ("body", "power"),
    [
        ("BEGIN DROP TABLE t; END", "DDL"),
        ("BEGIN DROP TABLE t; EXECUTE x; END", "dynamic SQL"),
        ("BEGIN NEW.total := 0; RETURN NEW; END", "what could not be read"),
        ("BEGIN UPDATE t SET a = 1; END", None),
        ("BEGIN UPDATE t SET; END", None),
        ("BEGIN IF; END", None),
    ],
)
def test_a_function_that_was_made_without_a_word_is_looked_into_when_it_is_called(body: str, power: str | None):
    returns = "trigger" if "NEW" in body else "void"
    made = parse_script(f"CREATE FUNCTION f() RETURNS {returns} LANGUAGE plpgsql AS $${body}$$; SELECT f()")
    told: Powers = {}
    quiet: Powers = {}
    opened(made, told)
    assert opened(made, quiet, quiet=True)[1] == []
    for powers in (told, quiet, quiet):
        found = [each.what for each in opened(parse_script("SELECT f()"), powers)[1]]
        assert found == ([f"f runs {power} here, which was not checked"] if power else [])


def test_what_a_block_runs_is_there_without_a_word():
    block = parse_script("DO $$ BEGIN DROP TABLE t; EXECUTE x; END $$")

    assert [each.kind for each in opened(block, {}, quiet=True)[0].statements] == ["do_stmt", "drop_stmt"]


def test_a_body_in_sql_that_does_not_parse_is_an_error_at_its_place():
    sql = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n  SELECT 'ä';\n  SELEC 2\n$$;"

    (found,) = opening(sql)[1]

    assert found.is_error
    assert sql[found.start :].startswith("SELEC 2")
