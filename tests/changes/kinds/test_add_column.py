"""``add_column``: what is fast for every row goes in, everything else is refused with its line."""

from __future__ import annotations

import pytest

from migrator.model.objects import Grant
from tests.changes.plans import (
    NAME,
    Column,
    Phase,
    Relation,
    TableName,
    drafts,
    plan,
    refusal,
    schema,
    statements,
    users,
)


@pytest.mark.parametrize(
    ("column", "written"),
    [
        ("locale text", "locale text"),
        ("locale text NULL", "locale text"),
        ("locale text DEFAULT NULL", "locale text"),
        ("locale text NOT NULL DEFAULT 'en'", "locale text NOT NULL DEFAULT 'en'"),
        ("locale text DEFAULT 'it''s'", "locale text DEFAULT 'it''s'"),
        ("at timestamptz DEFAULT now()", "at timestamptz DEFAULT now()"),
        ("at timestamptz DEFAULT CURRENT_TIMESTAMP", "at timestamptz DEFAULT current_timestamp"),
        ("price numeric(10,2) DEFAULT 0", "price numeric(10, 2) DEFAULT 0"),
        ("tags text[] DEFAULT '{}'", "tags text[] DEFAULT '{}'"),
        ('"Locale" text COLLATE "C"', '"Locale" text COLLATE "C"'),
        ('locale text COLLATE pg_catalog."C"', 'locale text COLLATE pg_catalog."C"'),
    ],
)
def test_what_is_the_same_for_every_row_is_one_step_of_expand(column: str, written: str):
    sql = f"ALTER TABLE users ADD COLUMN {column}"

    assert statements(sql, Phase.EXPAND) == [f"ALTER TABLE public.users ADD COLUMN {written}"]
    assert statements(sql, Phase.BACKFILL) == statements(sql, Phase.CONTRACT) == []


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("n int NOT NULL", "NOT NULL without a default: every insert of old code fails"),
        ("n int NOT NULL DEFAULT NULL", "NOT NULL without a default"),
        ("n int NOT NULL DEFAULT NULL::int", "NOT NULL without a default"),
        ("n int GENERATED ALWAYS AS IDENTITY (START 5)", "comes with options of its sequence"),
        ("n int GENERATED ALWAYS AS (id * 2) VIRTUAL NOT NULL", "cannot be added NOT NULL"),
        ("n int GENERATED ALWAYS AS (id * 2) STORED", "a stored generated column rewrites the table"),
        ("n int NOT NULL DEFAULT 1 DEFERRABLE", "is not understood"),
    ],
)
def test_what_old_code_or_other_sessions_would_notice_is_refused(column: str, reason: str):
    refused = refusal(f"-- a comment\nALTER TABLE users ADD COLUMN {column}", users())

    assert reason in refused.message
    assert refused.at == "change.sql:2"


def test_a_column_that_exists_is_refused():
    assert refusal("ALTER TABLE users ADD COLUMN name text", users()).message == (
        'column "name" of table "public.users" exists already'
    )


def test_a_domain_that_checks_its_values_is_refused():
    known = schema(Relation(TableName("public", "users")), constrained_domains=frozenset({"email"}))

    for written in ("email", "public.email", '"email"'):
        assert "a domain that checks its values" in refusal(f"ALTER TABLE users ADD COLUMN e {written}", known).message


def test_without_a_database_it_says_what_it_could_not_check():
    (note,) = plan("ALTER TABLE users ADD COLUMN locale text").notes

    assert note == "whether public.users has a column locale could not be checked without a database"


def test_a_column_for_a_table_of_the_same_migration_belongs_into_create_table():
    refused = refusal("CREATE TABLE t (a int);\n-- migrator: fill = a\nALTER TABLE t ADD COLUMN b int")

    assert refused.hint == "write it into the CREATE TABLE"


def test_rollback_drops_the_column_and_counts_what_new_code_wrote():
    (undo,) = drafts("ALTER TABLE users ADD COLUMN locale text DEFAULT 'a  b'", Phase.ROLLBACK)

    assert undo.sql == "ALTER TABLE public.users DROP COLUMN locale"
    assert undo.undoes == "add-locale"
    assert undo.loses == (
        "SELECT count(*) FROM public.users WHERE locale::text IS DISTINCT FROM CAST('a  b' AS text)::text"
    )


def test_alter_foreign_table_is_not_of_this_kind():
    assert "cannot be split safely" in refusal("ALTER FOREIGN TABLE users ADD COLUMN n int").message


def test_the_schema_of_the_table_is_looked_up_along_the_search_path():
    known = schema(Relation(TableName("app", "users"), columns=(NAME,)), search_path=("app", "public"))

    assert statements("ALTER TABLE users ADD COLUMN n int", Phase.EXPAND, known) == [
        "ALTER TABLE app.users ADD COLUMN n int"
    ]


def test_a_column_may_be_of_a_type_in_a_schema_of_its_own():
    known = users(Column("id", "bigint"))

    assert statements('ALTER TABLE users ADD COLUMN mood app."Mood"', Phase.EXPAND, known) == [
        'ALTER TABLE public.users ADD COLUMN mood app."Mood"'
    ]


@pytest.mark.parametrize(
    ("column", "default"),
    [
        ("n float8 DEFAULT random()", "random()"),
        ("n uuid DEFAULT gen_random_uuid()", "gen_random_uuid()"),
        ("n timestamptz DEFAULT clock_timestamp()", "clock_timestamp()"),
        ("n int DEFAULT nextval('s')", "nextval('s')"),
    ],
)
def test_a_default_that_differs_is_set_after_the_column_and_filled_in_batches(column: str, default: str):
    sql = f"ALTER TABLE users ADD COLUMN {column}"
    steps = drafts(sql, Phase.EXPAND, users())

    assert [step.id for step in steps] == ["add-n", "default-n"]
    assert {step.group for step in steps} == {"users"}
    assert "DEFAULT" not in steps[0].sql
    assert steps[1].sql == f"ALTER TABLE public.users ALTER COLUMN n SET DEFAULT {default}"
    assert statements(sql, Phase.BACKFILL, users()) == [f"UPDATE public.users SET n = {default} WHERE n IS NULL"]
    assert statements(sql, Phase.CONTRACT, users()) == []


def test_not_null_follows_at_contract_where_rows_were_filled():
    sql = "ALTER TABLE users ADD COLUMN n uuid NOT NULL DEFAULT gen_random_uuid()"

    assert "NOT NULL" not in drafts(sql, Phase.EXPAND, users())[0].sql
    assert [(step.id, step.group) for step in drafts(sql, Phase.CONTRACT, users())] == [
        ("add-check", "users"),
        ("validate-check", None),
        ("set-not-null", "finish-users"),
        ("drop-check", "finish-users"),
    ]


@pytest.mark.parametrize(
    ("written", "kind"), [("smallserial", "smallint"), ("serial", "integer"), ("bigserial", "bigint")]
)
def test_whoever_may_insert_may_use_the_sequence_of_a_serial_column(written: str, kind: str):
    known = users(
        Column("name", "text", grants=(Grant("writer", "INSERT"),)),
        grants=(Grant("app", "INSERT"), Grant("app", "SELECT"), Grant("reader", "SELECT")),
    )

    assert statements(f"ALTER TABLE users ADD COLUMN n {written}", Phase.EXPAND, known) == [
        f"CREATE SEQUENCE public.users_n_seq AS {kind}",
        f"ALTER TABLE public.users ADD COLUMN n {kind}",
        "ALTER SEQUENCE public.users_n_seq OWNED BY public.users.n",
        "GRANT USAGE ON SEQUENCE public.users_n_seq TO app",
        "GRANT USAGE ON SEQUENCE public.users_n_seq TO writer",
        "ALTER TABLE public.users ALTER COLUMN n SET DEFAULT nextval('public.users_n_seq'::regclass)",
    ]


def test_an_identity_takes_over_where_the_sequence_stands():
    sql = "ALTER TABLE users ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY"
    sequence = statements(sql, Phase.EXPAND, users())[0].split()[2]

    assert statements(sql, Phase.CONTRACT, users())[4:] == [
        "ALTER TABLE public.users ALTER COLUMN n DROP DEFAULT",
        "ALTER TABLE public.users ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME public.users_n_seq)",
        f"SELECT setval('public.users_n_seq', last_value, is_called) FROM {sequence}",
        f"DROP SEQUENCE {sequence}",
    ]


FILLED = "-- migrator: fill = upper(name)\nALTER TABLE users ADD COLUMN n text NOT NULL"


def test_fill_stands_in_for_what_old_code_does_not_name():
    steps = drafts(FILLED, Phase.EXPAND, users())

    assert [step.id for step in steps] == ["add-n", "function-fill", "trigger-fill"]
    assert "NEW.n := upper(new.name);" in steps[1].sql
    assert statements(FILLED, Phase.BACKFILL, users()) == ["UPDATE public.users SET n = upper(name) WHERE n IS NULL"]
    assert [step.id for step in drafts(FILLED, Phase.CONTRACT, users())][-2:] == [
        "drop-trigger-fill",
        "drop-function-fill",
    ]
    assert {step.undoes for step in drafts(FILLED, Phase.ROLLBACK, users())} == {step.id for step in steps}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (FILLED.replace("NOT NULL", "NOT NULL DEFAULT ''"), "fill is for a column without a default"),
        (FILLED.replace("upper(name)", "upper(n)"), "names the column itself"),
        (FILLED.replace("upper(name)", "NULL"), "fill = NULL is NULL itself"),
        (FILLED.replace("upper(name)", "upper(nam)"), 'column "nam" of table "public.users" does not exist'),
        (FILLED.replace("upper(name)", "(SELECT 'x')"), "cannot hold a query"),
    ],
)
def test_a_fill_that_cannot_be_is_refused(text: str, reason: str):
    assert reason in refusal(text, users()).message


def test_a_nullable_column_is_filled_where_rows_are_inserted_and_not_where_null_is_written_on_purpose():
    sql = FILLED.replace("NOT NULL", "")

    assert "BEFORE INSERT ON" in statements(sql, Phase.EXPAND, users())[2]
    assert statements(sql, Phase.BACKFILL, users()) == [
        "UPDATE public.users SET n = upper(name) WHERE n IS NULL AND (upper(name)) IS NOT NULL"
    ]
    assert [step.id for step in drafts(sql, Phase.CONTRACT, users())] == ["drop-trigger-fill", "drop-function-fill"]


def test_what_answers_differently_every_time_is_asked_once_for_each_row():
    drawn = "-- migrator: fill = gen_random_uuid()\nALTER TABLE users ADD COLUMN n uuid"
    some = "-- migrator: fill = CASE WHEN id = 1 THEN gen_random_uuid() END\nALTER TABLE users ADD COLUMN n uuid"

    assert statements(drawn, Phase.BACKFILL, users()) == [
        "UPDATE public.users SET n = gen_random_uuid() WHERE n IS NULL"
    ]
    assert "cannot be told" in refusal(some, users()).message


def test_a_column_is_not_added_twice():
    refused = refusal("ALTER TABLE users ADD n int; ALTER TABLE public.users ADD n text", users())

    assert refused.message == 'column "n" of table "public.users" is added twice'


def test_what_fills_rows_needs_a_database_to_look_at():
    assert "not known without a database" in refusal("ALTER TABLE users ADD COLUMN n serial").message
    assert "forces row security" in refusal(FILLED, users(forces_row_security=True)).message
    assert "logical subscription" in refusal(FILLED, users(is_subscribed=True)).message


def test_a_virtual_column_is_added_at_once_where_the_server_has_them():
    sql = "ALTER TABLE users ADD COLUMN n text GENERATED ALWAYS AS (upper(name)) VIRTUAL"
    known = schema(*users().relations.values(), server_version=18)

    assert statements(sql, Phase.EXPAND, known) == [
        "ALTER TABLE public.users ADD COLUMN n text GENERATED ALWAYS AS (upper(name)) VIRTUAL"
    ]
    assert drafts(sql, Phase.ROLLBACK, known)[0].loses is None
    known = schema(*users().relations.values(), server_version=17)
    assert "PostgreSQL 17 has none" in refusal(sql, known).message
