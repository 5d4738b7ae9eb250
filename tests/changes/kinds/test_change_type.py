"""``change_type``: a column beside the old one, everything on it anew, and one swap."""

from __future__ import annotations

import pytest

from migrator.model.objects import Grant
from migrator.model.schema import Reference, Sequence
from migrator.planning import planner
from tests.changes.plans import (
    ID,
    MIGRATION,
    NOTHING,
    USERS,
    Column,
    Constraint,
    Dependent,
    Phase,
    TableName,
    changes,
    drafts,
    index,
    plan,
    refusal,
    statements,
    users,
)  # fmt: skip

SQL = "ALTER TABLE users ALTER COLUMN age TYPE bigint"
AGE = Column("age", "integer")
DEFERRED = Constraint("k", "unique", ("age",), "UNIQUE (age) DEFERRABLE INITIALLY DEFERRED")


def shadow(sql: str = SQL, column: Column = AGE) -> str:
    added = statements(sql, Phase.EXPAND, users(ID, column))[0]
    return added.split(" ADD COLUMN ")[1].split()[0]


def contract(column: Column = AGE, sql: str = SQL, **facts: object) -> list[str]:
    return [
        text.replace(shadow(sql, column), "NEW") for text in statements(sql, Phase.CONTRACT, users(ID, column, **facts))
    ]


def test_expand_adds_a_column_and_a_trigger_in_one_transaction():
    add, function, trigger = statements(SQL, Phase.EXPAND, users(ID, AGE))

    assert add == f"ALTER TABLE public.users ADD COLUMN {shadow()} bigint"
    assert f"NEW.{shadow()} := CAST(new.age AS bigint)" in function.replace(
        "new.age::bigint", "CAST(new.age AS bigint)"
    )
    assert "EXCEPTION" not in function
    assert trigger.startswith("CREATE TRIGGER zzz_migrator_3_00007_age_")
    assert len({draft.group for draft in drafts(SQL, Phase.EXPAND, users(ID, AGE))}) == 1


@pytest.mark.parametrize(
    ("before", "sql", "may_fail"),
    [
        ("smallint", "TYPE integer", False),
        ("integer", "TYPE numeric", False),
        ("date", "TYPE text", False),
        ("bigint", "TYPE integer", True),
        ("text", "TYPE integer USING age::integer", True),
        ("integer", "TYPE bigint USING age * 10", True),
        ("text", "TYPE varchar(5)", True),
    ],
)
def test_a_conversion_that_may_fail_does_not_make_the_write_fail(before: str, sql: str, may_fail: bool):
    function = statements(f"ALTER TABLE users ALTER age {sql}", Phase.EXPAND, users(ID, Column("age", before)))[1]

    assert ("EXCEPTION WHEN OTHERS" in function) is may_fail


def test_the_backfill_computes_the_value_and_compares_images():
    (step,) = drafts("ALTER TABLE users ALTER age TYPE numeric USING age / 100.0", Phase.BACKFILL, users(ID, AGE))

    _, _, condition = step.sql.partition("WHERE ")
    assert condition.startswith("record_image_ne(ROW(migrator_age_")
    assert "CAST(age / 100.0 AS numeric)" in step.sql


def test_contract_swaps_in_one_transaction():
    swapped = contract()

    assert swapped[-2:] == [
        "ALTER TABLE public.users DROP COLUMN age",
        "ALTER TABLE public.users RENAME COLUMN NEW TO age",
    ]
    groups = [draft.group for draft in drafts(SQL, Phase.CONTRACT, users(ID, AGE))]
    assert groups == ["swap-users-age"] * 4


def test_not_null_is_proven_before_the_swap_and_looks_at_no_row_in_it():
    swapped = contract(Column("age", "integer", not_null=True))

    assert [text for text in swapped if "NOT NULL" in text or "VALIDATE" in text] == [
        swapped[0], swapped[1], "ALTER TABLE public.users ALTER COLUMN NEW SET NOT NULL",
    ]  # fmt: skip
    assert "CHECK (NEW IS NOT NULL) NOT VALID" in swapped[0]


def test_a_conversion_that_may_fail_is_proven_complete_under_the_fence():
    added, validated, *_ = contract(
        Column("age", "text"), "ALTER TABLE users ALTER age TYPE integer USING age::integer"
    )

    assert (
        "CHECK (NEW IS DISTINCT FROM NULL OR age IS NOT DISTINCT FROM NULL OR age::int IS NOT DISTINCT FROM NULL)"
        " NOT VALID"
    ) in added
    assert "VALIDATE CONSTRAINT" in validated


def test_defaults_are_converted_and_kept():
    assert "SET DEFAULT 5" in contract(Column("age", "integer", default="5"))[-1]
    sql = "ALTER TABLE users ALTER age TYPE integer USING age::integer"
    assert contract(Column("age", "text", default="'5'::text"), sql)[-1].endswith("SET DEFAULT '5'::text::int")


def test_identity_goes_on_where_it_stands():
    column = Column(
        "age", "integer", not_null=True, identity="always", sequence=Sequence("public.users_age_seq", "CACHE 5")
    )

    swapped = contract(column)

    (identity,) = [text for text in swapped if "ADD GENERATED" in text]
    assert "ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME public.users_age_seq_typed_" in identity
    assert identity.endswith(" CACHE 5)")
    order = ["ADD GENERATED", "SELECT setval(", "DROP COLUMN", "RENAME TO users_age_seq"]
    places = [next(place for place, text in enumerate(swapped) if part in text) for part in order]
    assert places == sorted(places)


def test_a_serial_keeps_its_sequence_which_counts_further():
    column = Column(
        "age", "integer", default="nextval('public.s'::regclass)", owned_sequence=True, sequence=Sequence("public.s")
    )

    swapped = contract(column)

    assert "ALTER SEQUENCE public.s OWNED BY public.users.NEW" in swapped
    assert "ALTER SEQUENCE public.s AS bigint" in swapped
    assert swapped.index("ALTER SEQUENCE public.s OWNED BY public.users.NEW") < swapped.index(
        "ALTER TABLE public.users DROP COLUMN age"
    )


def test_indexes_and_keys_are_built_before_and_take_the_old_names():
    swapped = contract(
        indexes=(
            index("users_pkey", "age", is_unique=True, is_primary=True, constraint="users_pkey"),
            index("i", "age"),
        ),
        constraints=(Constraint("users_pkey", "primary key", ("age",), "PRIMARY KEY (age)"),),
    )

    assert [text.split(" ON ")[0].split("_typed")[0] for text in swapped[:2]] == [
        "CREATE INDEX CONCURRENTLY users_pkey", "CREATE INDEX CONCURRENTLY i",
    ]  # fmt: skip
    assert any("ADD CONSTRAINT users_pkey PRIMARY KEY USING INDEX users_pkey_typed_" in text for text in swapped)
    assert any(text.startswith("ALTER INDEX public.i_typed_") and text.endswith("RENAME TO i") for text in swapped)


def test_foreign_keys_in_both_directions_and_checks_are_made_anew():
    lines = TableName("app", "lines")
    swapped = contract(
        constraints=(
            Constraint("c", "check", ("age",), "CHECK (age > 0)"),
            Constraint("f", "foreign key", ("age",), "FOREIGN KEY (age) REFERENCES app.ages(n) ON DELETE CASCADE"),
        ),
        references=(Reference("r", lines, ("age",), "FOREIGN KEY (user_age) REFERENCES public.users(age)"),),
    )

    added = [text for text in swapped if text.endswith(" NOT VALID")]
    assert [text.split(" ADD CONSTRAINT ")[0] for text in added] == [
        "ALTER TABLE public.users", "ALTER TABLE public.users", "ALTER TABLE app.lines",
    ]  # fmt: skip
    assert "CHECK (NEW > 0)" in added[0]
    assert "FOREIGN KEY (NEW) REFERENCES app.ages (n) ON DELETE CASCADE" in added[1]
    assert "FOREIGN KEY (user_age) REFERENCES public.users (NEW)" in added[2]
    assert "ALTER TABLE app.lines DROP CONSTRAINT r" in swapped
    assert [text.rsplit(" ", 1)[1] for text in swapped if " RENAME CONSTRAINT " in text] == ["c", "f", "r"]


def test_privileges_settings_and_comment_are_kept():
    column = Column(
        "age", "integer", grants=(Grant("app", "UPDATE"),), settings=("SET STATISTICS 500",), comment="it's old"
    )

    assert contract(column)[-3:] == [
        "GRANT UPDATE (age) ON public.users TO app",
        "ALTER TABLE public.users ALTER COLUMN age SET STATISTICS 500",
        "COMMENT ON COLUMN public.users.age IS 'it''s old'",
    ]


def test_rollback_drops_trigger_function_and_column():
    assert [text.split()[:2] for text in statements(SQL, Phase.ROLLBACK, users(ID, AGE))] == [
        ["DROP", "TRIGGER"], ["DROP", "FUNCTION"], ["ALTER", "TABLE"],
    ]  # fmt: skip


def test_what_was_made_since_it_was_planned_stands_against_contract():
    found = changes(SQL, users(ID, AGE))
    later = users(ID, AGE, indexes=(index("late", "age"),))
    planned = "\n".join(statements(SQL, Phase.CONTRACT, later))

    with pytest.raises(Exception, match="since it was planned would be lost") as caught:
        planner.check_before_contract(
            found, migration=MIGRATION, level=7, schema=later, built=frozenset(), contract_sql="ALTER TABLE …"
        )
    assert caught.value.detail == "index late"
    planner.check_before_contract(
        found, migration=MIGRATION, level=7, schema=later, built=frozenset(), contract_sql=planned
    )


def test_the_last_place_in_the_table_is_told():
    assert plan(SQL, users(ID, AGE)).notes[0].startswith("age becomes the last column of users")


@pytest.mark.parametrize(
    ("sql", "known", "reason"),
    [
        (SQL, NOTHING, 'what hangs on column "age" of table "public.users" is not known without a database'),
        (SQL, users(ID, Column("age", "bigint")), "is of type bigint already"),
        (SQL, users(ID, Column("age", "integer", generated="stored")), "is generated"),
        (SQL, users(ID, AGE, is_subscribed=True), "is written by a logical subscription"),
        (SQL, users(ID, AGE, forces_row_security=True), "forces row security on its owner"),
        (SQL, users(ID, AGE, indexes=(index("i", "age", is_exclusion=True, constraint="x"),), estimated_rows=2_001),
         "2001 rows would wait"),
        (SQL, users(ID, AGE, indexes=(index("i", "age", is_unique=True, constraint="k"),), constraints=(DEFERRED,)),
         "is deferrable: the index that is built"),
        (SQL, users(ID, AGE, indexes=(index("i", "age", is_replica_identity=True),)), "logical replication finds rows"),
        (SQL, users(ID, AGE, indexes=(index("i", "age", is_clustered=True),)), "CLUSTER goes by index"),
        *(
            (SQL, users(ID, AGE, dependents=(Dependent(kind, "x", "age"),)), "not carried over to a column")
            for kind in ("view", "policy", "trigger", "statistics object", "publication", "generated column")
        ),
        ("ALTER TABLE users ALTER age TYPE int USING (SELECT 1)", users(ID, AGE), "cannot hold a query"),
        ("ALTER TABLE users ALTER age TYPE text USING other || age", users(ID, AGE), 'column "other"'),
        ("ALTER TABLE users ALTER age TYPE text USING name || age",
         users(ID, Column("age", "integer", default="1"), Column("name", "text")), "has a default, and USING computes"),
    ],
)  # fmt: skip
def test_what_cannot_be_replaced_is_refused(sql: str, known, reason: str):
    assert reason in refusal(sql, known).message


def test_it_relies_on_the_columns_of_using():
    (change,) = changes("ALTER TABLE users ALTER age TYPE text USING name || age", users(ID, AGE))

    assert change.kind.touched(change.spec) == {USERS: ("age", "name")}
