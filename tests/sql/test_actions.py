"""Statements taken apart: subcommands, directives, the relations they mention."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from migrator.sql.actions import actions_of, named_table_with, relations_in
from migrator.sql.parser import parse_script


def actions(sql: str):
    return list(actions_of(parse_script(sql)))


def test_alter_table_becomes_one_action_for_each_subcommand():
    found = actions("ALTER TABLE ONLY app.users ADD a int, DROP COLUMN b")

    assert [action.text for action in found] == [
        "ALTER TABLE ONLY app.users ADD COLUMN a int",
        "ALTER TABLE ONLY app.users DROP b",
    ]
    assert [len(action.node.cmds) for action in found] == [1, 1]
    assert [(action.line, action.column) for action in found] == [(1, 1), (1, 1)]


def test_a_single_subcommand_keeps_its_text_as_written():
    (action,) = actions("  ALTER  TABLE t\n\tadd a int ;")

    assert action.text == "ALTER  TABLE t\n\tadd a int"
    assert (action.line, action.column) == (1, 3)


def test_other_statements_are_one_action_without_a_command():
    (action,) = actions("CREATE INDEX i ON t (a)")

    assert (action.kind, action.command) == ("index_stmt", None)


def test_directives_are_read_from_comments_before_the_statement_only():
    found = actions(
        "-- migrator: fill = 'a -- b'\n"
        "/* migrator: down = 1 +\n 2 */\n"
        "-- an ordinary = comment\n"
        "ALTER TABLE t -- migrator: inside = 1\n ALTER a SET NOT NULL;\n"
        "-- migrator: fill = ''\n"
        "ALTER TABLE t ALTER b SET NOT NULL, ALTER c SET NOT NULL;"
        "-- migrator: fill = 'after the last'\n"
    )

    assert [action.options for action in found] == [
        {"fill": "'a -- b'", "down": "1 +\n 2"},
        {"fill": "''"},
        {"fill": "''"},
    ]


def test_the_last_of_two_equal_directives_counts():
    (action,) = actions("-- migrator: fill = 1\n-- migrator: fill = 2\nALTER TABLE t ALTER a SET NOT NULL")

    assert action.options == {"fill": "2"}


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("ALTER TABLE users ADD a int", [(None, "users")]),
        ('ALTER TABLE app."Users" ADD a int', [("app", "Users")]),
        ("CREATE TABLE t (a int REFERENCES u, b int REFERENCES app.v)", [(None, "t"), (None, "u"), ("app", "v")]),
        ("CREATE TABLE t (LIKE u)", [(None, "t"), (None, "u")]),
        ("CREATE INDEX i ON t (a)", [(None, "t")]),
        ("DROP TABLE app.b", [("app", "b")]),
        ("DROP INDEX i", [(None, "i")]),
        ("ALTER TABLE app.a RENAME TO b", [("app", "a"), ("app", "b")]),
        ("ALTER TABLE a RENAME x TO b", [(None, "a")]),
        ("UPDATE a SET x = (SELECT 1 FROM b) FROM a AS again", [(None, "a"), (None, "b")]),
    ],
)
def test_every_relation_is_named_once(sql: str, names: list[tuple[str | None, str]]):
    (action,) = actions(sql)

    assert sorted(relations_in(action), key=str) == sorted(names, key=str)


def test_drop_is_taken_apart_into_its_objects():
    found = actions("-- migrator: down = 1\nDROP TABLE a, app.b")

    assert [(action.text, action.options) for action in found] == [
        ("DROP TABLE a", {"down": "1"}),
        ("DROP TABLE app.b", {"down": "1"}),
    ]


@pytest.mark.parametrize(
    ("text", "schema", "table", "columns"),
    [
        ("users (account_id, account_role AS role)", "", "users", {"account_id": "account_id", "account_role": "role"}),
        ('app."U (x)" ("A, b" AS c)', "app", "U (x)", {"A, b": "c"}),
        ('users ("order" AS "group")', "", "users", {"order": "group"}),
        ("users", "", "users", {}),
    ],
)
def test_columns_of_a_table_may_get_another_name(text: str, schema: str, table: str, columns: dict[str, str]):
    relation, found = named_table_with(text, "")

    assert (relation.schemaname, relation.relname, found) == (schema, table, columns)


@pytest.mark.parametrize(
    "text",
    [
        "users (a, a)",
        "users (a + 1 AS b)",
        "users (o.a)",
        "users (*)",
        "users (a) WHERE b",
        "users (a FROM t)",
        "users (",
    ],
)
def test_what_is_no_list_of_columns_is_refused(text: str):
    with pytest.raises(Refused, match="not a table and columns of it"):
        named_table_with(text, "")


def test_a_table_that_a_directive_names_with_other_names_is_mentioned():
    (action,) = actions("-- migrator: extract = app.users (a AS b)\nCREATE TABLE m (b int)")

    assert ("app", "users") in relations_in(action)
