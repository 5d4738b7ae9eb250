"""``rename_column``: a copy, two triggers, copies of indexes; and what it refuses."""

from __future__ import annotations

import pytest

from migrator.changes.kind import Context
from migrator.changes.kinds.rename_column import RenameColumn
from migrator.errors import Refused
from migrator.model.objects import Grant
from migrator.model.publishing import Publishing
from migrator.planning import planner
from tests.changes.plans import (
    ID,
    MIGRATION,
    NAME,
    NOTHING,
    Column,
    Dependent,
    Phase,
    changes,
    drafts,
    index,
    plan,
    refusal,
    schema,
    statements,
    users,
)

SQL = "ALTER TABLE users RENAME COLUMN name TO full_name"


def test_expand_adds_a_column_of_the_same_type_and_mirrors_both_ways():
    known = users(ID, Column("name", "character varying(80)", collation='pg_catalog."C"'))

    steps = drafts(SQL, Phase.EXPAND, known)

    assert [step.id for step in steps] == [
        "add-full_name", "function-down", "function-up", "trigger-down", "trigger-up",
    ]  # fmt: skip
    assert {step.group for step in steps} == {"users"}
    assert steps[0].sql == (
        'ALTER TABLE public.users ADD COLUMN full_name character varying(80) COLLATE pg_catalog."C"'
    )


def test_contract_drops_the_copy_and_renames_the_old_column_in_one_transaction():
    steps = drafts(SQL, Phase.CONTRACT, users())

    assert [step.sql for step in steps[-2:]] == [
        "ALTER TABLE public.users DROP COLUMN full_name",
        "ALTER TABLE public.users RENAME COLUMN name TO full_name",
    ]
    assert {step.group for step in steps} == {"users"}


def test_rollback_undoes_every_step_of_expand_but_the_index_copies_that_go_with_the_column():
    known = users(ID, NAME, indexes=(index("i", "name"),))

    undone = {step.undoes for step in drafts(SQL, Phase.ROLLBACK, known)}

    assert undone == {"add-full_name", "function-down", "function-up", "trigger-down", "trigger-up"}


def test_a_constant_default_is_shared_and_a_volatile_one_is_not():
    constant = users(ID, Column("name", "text", default="'?'::text"))
    volatile = users(ID, Column("name", "text", default="md5(random()::text)", default_is_volatile=True))

    assert "ALTER TABLE public.users ALTER COLUMN full_name SET DEFAULT '?'::text" in statements(
        SQL, Phase.EXPAND, constant
    )
    assert not any("DEFAULT" in sql for sql in statements(SQL, Phase.EXPAND, volatile))


def test_rights_on_the_column_alone_are_granted_on_the_copy():
    known = users(ID, Column("name", "text", grants=(Grant("read er", "SELECT"), Grant("", "UPDATE"))))

    granted = [sql for sql in statements(SQL, Phase.EXPAND, known) if sql.startswith("GRANT")]

    assert granted == [
        'GRANT SELECT (full_name) ON public.users TO "read er"',
        "GRANT UPDATE (full_name) ON public.users TO PUBLIC",
    ]


def test_every_valid_index_that_mentions_the_column_gets_a_copy():
    known = users(
        ID,
        NAME,
        indexes=(
            index("by_name", "name"),
            index("by_lower", "name", definition="CREATE INDEX by_lower ON public.users USING btree (lower(name))"),
            index("users_pkey", "id", is_unique=True, is_primary=True),
            index("broken", "name", is_valid=False),
            index("excluded", "name", is_exclusion=True),
        ),
    )

    copies = [step.sql for step in drafts(SQL, Phase.EXPAND, known) if step.id.startswith("index-")]

    assert [" ".join(sql.split()[-5:]) for sql in copies] == [
        "ON public.users USING btree (full_name)",
        "ON public.users USING btree (lower(full_name))",
    ]
    assert all(sql.startswith("CREATE INDEX CONCURRENTLY by_") for sql in copies)
    assert plan(SQL, known).notes == (
        "index broken is invalid and gets no copy for the new name",
        "index excluded serves an exclusion constraint and gets no copy for the new name",
    )


def test_a_unique_index_makes_inserts_of_one_key_take_turns():
    known = users(ID, NAME, indexes=(index("u", "id", "name", is_unique=True),))

    (up,) = [step for step in drafts(SQL, Phase.EXPAND, known) if step.id == "function-up"]
    (plain,) = [step for step in drafts(SQL, Phase.EXPAND, users()) if step.id == "function-up"]

    assert "pg_advisory_xact_lock" in up.sql
    assert ", NEW.id::text, NEW.name::text" in up.sql
    assert "pg_advisory_xact_lock" not in plain.sql


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (users(ID), 'column "name" of table "public.users" does not exist'),
        (users(ID, NAME, Column("full_name", "text")), 'column "full_name" of table "public.users" exists already'),
        (users(ID, Column("name", "text", generated="stored")), "is generated, nobody can write to it"),
        (users(ID, Column("name", "public.email", has_constrained_domain=True)), "which checks its values"),
        (users(is_subscribed=True), "is written by a logical subscription"),
        (users(forces_row_security=True), "forces row security on its owner"),
        (users(kind="foreign table"), "not an ordinary table"),
        (users(inherits=True), "takes part in inheritance"),
        (
            users(
                dependents=(Dependent("publication", "p", "name"),),
                publications=(Publishing("p", columns=("name",), is_ours=False),),
            ),
            "is in column lists of publications of another role",
        ),
        (schema(), 'table "public.users" does not exist'),
    ],
)
def test_a_column_it_cannot_be_done_for_is_refused(known, reason: str):
    refused = refusal(f"\n{SQL}", known)

    assert reason in refused.message
    assert refused.at == "change.sql:2"


def test_what_else_uses_the_column_is_told():
    known = users(
        triggers=("audit",),
        dependents=(
            Dependent("view", "public.v", "name"),
            Dependent("trigger function", "public.f", "name"),
            Dependent("view", "public.w", "id"),
        ),
    )

    assert plan(SQL, known).notes == (
        "view public.v goes on to work and keeps its own column names",
        "function public.f reads NEW.name or OLD.name: contract is refused until it works under the new name",
        "trigger audit fires on every row the backfill fills",
    )


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"dependents": (Dependent("trigger function", "public.f", "name"),)}, "every write to the table would fail"),
        ({"dependents": (Dependent("view", "public.v", "full_name"),)}, "contract drops this copy"),
        ({"dependents": (Dependent("policy", "p", "full_name"),)}, "contract drops this copy"),
        ({"indexes": (index("later", "full_name"),)}, 'index "later" was built on "full_name"'),
    ],
)
def test_what_came_to_use_either_name_is_refused_before_contract(facts, reason: str):
    (change,) = changes(SQL, users())
    now = users(ID, NAME, Column("full_name", "text"), **facts)

    with pytest.raises(Refused, match=reason):
        RenameColumn().before_contract(change.spec, Context(MIGRATION, 7, now))


def test_the_copies_of_indexes_do_not_stand_in_the_way_of_contract():
    known = users(ID, NAME, indexes=(index("i", "name"),))
    (change,) = changes(SQL, known)
    copy = drafts(SQL, Phase.EXPAND, known)[-1].sql.split()[3]
    now = users(ID, NAME, Column("full_name", "text"), indexes=(index("i", "name"), index(copy, "full_name")))

    RenameColumn().before_contract(change.spec, Context(MIGRATION, 7, now))


def test_without_a_database_the_type_is_read_when_expand_runs():
    (added, *_) = drafts(SQL, Phase.EXPAND)

    assert added.sql.startswith("DO $migrator$")
    assert added.locks == "ACCESS EXCLUSIVE ON public.users"
    assert "could not be checked without a database" in plan(SQL).notes[0]


def test_triggers_of_several_renamings_settle_from_the_newest_down_and_from_the_oldest_up():
    def triggers(level: int, old: str, new: str) -> list[str]:
        planned = plan(f"ALTER TABLE users RENAME {old} TO {new}", users(ID, Column(old, "text")), level=level)
        return [step.sql.split()[2] for step in planned.drafts[Phase.EXPAND] if step.id.startswith("trigger-")]

    first, second = triggers(9, "a", "b"), triggers(10, "b", "c")

    assert sorted([*first, *second]) == [second[0], first[0], first[1], second[1]]


@pytest.mark.parametrize(
    "name", ["n" * 63, "é" * 31, 'quo"te', "a b", "UPPER", "select", "if", "begin", "a$migrator$b"]
)
def test_names_that_need_care_stay_within_63_bytes(name: str):
    quoted = '"' + name.replace('"', '""') + '"'
    known = users(ID, Column("name", "text"), indexes=(index("i", "name"),))

    steps = drafts(f"ALTER TABLE users RENAME name TO {quoted}", Phase.EXPAND, known)

    assert len(steps) == 6


def test_a_longer_name_is_cut_where_the_server_would_cut_it():
    assert statements(f'ALTER TABLE users RENAME name TO "{"é" * 32}"', Phase.CONTRACT, users())[-1] == (
        f'ALTER TABLE public.users RENAME COLUMN name TO "{"é" * 31}"'
    )


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER VIEW users RENAME COLUMN name TO full_name",
        "ALTER MATERIALIZED VIEW users RENAME COLUMN name TO full_name",
        "ALTER FOREIGN TABLE users RENAME COLUMN name TO full_name",
        "ALTER TYPE users RENAME ATTRIBUTE name TO full_name",
    ],
)
def test_other_renamings_are_not_of_this_kind(sql: str):
    assert "cannot be split safely" in refusal(sql, users()).message


def test_only_is_refused():
    assert refusal("ALTER TABLE ONLY users RENAME name TO full_name", users()).hint == "leave ONLY out"


def test_a_column_of_a_table_of_the_same_migration_is_refused_as_a_change_of_its_own():
    asked = [*changes("CREATE TABLE users (name text)"), *changes(SQL)]

    with pytest.raises(Refused) as refused:
        planner.plan(asked, migration=MIGRATION, level=7, schema=NOTHING)

    assert "give it the name you want" in str(refused.value.hint)
