"""``add_foreign_key``: at contract, NOT VALID and validated; orphans are counted before."""

from __future__ import annotations

import pytest

from migrator.planning import planner
from tests.changes.plans import (
    ID,
    MIGRATION,
    USERS,
    Column,
    Constraint,
    Phase,
    Relation,
    TableName,
    changes,
    drafts,
    index,
    plan,
    refusal,
    schema,
    statements,
)  # fmt: skip

ORDERS = TableName("app", "orders")
REFERENCE = Column("user_id", "bigint")
SQL = "ALTER TABLE app.orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE DEFERRABLE"
PRIMARY = {
    "indexes": (index("users_pkey", "id", is_unique=True, is_primary=True, constraint="users_pkey"),),
    "constraints": (Constraint("users_pkey", "primary key", ("id",), "PRIMARY KEY (id)"),),
}


def known(*orders_indexes, **users_facts):
    return schema(
        Relation(USERS, columns=(ID,), **(users_facts or PRIMARY)),
        Relation(ORDERS, columns=(ID, REFERENCE), indexes=orders_indexes),
    )


def test_it_waits_for_contract_and_names_the_columns_it_points_to():
    assert statements(SQL, Phase.EXPAND, known()) == statements(SQL, Phase.ROLLBACK, known()) == []
    add, validate = statements(SQL, Phase.CONTRACT, known())
    assert add.startswith(
        "ALTER TABLE app.orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users (id)"
    )
    assert "ON DELETE CASCADE" in add
    assert "DEFERRABLE" in add
    assert add.endswith("NOT VALID")
    assert validate == "ALTER TABLE app.orders VALIDATE CONSTRAINT orders_user_id_fkey"
    assert [draft.group for draft in drafts(SQL, Phase.CONTRACT, known())] == ["orders", None]


def test_orphans_are_counted_before_the_gate_and_null_is_none():
    ((_, obstacle),) = planner.obstacles_of(changes(SQL, known()), migration=MIGRATION, level=1, schema=known())

    assert " ".join(obstacle.count.split()) == (
        "SELECT count(*) FROM app.orders AS child WHERE NOT EXISTS ( SELECT FROM public.users AS parent WHERE true"
        " AND parent.id = child.user_id ) AND child.user_id IS NOT NULL"
    )
    assert obstacle.problem == "rows of app.orders point to no row of public.users"


def test_a_missing_index_is_told_unless_there_is_one():
    told = "no index of app.orders covers (user_id): every delete in public.users will read the whole table"

    assert plan(SQL, known()).notes[0].startswith(told)
    assert len(plan(SQL, known(index("i", "user_id"))).notes) == 1


def test_a_table_may_point_to_itself():
    sql = "ALTER TABLE users ADD FOREIGN KEY (id) REFERENCES users (id)"

    (change,) = changes(sql, known())
    assert change.kind.touched(change.spec) == {USERS: ("id",)}


def test_not_valid_counts_no_orphans_and_validates_nothing():
    sql = f"{SQL} NOT VALID"

    assert len(statements(sql, Phase.CONTRACT, known())) == 1
    assert planner.obstacles_of(changes(sql, known()), migration=MIGRATION, level=1, schema=known()) == []
    assert any("stays NOT VALID" in note for note in plan(sql, known()).notes)


def test_of_a_new_table_it_goes_before_the_tables_that_point_to_each_other():
    sql = (
        "CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);"
        "ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES b (id)"
    )

    assert statements(sql, Phase.ROLLBACK, known()) == [
        "ALTER TABLE public.a DROP CONSTRAINT to_b",
        "DROP TABLE public.b",
        "DROP TABLE public.a",
    ]
    assert statements(sql, Phase.CONTRACT, known()) == []


def test_what_new_rows_do_to_deletes_of_a_table_that_is_there_is_said():
    sql = "CREATE TABLE a (id int); ALTER TABLE a ADD FOREIGN KEY (id) REFERENCES users"

    assert plan(sql, known()).notes == (
        "a row here refuses the delete of the row of public.users it points to, for old code too",
    )


@pytest.mark.parametrize(
    ("sql", "schema_known", "reason"),
    [
        (SQL, schema(Relation(ORDERS, columns=(REFERENCE,))), 'table "public.users" does not exist'),
        (SQL, known(estimated_rows=1), 'table "public.users" has no primary key to point to'),
        ("ALTER TABLE app.orders ADD FOREIGN KEY (user_id) REFERENCES users (id)", known(estimated_rows=1),
         'no unique constraint of "public.users" is about (id)'),
        ("ALTER TABLE app.orders ADD FOREIGN KEY (x) REFERENCES users", known(), 'column "x" of table "app.orders"'),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(sql: str, schema_known, reason: str):
    assert reason in refusal(sql, schema_known).message
