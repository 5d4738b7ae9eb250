"""``drop_column``: nothing before contract but a default, and not while anything relies on the column."""

from __future__ import annotations

import pytest

from migrator.changes.kind import Context
from migrator.changes.kinds.drop_column import DropColumn
from migrator.errors import Refused
from migrator.model.publishing import Publishing
from migrator.planning import planner
from tests.changes.plans import (
    ID,
    MIGRATION,
    NAME,
    NOTHING,
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

SQL = "ALTER TABLE users DROP COLUMN name"


def test_it_is_dropped_by_contract_and_nothing_happens_before():
    planned = plan(SQL, users())

    assert {phase: [draft.sql for draft in found] for phase, found in planned.drafts.items() if found} == {
        Phase.CONTRACT: ["ALTER TABLE public.users DROP COLUMN name"]
    }


def test_if_exists_and_restrict_change_nothing():
    assert statements("ALTER TABLE users DROP COLUMN IF EXISTS name RESTRICT", Phase.CONTRACT, users()) == [
        "ALTER TABLE public.users DROP COLUMN name"
    ]


def test_cascade_is_refused_because_it_drops_what_is_not_named():
    refused = refusal(f"\n{SQL} CASCADE", users())

    assert "CASCADE would drop objects that are not named" in refused.message
    assert refused.at == "change.sql:2"


def test_a_column_that_is_not_there_is_refused_with_those_that_are():
    refused = refusal("ALTER TABLE users DROP COLUMN nam", users())

    assert refused.message == 'column "nam" of table "public.users" does not exist'
    assert refused.detail == 'columns: "id", "name"'


@pytest.mark.parametrize(
    "kind",
    [
        "view",
        "materialized view",
        "rule",
        "policy",
        "generated column",
        "foreign key of another table",
    ],
)
def test_what_depends_on_the_column_is_named(kind: str):
    known = users(dependents=(Dependent(kind, "public.x", "name"), Dependent(kind, "public.other", "id")))

    refused = refusal(SQL, known)

    assert 'column "name" of table "public.users" is used by other objects' in refused.message
    assert refused.detail == f"{kind} public.x"


def test_publications_that_cannot_let_go_of_the_column_are_named():
    publications = (
        Publishing("a", columns=("id", "name"), is_ours=False),
        Publishing("b", columns=("name",)),
        Publishing("c", filtered_by="(name > 'x')"),
        Publishing("d", columns=("id", "name")),
        Publishing("e", columns=("id",)),
    )
    known = users(
        publications=publications, dependents=tuple(Dependent("publication", name, "name") for name in "abcd")
    )

    refused = refusal(SQL, known)

    assert 'columns of table "public.users" cannot be taken out of publications: name' in refused.message
    assert str(refused.detail).splitlines() == [
        "publication a belongs to another role",
        "publication b lists nothing else",
        "publication c has a row filter that reads name",
    ]


@pytest.mark.parametrize(
    ("facts", "detail"),
    [
        (
            {"constraints": (Constraint("pk", "primary key", ("name",), "PRIMARY KEY (name)"),)},
            "primary key pk: PRIMARY KEY (name)",
        ),
        (
            {"constraints": (Constraint("u", "unique", ("id", "name"), "UNIQUE (id, name)"),)},
            "unique u: UNIQUE (id, name)",
        ),
        (
            {"constraints": (Constraint("c", "check", ("id", "name"), "CHECK (id > length(name))"),)},
            "check c: CHECK (id > length(name))",
        ),
        (
            {"indexes": (index("i", "id", "name"),)},
            "index i: CREATE INDEX i ON public.users USING btree (id, name)",
        ),
    ],
)
def test_a_key_or_index_that_would_go_with_it_is_named(facts, detail: str):
    refused = refusal(SQL, users(**facts))

    assert "is part of a key or index that would go with it" in refused.message
    assert refused.detail == detail


def test_constraints_and_indexes_on_the_column_alone_go_with_it():
    known = users(
        constraints=(Constraint("u", "unique", ("name",), "UNIQUE (name)"),),
        indexes=(index("u", "name", constraint="u"), index("i", "name")),
    )

    assert plan(SQL, known).notes == ("index u goes with the column", "index i goes with the column")


def test_new_code_must_be_able_to_insert_without_it():
    known = users(ID, Column("name", "text", not_null=True))

    refused = refusal(SQL, known)

    assert "is NOT NULL without a default: new code could not insert without it" in refused.message
    assert "-- migrator: down = VALUE" in str(refused.hint)


@pytest.mark.parametrize(
    "column",
    [
        Column("name", "text"),
        Column("name", "text", not_null=True, default="''::text"),
        Column("name", "bigint", not_null=True, identity="by default"),
        Column("name", "text", not_null=True, generated="stored"),
    ],
)
def test_a_column_new_code_can_leave_out_needs_no_directive(column: Column):
    assert statements(SQL, Phase.EXPAND, users(ID, column)) == []


def test_down_is_the_default_from_expand_to_contract_and_rollback_restores_what_was_there():
    sql = f"-- migrator: down = 'no''ne'\n{SQL}"

    assert statements(sql, Phase.EXPAND, users()) == ["ALTER TABLE public.users ALTER COLUMN name SET DEFAULT 'no''ne'"]
    (undo,) = drafts(sql, Phase.ROLLBACK, users())
    assert (undo.sql, undo.undoes) == ("ALTER TABLE public.users ALTER COLUMN name DROP DEFAULT", "default-name")
    with_default = users(ID, Column("name", "text", default="'x'::text"))
    assert statements(sql, Phase.ROLLBACK, with_default) == [
        "ALTER TABLE public.users ALTER COLUMN name SET DEFAULT 'x'::text"
    ]


def test_a_plan_made_again_restores_the_default_as_it_is_by_then():
    (change,) = changes(f"-- migrator: down = ''\n{SQL}", users())
    now = users(ID, Column("name", "text", default="'later'::text"))

    (undo,) = DropColumn().rollback(change.spec, Context(MIGRATION, 7, now))

    assert undo.sql == "ALTER TABLE public.users ALTER COLUMN name SET DEFAULT 'later'::text"


def test_down_needs_a_database_because_rollback_restores_the_default():
    refused = refusal(f"-- migrator: down = ''\n{SQL}")

    assert "is not known without a database" in refused.message


@pytest.mark.parametrize(
    "column", [Column("name", "int", identity="always"), Column("name", "int", generated="stored")]
)
def test_down_cannot_replace_what_the_column_computes(column: Column):
    assert "computes its values" in refusal(f"-- migrator: down = 1\n{SQL}", users(ID, column)).message


@pytest.mark.parametrize("down", ["NULL", "null::text", "CAST(NULL AS text)"])
def test_down_cannot_be_null_where_inserts_of_new_code_would_fail(down: str):
    sql = f"-- migrator: down = {down}\n{SQL}"

    assert (
        "NOT NULL: inserts of new code would fail"
        in refusal(sql, users(ID, Column("name", "text", not_null=True))).message
    )
    assert len(statements(sql, Phase.EXPAND, users(ID, Column("name", "text", default="'a'::text")))) == 1


def test_down_is_one_value_for_all_rows():
    assert "names a column" in refusal(f"-- migrator: down = id\n{SQL}", users()).message
    assert "not one SQL expression" in refusal(f"-- migrator: down = 1, 2\n{SQL}", users()).message


def test_down_that_does_not_parse_is_refused_with_its_place():
    refused = refusal(f"SELECT 1;\n-- migrator: down = 'x\n{SQL}", users())

    assert "unterminated quoted string" in str(refused.detail) + refused.message


def test_a_table_written_by_a_subscription_is_refused():
    assert "is written by a logical subscription" in refusal(SQL, users(is_subscribed=True)).message


def test_trigger_functions_are_a_note_at_first_and_refused_before_contract():
    known = users(ID, NAME, dependents=(Dependent("trigger function", "public.audit", "name"),))
    (change,) = changes(SQL, known)

    assert plan(SQL, known).notes == (
        "function public.audit reads NEW.name or OLD.name: contract is refused until it does not",
    )
    with pytest.raises(Refused) as caught:
        DropColumn().before_contract(change.spec, Context(MIGRATION, 7, known))
    assert caught.value.detail == "trigger function public.audit"


def test_a_view_made_after_expand_is_refused_before_contract():
    (change,) = changes(SQL, users())
    DropColumn().before_contract(change.spec, Context(MIGRATION, 7, users()))

    with pytest.raises(Refused) as caught:
        DropColumn().before_contract(
            change.spec, Context(MIGRATION, 7, users(dependents=(Dependent("view", "public.v", "name"),)))
        )
    assert caught.value.detail == "view public.v"


def test_without_a_database_it_says_what_it_could_not_check():
    (note,) = plan(SQL).notes

    assert "whether new code can insert into public.users without name" in note


def test_a_column_of_a_table_of_the_same_migration_is_refused_as_a_change_of_its_own():
    asked = [*changes("CREATE TABLE users (name text)"), *changes(SQL)]

    with pytest.raises(Refused) as refused:
        planner.plan(asked, migration=MIGRATION, level=7, schema=NOTHING)

    assert "leave it out there" in str(refused.value.hint)
