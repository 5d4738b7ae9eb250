"""Scripts to changes: in order, split, with everything that cannot be split refused at its line."""

from __future__ import annotations

import pytest

from migrator.authoring.recognise import recognise
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema
from migrator.sql.parser import SqlSyntaxError, parse_script
from tests.changes.plans import drafts


def refusal(sql: str) -> Refused:
    with pytest.raises(Refused) as caught:
        recognise(parse_script(sql, "change.sql"), Schema())
    return caught.value


def test_several_statements_keep_their_order_and_their_lines():
    sql = """\
ALTER TABLE users ADD COLUMN a int;
CREATE TABLE t (x int);

-- about the index
CREATE INDEX i ON t (x);
ALTER TABLE orders DROP COLUMN b;
"""

    found, notes = recognise(parse_script(sql, "change.sql"), Schema())

    assert [(change.kind.name, change.at) for change in found] == [
        ("add_column", "change.sql:1"),
        ("create_table", "change.sql:2"),
        ("create_index", "change.sql:5"),
        ("drop_column", "change.sql:6"),
    ]
    assert notes == []


def test_alter_table_with_several_subcommands_is_split():
    found, _ = recognise(
        parse_script("ALTER TABLE users ADD a int, DROP COLUMN b, ALTER c SET NOT NULL, ADD COLUMN d text"), Schema()
    )

    assert [(change.kind.name, change.spec.column) for change in found] == [
        ("add_column", "a"),
        ("drop_column", "b"),
        ("set_not_null", "c"),
        ("add_column", "d"),
    ]
    assert found[0].at == "SQL:1"


def test_step_names_are_unique_within_a_phase_and_rollback_names_what_it_undoes():
    sql = "".join(f"ALTER TABLE {table} RENAME {old} TO b;" for table in ("t", "u") for old in ("a",))

    expand, rollback = drafts(sql, Phase.EXPAND), drafts(sql, Phase.ROLLBACK)

    assert [step.id for step in expand] == [
        "add-b", "function-down", "function-up", "trigger-down", "trigger-up",
        "add-b-2", "function-down-2", "function-up-2", "trigger-down-2", "trigger-up-2",
    ]  # fmt: skip
    assert len({step.id for step in rollback}) == len(rollback) == len(expand)
    assert {step.undoes for step in rollback} == {step.id for step in expand}
    assert rollback[-1].undoes == "add-b"


def test_tables_called_alike_in_two_schemas_do_not_share_a_transaction():
    sql = "ALTER TABLE a.users ADD x int; ALTER TABLE a.users ADD y int; ALTER TABLE b.users ADD x int"

    assert [step.group for step in drafts(sql, Phase.EXPAND)] == ["users", "users", "users-2"]
    assert [step.group for step in drafts(sql, Phase.ROLLBACK)] == ["users-2", "users", "users"]


def test_names_without_plain_letters_do_not_share_a_transaction_either():
    sql = 'ALTER TABLE "таблица" ADD x int; ALTER TABLE "表" ADD x int'

    assert [step.group for step in drafts(sql, Phase.EXPAND)] == ["step", "step-2"]


UNSUPPORTED = [
    ("ALTER TABLE users CLUSTER ON users_pkey", "no answer changes until CLUSTER runs"),
    ("ALTER FUNCTION f() OWNER TO someone", "what its owner may do, old code may rely on"),
    ("ALTER VIEW v ALTER n SET DEFAULT 3", "inserts of old code through the view get the default"),
    ("ALTER TYPE pair ADD ATTRIBUTE c integer", "the server refuses it while a column is of the type"),
    ("ALTER FOREIGN TABLE users ADD COLUMN n integer", "a foreign table lies on another server"),
    ("ALTER FUNCTION f() STABLE", "code of both versions calls the function"),
    ("ALTER TABLE users INHERIT people", "code of both versions that reads the parent"),
    ("ALTER ROLE app SET work_mem = '1MB'", "it is about the whole server"),
    ("ALTER COLLATION v RENAME TO w", "running code knows it by its old name"),
    ("DROP COLLATION v", "running code may still use what would be dropped"),
    ("UPDATE users SET name = ''", "over many rows it locks them all to its end"),
    ("DELETE FROM users", "one statement over many rows locks them all"),
    ("INSERT INTO users VALUES (1)", "only you know whether it can live with them"),
    ("TRUNCATE users", "running code loses its rows"),
    ("DO $$ BEGIN END $$", "what the block does cannot be read off its text"),
    ("SELECT 1", "what the query does besides reading cannot be read off its text"),
    ('CREATE COLLATION v FROM "C"', "it only adds, and no code that is running names it"),
    ("CREATE TABLE t AS SELECT 1", "it reads in one statement what may be large"),
    ("CREATE CAST (text AS integer) WITH INOUT", "it changes what casts in statements of old code mean"),
    ("GRANT owner TO app", "it is about the whole server"),
    ("VACUUM users", "no shape changes by it"),
]


@pytest.mark.parametrize(("sql", "reason"), UNSUPPORTED)
def test_what_cannot_be_split_is_refused_with_reason_line_and_the_kinds_that_can(sql: str, reason: str):
    refused = refusal(f"-- first a comment\n/* and\nanother */\n{sql};\nALTER TABLE users ADD COLUMN a int;")

    assert refused.message.startswith("this statement cannot be split safely: ")
    assert reason in refused.message
    assert refused.at == "change.sql:4"
    assert refused.detail == sql
    assert "say yourself when it runs: -- migrator: phase = " in str(refused.hint)


@pytest.mark.parametrize(
    "setting",
    ["search_path = app", "ROLE owner", "SESSION AUTHORIZATION owner", "LOCAL session_replication_role = replica"],
)
def test_settings_of_the_session_are_for_no_phase(setting: str):
    refused = refusal(f"SET {setting}")

    assert "it changes what the statements after it mean" in refused.message
    assert refused.hint is None


@pytest.mark.parametrize(
    ("sql", "directives"),
    [
        ('CREATE COLLATION v FROM "C"', "phase = expand, and what undoes it: -- migrator: undo = DROP …"),
        ("DROP COLLATION v", "phase = contract"),
        ("ALTER TABLE users CLUSTER ON i", "undo = ALTER TABLE … SET WITHOUT CLUSTER"),
        ("ALTER TABLE users NO INHERIT people", "phase = contract"),
        ("ALTER COLLATION v RENAME TO w", "phase = contract"),
    ],
)
def test_what_no_kind_is_about_comes_with_the_phase_it_is_for(sql: str, directives: str):
    assert str(refusal(sql).hint).endswith(directives)


@pytest.mark.parametrize(
    ("subcommand", "reason", "instead"),
    [
        ("DETACH PARTITION a FINALIZE", "no kind that is known here", '"migrator explain" lists the kinds'),
        ("ADD CONSTRAINT n CHECK (a > 0) NOT ENFORCED", "NOT ENFORCED checks nothing", "leave it out, or say yourself"),
    ],
)
def test_what_can_be_written_instead_is_said(subcommand: str, reason: str, instead: str):
    refused = refusal(f"ALTER TABLE users {subcommand}")

    assert reason in refused.message
    assert instead in str(refused.hint)


def test_everything_that_is_refused_is_told_at_once_with_the_line_of_each():
    refused = refusal(
        "DROP COLLATION a;\nALTER TABLE t ADD COLUMN n int;\nTRUNCATE b;\nALTER TABLE t ADD m int UNIQUE NOT NULL;"
    )

    assert refused.message == "3 reasons speak against it"
    places = [line.split(": ")[0] for line in str(refused.detail).splitlines() if line.startswith("change.sql")]
    assert places == ["change.sql:1", "change.sql:3", "change.sql:4"]


def test_one_bad_subcommand_of_alter_table_is_shown_alone():
    refused = refusal("ALTER TABLE users ADD COLUMN a int, SET LOGGED")

    assert refused.detail == "ALTER TABLE users SET LOGGED"


@pytest.mark.parametrize(
    "statement",
    [
        "BEGIN",
        "START TRANSACTION",
        "COMMIT",
        "END",
        "SET lock_timeout = '2s'",
        "SET LOCAL statement_timeout = 0",
        "RESET lock_timeout",
        "SET search_path = public, other",
        "LOCK TABLE users IN SHARE MODE",
    ],
)
def test_transactions_and_timeouts_are_left_out_with_a_note(statement: str):
    found, notes = recognise(parse_script(f"{statement};\nALTER TABLE users ADD a int;", "change.sql"), Schema())

    assert [change.kind.name for change in found] == ["add_column"]
    assert notes == [f"change.sql:1: {statement} is left out: steps have transactions and timeouts of their own"]


@pytest.mark.parametrize("sql", ["", "  \n", "-- nothing\n", "BEGIN; COMMIT;", ";;"])
def test_a_script_without_a_change_is_refused(sql: str):
    assert refusal(sql).message == "there is no schema change in the SQL given"


def test_an_unknown_directive_is_refused_with_those_the_kind_knows():
    refused = refusal("-- migrator: fil = ''\nALTER TABLE users ALTER name SET NOT NULL")

    assert refused.message == 'set_not_null knows no directive "fil"'
    assert (refused.at, refused.detail) == ("change.sql:2", "directives it knows: fill")
    assert refused.hint == 'did you mean "fill"?'


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("-- migrator: form = users\nCREATE TABLE t (id int)", 'did you mean "from", as of split_table?'),
        (
            "-- migrator: partitions = a DEFAULT\nCREATE TABLE t (id int)",
            'did you mean "partition", as of partition_table?',
        ),
        ("-- migrator: zzzzzz = users\nCREATE TABLE t (id int)", None),
        ("-- migrator: from = users\nDROP TABLE users", None),
    ],
)
def test_a_directive_that_would_make_another_kind_of_it_is_named(sql: str, hint: str | None):
    assert refusal(sql).hint == hint


@pytest.mark.parametrize(
    ("sql", "line", "directive"),
    [
        ("-- migrator: into\nDROP TABLE users", 1, "migrator: into"),
        ("-- migrator: into =\nDROP TABLE users", 1, "migrator: into ="),
        ("-- migrator: into people\nDROP TABLE users", 1, "migrator: into people"),
        ("-- migrator into = people\nDROP TABLE users", 1, "migrator into = people"),
        ("-- Migrator: into = people\nDROP TABLE users", 1, "Migrator: into = people"),
        ("DROP TABLE users -- migrator: into = people", 1, "migrator: into = people"),
        ("DROP TABLE users;\n-- migrator: into = people\n", 2, "migrator: into = people"),
        ("DROP TABLE -- migrator: into = people\nusers", 1, "migrator: into = people"),
        ("-- migrator: into = people\nBEGIN;\nDROP TABLE users;\nCOMMIT;", 1, "migrator: into = people"),
        ("/* migrator: into */ DROP TABLE users", 1, "migrator: into"),
    ],
)
def test_a_directive_that_no_statement_reads_is_refused(sql: str, line: int, directive: str):
    """Else the table would be dropped with all that was to go into another one."""
    refused = refusal(sql)

    assert refused.message == f"no statement reads this directive: {directive}"
    assert refused.at == f"change.sql:{line}"
    assert refused.hint == "-- migrator: NAME = VALUE, on a line before the statement it is for"


@pytest.mark.parametrize(
    "comment",
    ["migrator: allow BC001 because nobody reads it", "migrator: allow-file BC001", "migrator new 'x'", "of migrator"],
)
def test_other_comments_are_no_directives(comment: str):
    found, _ = recognise(parse_script(f"-- {comment}\nDROP TABLE users -- {comment}"), Schema())

    assert [change.kind.name for change in found] == ["drop_table"]


def test_a_directive_belongs_to_the_statement_after_it():
    sql = "-- migrator: fill = ''\nALTER TABLE users ALTER name SET NOT NULL;\nALTER TABLE users ALTER id SET NOT NULL;"

    found, _ = recognise(parse_script(sql), Schema())

    assert [change.spec.fill for change in found] == ["''", ""]


def test_a_directive_of_another_kind_in_a_mixed_alter_table_is_refused():
    refused = refusal("-- migrator: fill = ''\nALTER TABLE users ALTER name SET NOT NULL, DROP CONSTRAINT a")

    assert refused.message == 'drop_constraint knows no directive "fill"'
    assert refused.detail == "directives it knows: none"


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE users RENAME a TO b; ALTER TABLE users RENAME b TO c",
        "ALTER TABLE users RENAME a TO b; ALTER TABLE users DROP COLUMN a",
        "-- migrator: fill = b\nALTER TABLE users ALTER a SET NOT NULL;\nALTER TABLE users DROP COLUMN b",
        "ALTER TABLE users ADD CHECK (a > 0); ALTER TABLE users ALTER a SET NOT NULL",
        "ALTER TABLE users ADD UNIQUE (a); ALTER TABLE users ADD UNIQUE (a)",
    ],
)
def test_two_changes_of_one_column_are_refused(sql: str):
    with pytest.raises(Refused, match="two changes of column") as caught:
        drafts(sql, Phase.EXPAND)

    assert caught.value.hint == "write two migrations, and contract the first before the second"


def test_a_syntax_error_has_line_column_and_a_caret():
    with pytest.raises(SqlSyntaxError) as caught:
        parse_script("ALTER TABLE users\n  ADD COLUM a int;", "change.sql")

    assert caught.value.render() == (
        'error: syntax error at or near "int"\n  at: change.sql:2:15\n  2 |   ADD COLUM a int;\n                    ^'
    )
