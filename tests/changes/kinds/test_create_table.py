"""``create_table``: qualified, expanded at once, nothing that locks another table unseen."""

from __future__ import annotations

import pytest

from tests.changes.plans import Phase, Relation, TableName, changes, drafts, plan, refusal, schema, statements, users


def test_the_table_and_what_it_refers_to_are_qualified():
    sql = """
    CREATE TABLE invoices (
        id bigint PRIMARY KEY,
        parent bigint REFERENCES invoices,
        owner bigint REFERENCES users,
        area int REFERENCES geo.areas (id),
        LIKE stamps
    )"""

    (created,) = statements(sql, Phase.EXPAND)

    assert created == (
        "CREATE TABLE public.invoices (id bigint PRIMARY KEY, parent bigint REFERENCES public.invoices, "
        "owner bigint REFERENCES public.users, area int REFERENCES geo.areas (id), LIKE public.stamps)"
    )


def test_it_locks_the_tables_it_refers_to_but_not_itself():
    (change,) = changes("CREATE TABLE t (a int REFERENCES users, b int REFERENCES t)")

    assert change.as_table()["references"] == ["public.users"]


def test_if_not_exists_is_left_out_because_it_would_hide_another_table():
    assert statements("CREATE TABLE IF NOT EXISTS t (a int)", Phase.EXPAND) == ["CREATE TABLE public.t (a int)"]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("CREATE TEMPORARY TABLE t (a int)", "would be temporary"),
        ("CREATE TABLE t PARTITION OF users FOR VALUES IN (1)", "would be a partition of an existing table"),
        ("CREATE TABLE t (a int) INHERITS (users)", "would inherit from an existing table"),
    ],
)
def test_what_locks_another_table_or_vanishes_is_refused(sql: str, reason: str):
    refused = refusal(f"\n\n{sql}", users())

    assert reason in refused.message
    assert refused.at == "change.sql:3"


def test_a_name_that_is_taken_is_refused():
    assert refusal("CREATE TABLE users (a int)", users()).message == 'table "public.users" exists already'
    assert refusal("CREATE TABLE users (a int)", users()).hint is None
    partitioned = refusal("CREATE TABLE users (LIKE users) PARTITION BY RANGE (id)", users())
    assert "-- migrator: partition = users_old FOR VALUES FROM (MINVALUE) TO (" in str(partitioned.hint)
    view = schema(Relation(TableName("public", "users"), kind="view"))
    assert refusal("CREATE TABLE users (a int)", view).message == 'view "public.users" exists already'
    assert refusal("CREATE TABLE t (a int); CREATE TABLE t (b int)").message == 'table "public.t" exists already'


def test_a_foreign_key_to_a_table_that_is_not_there_is_refused():
    assert refusal("CREATE TABLE t (a int REFERENCES orders)", users()).message == (
        'table "public.orders" does not exist'
    )


def test_a_foreign_key_to_a_table_of_the_same_migration_or_of_the_database_is_fine():
    sql = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a, u bigint REFERENCES users)"

    planned = plan(sql, users())

    assert [draft.id for draft in planned.drafts[Phase.EXPAND]] == ["create-a", "create-b"]
    assert planned.notes == (
        "a row here refuses the delete of the row of public.a it points to, for old code too",
        "a row here refuses the delete of the row of public.users it points to, for old code too",
    )


def test_there_is_nothing_to_contract_and_rollback_counts_the_rows():
    sql = "CREATE TABLE t (a int)"
    (undo,) = drafts(sql, Phase.ROLLBACK)

    assert statements(sql, Phase.CONTRACT) == []
    assert (undo.sql, undo.undoes, undo.loses) == (
        "DROP TABLE public.t",
        "create-t",
        "SELECT count(*) FROM public.t",
    )
