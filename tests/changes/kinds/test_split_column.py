"""``split_column``: columns, one trigger, a state; and what it refuses."""

from __future__ import annotations

import pytest

from migrator.changes.kind import Context
from migrator.changes.kinds.split_column import SplitColumn
from migrator.changes.registry import spec_from_words
from migrator.errors import Refused
from migrator.model.objects import Grant
from tests.changes.plans import (
    ID,
    MIGRATION,
    NAME,
    Column,
    Constraint,
    Dependent,
    Phase,
    changes,
    drafts,
    index,
    plan,
    refusal,
    statements,
    users,
)

UP, DOWN = "split_part(name, ' ', 1), split_part(name, ' ', 2)", "concat_ws(' ', a, b)"
TABLE = "ALTER TABLE users ADD COLUMN a text, ADD COLUMN b text, DROP COLUMN name"


def sql(up: str = UP, down: str = DOWN, table: str = TABLE) -> str:
    return f"-- migrator: up = {up}\n-- migrator: down = {down}\n{table}"


def test_the_statement_and_the_words_say_the_same():
    (change,) = changes(sql(), users())
    words = ["split_column", "table=users", "column=name", "into=a", "into=b", "types=text", "types=text"]
    words += ["up=split_part(name, ' ', 1)", "up=split_part(name, ' ', 2)", f"down={DOWN}"]

    kind, spec = spec_from_words(words, "--change")

    assert (kind, spec) == (change.kind, change.spec)
    assert change.as_table()["into"] == ["a", "b"]


def test_columns_state_function_and_trigger_come_in_one_transaction():
    steps = drafts(sql(), Phase.EXPAND, users())

    assert [step.id for step in steps] == ["add-a", "add-b", "add-state", "function-sync", "trigger-sync"]
    assert {step.group for step in steps} == {"users"}


def test_contract_proves_that_every_row_is_filled_and_then_drops_in_one_transaction():
    steps = drafts(sql(), Phase.CONTRACT, users())

    assert [(step.id, step.group) for step in steps] == [
        ("add-filled", "users"),
        ("validate-filled", None),
        ("drop-trigger-sync", "drop-users"),
        ("drop-function-sync", "drop-users"),
        ("drop-name", "drop-users"),
        ("drop-state", "drop-users"),
    ]


def test_rollback_undoes_every_step_of_expand():
    undone = {step.undoes for step in drafts(sql(), Phase.ROLLBACK, users())}

    assert undone == {step.id for step in drafts(sql(), Phase.EXPAND, users())}


def test_rights_on_the_old_column_alone_are_granted_on_each_new_one():
    known = users(ID, Column("name", "text", grants=(Grant("reader", "SELECT"),)))

    granted = [text for text in statements(sql(), Phase.EXPAND, known) if text.startswith("GRANT")]

    assert granted == [f"GRANT SELECT ({name}) ON public.users TO reader" for name in "ab"]


def test_an_index_on_a_new_column_can_be_created_beside():
    steps = drafts(f"{sql()}; CREATE INDEX users_b ON users (b)", Phase.EXPAND, users())

    assert steps[-1].sql == "CREATE INDEX CONCURRENTLY users_b ON public.users USING btree (b)"


@pytest.mark.parametrize("name", ["n" * 63, 'quo"te', "UPPER", "select", "if", "begin", "a$migrator$b"])
def test_names_that_need_care(name: str):
    quoted = '"' + name.replace('"', '""') + '"'
    table = f"ALTER TABLE users ADD COLUMN {quoted} text, ADD COLUMN b text, DROP COLUMN name"

    steps = drafts(sql(down=f"concat_ws(' ', {quoted}, b)", table=table), Phase.EXPAND, users())

    assert len(steps) == 5


@pytest.mark.parametrize(
    ("text", "known", "reason"),
    [
        (sql(up="split_part(name, ' ', 1)"), users(), "up gives 1 value for 2 columns: a, b"),
        (sql(up="name, name FROM users"), users(), "up is more than a list of expressions"),
        (sql(up="name, id::text"), users(), 'up of b names column "id"'),
        (sql(down="a || name"), users(), 'down of name names column "name"'),
        (sql(up="name, (SELECT 'x')"), users(), "cannot hold a query"),
        (sql(table=TABLE.replace("b text", "b text NOT NULL")), users(), "comes with more than a type"),
        (sql(table=f"{TABLE} CASCADE"), users(), "would drop objects that are not named"),
        (sql(), users(ID), 'column "name" of table "public.users" does not exist'),
        (sql(), users(ID, NAME, Column("b", "text")), 'column "b" of table "public.users" exists already'),
        (sql(), users(ID, Column("name", "text", identity="always")), "computes its values"),
        (sql(), users(ID, Column("name", "text", generated="stored")), "computes its values"),
        (sql(), users(forces_row_security=True), "forces row security on its owner"),
        (sql(), users(is_subscribed=True), "logical subscription"),
        (sql(), users(dependents=(Dependent("view", "public.v", "name"),)), "is used by other objects"),
        (sql(), users(indexes=(index("i", "name", "id"),)), "part of a key or index"),
        (
            sql(),
            users(constraints=(Constraint("p", "primary key", ("name",), "PRIMARY KEY (name)"),)),
            "part of a key or index",
        ),
        (sql(), users(kind="foreign table"), "not an ordinary table"),
    ],
)
def test_what_cannot_be_done_safely_is_refused(text: str, known, reason: str):
    assert reason in refusal(text, known).message


def test_without_a_database_it_is_refused():
    assert "not known without a database" in refusal(sql()).message


def test_what_goes_with_the_column_is_told():
    known = users(
        ID,
        Column("name", "text", not_null=True, default="'x'::text"),
        indexes=(index("by_name", "name"),),
        constraints=(Constraint("filled", "check", ("name",), "CHECK (name <> '')"),),
        triggers=("audit",),
    )

    assert [note.split(":")[0].split(",")[0] for note in plan(sql(), known).notes] == [
        "name is NOT NULL",
        "the default of name goes with it; a",
        "check filled binds",
        "index by_name goes with name",
        "trigger audit fires on every row the backfill fills",
    ]


def test_what_came_to_use_the_old_column_is_refused_before_contract():
    (change,) = changes(sql(), users())
    for kind in ("view", "trigger function"):
        now = users(ID, NAME, Column("a", "text"), dependents=(Dependent(kind, "public.v", "name"),))
        with pytest.raises(Refused, match="is used by other objects"):
            SplitColumn().before_contract(change.spec, Context(MIGRATION, 7, now))


def test_one_directive_alone_leaves_the_commands_apart():
    assert 'add_column knows no directive "down"' in str(refusal(f"-- migrator: down = 'x'\n{TABLE}", users()).detail)
