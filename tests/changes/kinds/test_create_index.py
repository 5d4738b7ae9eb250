"""``create_index``: concurrently, named, and not before contract where it refuses what old code writes."""

from __future__ import annotations

import pytest

from tests.changes.plans import Phase, Relation, TableName, drafts, index, plan, refusal, schema, statements, users

PLAIN = "CREATE INDEX CONCURRENTLY i ON public.users USING btree (name)"


@pytest.mark.parametrize(
    ("sql", "built"),
    [
        ("CREATE INDEX i ON users (name)", PLAIN),
        ("CREATE INDEX CONCURRENTLY i ON users (name)", PLAIN),
        ("CREATE INDEX IF NOT EXISTS i ON users (name)", PLAIN),
        ("CREATE INDEX ON users (name)", "CREATE INDEX CONCURRENTLY users_name_idx ON public.users USING btree (name)"),
        (
            "CREATE INDEX ON users (lower(name), id)",
            "CREATE INDEX CONCURRENTLY users_lower_id_idx ON public.users USING btree (lower(name), id)",
        ),
        (
            "CREATE INDEX i ON users USING gin (name) INCLUDE (id) WHERE id > 0",
            "CREATE INDEX CONCURRENTLY i ON public.users USING gin (name) INCLUDE (id) WHERE id > 0",
        ),
    ],
)  # fmt: skip
def test_it_is_built_concurrently_outside_a_transaction(sql: str, built: str):
    (step,) = drafts(sql, Phase.EXPAND, users())

    assert (step.sql, step.group) == (built, None)


def test_a_generated_name_fits_into_63_bytes():
    table = "t" * 60

    (step,) = drafts(f"CREATE INDEX ON {table} (name)", Phase.EXPAND)

    name = step.sql.split()[3]
    assert len(name) == 63
    assert name.startswith("t" * 54)


def test_a_unique_index_waits_for_contract_because_old_code_may_write_duplicates():
    sql = "CREATE UNIQUE INDEX i ON users (name)"

    assert statements(sql, Phase.EXPAND, users()) == statements(sql, Phase.ROLLBACK, users()) == []
    assert statements(sql, Phase.CONTRACT, users()) == [
        "CREATE UNIQUE INDEX CONCURRENTLY i ON public.users USING btree (name)"
    ]
    assert plan(sql, users()).notes == (
        "unique index i is built by contract: until then old code may write duplicates",
    )


def test_a_unique_index_on_a_table_of_the_same_migration_is_built_by_expand_and_goes_with_the_table():
    sql = "CREATE TABLE t (a int); CREATE UNIQUE INDEX i ON t (a)"

    assert [draft.id for draft in drafts(sql, Phase.EXPAND)] == ["create-t", "index-i"]
    assert [draft.id for draft in drafts(sql, Phase.ROLLBACK)] == ["drop-t"]
    assert statements(sql, Phase.CONTRACT) == []


def test_rollback_drops_the_index_concurrently():
    (undo,) = drafts("CREATE INDEX i ON app.users (name)", Phase.ROLLBACK)

    assert (undo.sql, undo.undoes, undo.group) == ("DROP INDEX CONCURRENTLY IF EXISTS app.i", "index-i", None)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (users(indexes=(index("i", "name"),)), 'index "i" of table "public.users" exists already'),
        (users(kind="foreign table"), "is a foreign table, not an ordinary table"),
        (users(inherits=True), "takes part in inheritance"),
        (schema(), 'table "public.users" does not exist'),
    ],
)
def test_a_table_it_cannot_be_built_on_is_refused(known, reason: str):
    assert reason in refusal("CREATE INDEX i ON users (name)", known).message


def test_on_only_is_refused():
    refused = refusal("CREATE INDEX i ON ONLY users (name)", users())

    assert (refused.at, refused.hint) == ("change.sql:1", "leave ONLY out")


@pytest.mark.parametrize(
    "keys", ["(full_name)", "(lower(full_name))", "(id) INCLUDE (full_name)", "(id) WHERE full_name > ''"]
)
def test_an_index_on_the_new_name_of_a_column_renamed_in_the_same_migration_is_refused(keys: str):
    refused = refusal(f"ALTER TABLE users RENAME name TO full_name;\nCREATE INDEX i ON users {keys}", users())

    assert refused.at == "change.sql:2"
    assert "until contract a copy that contract drops" in refused.message
    assert 'write "name" in CREATE INDEX' in str(refused.hint)


def test_an_index_on_the_old_name_of_a_renamed_column_is_kept_by_the_rename():
    sql = "ALTER TABLE users RENAME name TO full_name; CREATE INDEX i ON users (name)"

    assert statements(sql, Phase.EXPAND, users())[-1] == (
        "CREATE INDEX CONCURRENTLY i ON public.users USING btree (name)"
    )


def test_an_index_of_another_table_may_use_the_same_column_name():
    sql = "ALTER TABLE users RENAME name TO full_name; CREATE INDEX i ON orders (full_name)"

    assert statements(sql, Phase.EXPAND, schema(*users().relations.values(), Relation(TableName("public", "orders"))))
