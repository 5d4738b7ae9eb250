"""Phase files: what is written is read back; what stands in them is what runs, or is refused with its place."""

from __future__ import annotations

import pytest

from migrator.changes.kind import Draft
from migrator.errors import Refused
from migrator.model.locks import LockMode
from migrator.model.plan import Phase, TableLock
from migrator.planning import phase_file
from migrator.sql.compose import Sql
from tests.changes.plans import ID, MIGRATION, NAME, Column, Relation, TableName, plan, schema

SCRIPT = """
-- migrator: fill = 'x'
ALTER TABLE users ALTER COLUMN name SET NOT NULL;
CREATE TABLE t (a int REFERENCES users);
CREATE INDEX i ON t (a);
ALTER TABLE users ADD COLUMN locale text NOT NULL DEFAULT 'en';
ALTER TABLE orders RENAME COLUMN a TO b;
"""


def read(text: str, phase: Phase = Phase.EXPAND):
    return phase_file.read(text, phase=phase, name=f"{phase}.sql")


def refusal(text: str, phase: Phase = Phase.EXPAND) -> Refused:
    with pytest.raises(Refused) as caught:
        read(text, phase)
    return caught.value


@pytest.mark.parametrize("phase", list(Phase))
def test_what_is_written_is_read_back(phase: Phase):
    drafts = plan(SCRIPT).drafts[phase]

    steps = read(phase_file.write(drafts, migration=MIGRATION, level=7, phase=phase), phase)

    assert len(steps) == len(drafts) > 0
    for draft, step in zip(drafts, steps, strict=True):
        assert (step.id, step.sql, step.group, step.reason, step.undoes, step.verify, step.loses) == (
            draft.id,
            draft.sql,
            draft.group,
            draft.why,
            draft.undoes,
            draft.verify,
            draft.loses,
        )


def test_each_step_has_its_lock_read_off_its_sql_with_whom_it_makes_wait():
    text = phase_file.write(
        plan(SCRIPT, users_and_orders()).drafts[Phase.EXPAND], migration="m", level=7, phase=Phase.EXPAND
    )

    assert [line for line in text.splitlines() if line.startswith("-- locks:")][-3:-2] == [
        "-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment"
    ]
    assert "-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment" in text
    assert (
        "-- locks: SHARE UPDATE EXCLUSIVE ON public.t: other schema changes and vacuum wait, while every row is read"
        in text
    )


def users_and_orders():
    return schema(
        Relation(TableName("public", "users"), columns=(ID, NAME)),
        Relation(TableName("public", "orders"), columns=(Column("a", "int"),)),
    )


def test_the_file_says_what_it_is_for_and_which_command_runs_it():
    text = phase_file.write(plan(SCRIPT).drafts[Phase.CONTRACT], migration=MIGRATION, level=7, phase=Phase.CONTRACT)

    assert text.startswith(
        f"-- Contract of {MIGRATION}: removes the old shape; runs only when no code needs it any more.\n"
        f"-- Level 7. Run by: migrator contract {MIGRATION}\n"
    )
    assert text.endswith(";\n")


@pytest.mark.parametrize("text", ["a  b", "E'a\nb'", 'x = "new\r\nline"', "'-- step: other'", "'/* no break */'"])
def test_verify_and_loses_come_back_unchanged(text: str):
    draft = Draft("s", Sql("UPDATE t SET a = 1"), "why", verify=text, loses=f"SELECT {text}")

    (step,) = read(phase_file.write([draft], migration="m", level=1, phase=Phase.BACKFILL), Phase.BACKFILL)

    assert (step.verify, step.loses) == (text, f"SELECT {text}")


def test_the_columns_of_a_key_are_read_as_identifiers():
    (step,) = read('-- step: s\n-- key: A, "B, c",d\nUPDATE t SET a = 1 WHERE b;', Phase.BACKFILL)
    assert step.key == ("a", "B, c", "d")
    (step,) = read("-- key: whatever it is\nALTER TABLE t ADD a int;", Phase.EXPAND)
    assert step.key == ()


@pytest.mark.parametrize("text", ["", "lower(a)", "t.a", "a DESC", "a) , (b", "1", "*", "a;"])
def test_a_key_that_is_no_list_of_columns_is_refused(text: str):
    with pytest.raises(Refused, match="is not understood"):
        read(f"-- step: s\n-- key: {text}\nUPDATE t SET a = 1 WHERE b;", Phase.BACKFILL)


def test_a_reason_of_several_lines_becomes_one():
    draft = Draft("s", Sql("DROP TABLE t"), "first\nDROP TABLE users;")

    (step,) = read(phase_file.write([draft], migration="m", level=1, phase=Phase.EXPAND))

    assert (step.sql, step.reason) == ("DROP TABLE t", "first DROP TABLE users;")


@pytest.mark.parametrize("text", ["a\n/*", "a\n*/ DROP TABLE users; /*"])
def test_a_text_that_no_comment_can_hold_is_refused(text: str):
    draft = Draft("s", Sql("UPDATE t SET a = 1"), "why", verify=text)

    with pytest.raises(Refused, match="both a line break and a comment mark"):
        phase_file.write([draft], migration="m", level=1, phase=Phase.BACKFILL)


def test_hand_written_statements_need_no_headers():
    steps = read(
        "ALTER TABLE a ADD x int;\n\nCREATE INDEX CONCURRENTLY i ON a (x);\n-- about it\nALTER TABLE b ADD y int"
    )

    assert [(step.id, step.group, step.line, step.at) for step in steps] == [
        ("statement-1", "statement-1", 1, "expand.sql:1"),
        ("statement-2", None, 3, "expand.sql:3"),
        ("statement-3", "statement-3", 5, "expand.sql:5"),
    ]


def test_a_backfill_runs_outside_a_transaction_whatever_its_header_leaves_out():
    first, second = read("UPDATE a SET x = 1 WHERE x IS NULL;\n-- step: two\nUPDATE b SET y = 1", Phase.BACKFILL)

    assert (first.group, second.group, second.id) == (None, None, "two")


def test_neighbours_of_one_group_commit_together_and_others_alone():
    steps = read(
        "-- step: a transaction=g\nALTER TABLE t ADD a int;\n-- step: b transaction=g\nALTER TABLE t ADD b int;\n"
        "-- step: c\nALTER TABLE t ADD c int;\n-- step: d transaction=none\nCREATE INDEX CONCURRENTLY i ON t (a);"
    )

    assert [(step.id, step.group) for step in steps] == [("a", "g"), ("b", "g"), ("c", "c"), ("d", None)]


def test_the_locks_comment_is_believed_only_where_the_statement_does_not_say():
    lie, honest = read(
        "-- step: a\n-- locks: SHARE ON public.t\nALTER TABLE t ADD a int;\n"
        '-- step: b\n-- locks: ACCESS EXCLUSIVE ON public."two  words": reads wait\nDO $$ BEGIN END $$;'
    )

    assert lie.effects.locks == (TableLock(LockMode.ACCESS_EXCLUSIVE, "t"),)
    assert honest.effects.locks == (TableLock(LockMode.ACCESS_EXCLUSIVE, 'public."two  words"'),)


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        (
            "-- step: a\n-- step: b\nALTER TABLE t ADD a int;",
            'step "a" has no statement',
            "expand.sql:3",
        ),
        (
            "-- step: a\nALTER TABLE t ADD a int;\n-- step: b\n",
            "expand.sql has 2 step headers but 1 of them are followed by one statement",
            "expand.sql",
        ),
        (
            "ALTER TABLE t -- step: a\n ADD a int;",
            "expand.sql has 1 step headers but 0 of them are followed by one statement",
            "expand.sql",
        ),
        (
            "-- step: a\nALTER TABLE t ADD a int;\n-- step: a\nALTER TABLE t ADD b int;",
            'two steps are named "a"',
            "expand.sql:4",
        ),
        (
            "-- step: statement-2\nALTER TABLE t ADD a int;\nALTER TABLE t ADD b int;",
            'two steps are named "statement-2"',
            "expand.sql:3",
        ),
        ("BEGIN;\nALTER TABLE t ADD a int;", "BEGIN does not belong in a phase file", "expand.sql:1"),
        ("ALTER TABLE t ADD a int;\nCOMMIT;", "COMMIT does not belong in a phase file", "expand.sql:2"),
        ("SAVEPOINT s;", "SAVEPOINT does not belong in a phase file", "expand.sql:1"),
        (
            "-- step: a transaction=g\nCREATE INDEX CONCURRENTLY i ON t (a);",
            "CREATE INDEX CONCURRENTLY cannot run in a transaction",
            "expand.sql:2",
        ),
        ("-- step: a group=g\nALTER TABLE t ADD a int;", 'step header "a group=g" is not understood', "expand.sql:2"),
        ("-- step: a b\nALTER TABLE t ADD a int;", 'step header "a b" is not understood', "expand.sql:2"),
        ("-- step:\nALTER TABLE t ADD a int;", 'step header "" is not understood', "expand.sql:2"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(text: str, message: str, at: str):
    refused = refusal(text)

    assert (refused.message, refused.at) == (message, at)


def test_a_syntax_error_names_the_file_line_and_column():
    refused = refusal("ALTER TABLE t ADD a int;\nALTER TABL t;")

    assert refused.at == "expand.sql:2:7"


def test_an_empty_file_has_no_steps():
    assert read("-- nothing to do\n") == ()
