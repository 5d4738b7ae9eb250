"""Another owner, and parameters of indexes: who loses rights loses them when old code is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.changes.kind import Context
from migrator.model.objects import Grant, Namespace, Objects, SequenceFacts
from migrator.postgres.session import Session
from tests.changes.plans import (
    ID,
    MIGRATION,
    NOTHING,
    Column,
    Phase,
    changes,
    index,
    plan,
    refusal,
    statements,
    users,
)

WITH = "CREATE INDEX {0} ON public.users USING {1} (name) WITH (fillfactor='80')"
KNOWN = replace(
    users(
        owner="app",
        indexes=(
            index("tree", "name", definition=WITH.format("tree", "btree")),
            index("inverted", "name", definition="CREATE INDEX inverted ON public.users USING gin (name)"),
        ),
    ),
    objects=Objects(
        roles=frozenset({"app", "boss"}),
        schemas={"public": Namespace()},
        sequences={
            ("public", "s"): SequenceFacts(),
            ("public", "owned"): SequenceFacts(owned_by=("public", "users", "id")),
        },
        owners={
            ("SEQUENCE", "public", "s"): "app",
            ("SEQUENCE", "public", "owned"): "app",
            ("SCHEMA", "public"): "app",
        },
    ),
)
AT_EXPAND = "-- migrator: phase = expand\n"


@pytest.mark.parametrize(
    ("written", "named"),
    [("TABLE users", "TABLE public.users"), ("SEQUENCE s", "SEQUENCE public.s"), ("SCHEMA public", "SCHEMA public")],
)
def test_an_owner_changes_at_contract_unless_its_author_says_otherwise(written: str, named: str):
    sql, new, old = f"ALTER {written} OWNER TO boss", f"ALTER {named} OWNER TO boss", f"ALTER {named} OWNER TO app"

    assert statements(sql, Phase.EXPAND, KNOWN) == statements(sql, Phase.ROLLBACK, KNOWN) == []
    assert statements(sql, Phase.CONTRACT, KNOWN) == [new]
    assert statements(AT_EXPAND + sql, Phase.EXPAND, KNOWN) == [new]
    assert statements(AT_EXPAND + sql, Phase.ROLLBACK, KNOWN) == [old]


def test_the_role_before_keeps_what_is_said_in_the_same_transaction():
    sql = "-- migrator: keep = select, INSERT\nALTER TABLE users OWNER TO boss"
    drafts = plan(sql, KNOWN).drafts[Phase.CONTRACT]

    assert [" ".join(each.sql.split()) for each in drafts] == [
        "ALTER TABLE public.users OWNER TO boss",
        "GRANT SELECT, INSERT ON TABLE public.users TO app",
    ]
    assert len({each.group for each in drafts}) == 1


def test_rights_on_columns_keep_an_owner_from_changing_in_expand():
    named = Column("name", "text", grants=(Grant("boss", "UPDATE"),))
    known = replace(users(ID, named, owner="app"), objects=KNOWN.objects)

    assert "granted UPDATE (name)" in refusal(f"{AT_EXPAND}ALTER TABLE users OWNER TO boss", known).message
    assert statements("ALTER TABLE users OWNER TO boss", Phase.CONTRACT, known)


def test_what_is_new_has_its_owner_from_the_beginning():
    sql = "CREATE TABLE t (id int); ALTER TABLE t OWNER TO boss"

    assert statements(sql, Phase.EXPAND, KNOWN)[1:] == ["ALTER TABLE public.t OWNER TO boss"]
    assert statements(sql, Phase.CONTRACT, KNOWN) == []
    assert statements(sql, Phase.ROLLBACK, KNOWN) == ["DROP TABLE public.t"]


def test_what_the_server_asks_of_the_roles_is_counted_before(session: Session):
    session.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")  # as it is from PostgreSQL 15 on
    (change,) = changes("ALTER TABLE users OWNER TO pg_monitor", KNOWN)
    found = list(change.kind.obstacles(change.spec, Context(MIGRATION, 7, KNOWN)))

    def counts() -> list[int]:
        return [session.one(f"SELECT ({each.count}) AS n").n for each in found]

    assert counts() == [0, 0]  # a superuser may
    with session.transaction():
        session.execute("SET LOCAL ROLE pg_read_all_stats")
        assert counts() == [1, 1]
    assert {each.phase for each in found} == {Phase.CONTRACT}


def test_parameters_of_an_index_are_put_back():
    sql = "ALTER INDEX tree SET (fillfactor = 60, deduplicate_items = off)"

    assert statements(sql, Phase.EXPAND, KNOWN) == [
        "ALTER INDEX public.tree SET (fillfactor = 60, deduplicate_items = off)"
    ]
    assert statements(sql, Phase.ROLLBACK, KNOWN) == [
        "ALTER INDEX public.tree SET (fillfactor = 80)",
        "ALTER INDEX public.tree RESET (deduplicate_items)",
    ]
    reset = "ALTER INDEX tree RESET (fillfactor)"
    assert statements(reset, Phase.ROLLBACK, KNOWN) == ["ALTER INDEX public.tree SET (fillfactor = 80)"]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("ALTER TABLE users OWNER TO app", 'belongs to "app" already'),
        ("ALTER TABLE users OWNER TO nobody", "role nobody does not exist"),
        ("ALTER TABLE users OWNER TO current_user", "whoever runs the migration"),
        ("ALTER TABLE missing OWNER TO boss", 'table "public.missing" does not exist'),
        ("ALTER VIEW users OWNER TO boss", 'view "public.users" does not exist'),
        ("ALTER SEQUENCE owned OWNER TO boss", "belongs to whom its table belongs"),
        ("-- migrator: keep = EVERYTHING\nALTER TABLE users OWNER TO boss", "keep = EVERYTHING"),
        ("ALTER INDEX tree SET (fastupdate = off)", 'a btree index, has no parameter "fastupdate"'),
        ("ALTER INDEX inverted SET (fillfactor = 60)", 'a gin index, has no parameter "fillfactor"'),
        ("ALTER INDEX missing SET (fillfactor = 60)", "does not exist"),
    ],
)
def test_refused(sql: str, reason: str):
    assert reason in refusal(sql, KNOWN).message


@pytest.mark.parametrize("sql", ["ALTER TABLE users OWNER TO boss", "ALTER INDEX tree SET (fillfactor = 60)"])
def test_without_a_database_nothing_is_guessed(sql: str):
    assert "not known without a database" in refusal(sql, NOTHING).message
