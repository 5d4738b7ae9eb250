"""``add_exclusion``: at contract, for small tables; rows that conflict are counted before."""

from __future__ import annotations

import pytest

from migrator.changes.kind import Context
from migrator.changes.kinds.add_exclusion import AddExclusion
from migrator.postgres.session import Session
from tests.changes.plans import ID, MIGRATION, Column, Phase, changes, index, plan, refusal, statements, users

KNOWN = users(ID, Column("room", "integer"), Column("during", "int4range"), Column("void", "boolean"))
SQL = (
    "ALTER TABLE users ADD CONSTRAINT apart EXCLUDE USING gist"
    " (int4range(room, room, '[]') WITH OPERATOR(pg_catalog.=), during WITH &&) WHERE (NOT void)"
)


def test_contract_adds_it_in_one_short_group():
    (step,) = plan(SQL, KNOWN).drafts[Phase.CONTRACT]

    assert step.group == "users"
    assert step.sql.startswith("ALTER TABLE public.users ADD CONSTRAINT apart EXCLUDE USING gist (")
    assert step.sql.endswith("WHERE (NOT void)")
    assert statements(SQL, Phase.EXPAND, KNOWN) == statements(SQL, Phase.ROLLBACK, KNOWN) == []
    assert "while reads and writes wait, for lock_timeout at most" in plan(SQL, KNOWN).notes[1]


def test_pairs_that_conflict_are_counted(session: Session):
    session.execute(
        "CREATE TABLE users (room integer, during int4range, void boolean);"
        "INSERT INTO users VALUES (1, '[1,5)', false), (1, '[4,6)', false), (2, '[1,5)', false), (1, '[1,9)', true),"
        " (1, '[5,7)', false), (NULL, '[1,9)', false)"
    )
    (change,) = changes(SQL, KNOWN)
    (obstacle,) = AddExclusion().obstacles(change.spec, Context(MIGRATION, 7, KNOWN))

    assert session.one(obstacle.count).count == 2


def test_without_a_name_it_is_called_as_the_server_would():
    (change,) = changes("ALTER TABLE users ADD EXCLUDE USING gist (during WITH &&)", KNOWN)

    assert change.spec.constraint == "users_during_excl"


@pytest.mark.parametrize(
    ("sql", "facts", "reason"),
    [
        (SQL, {"estimated_rows": 2_001}, "has about 2001 rows: reads and writes would wait"),
        (SQL, {"indexes": (index("apart", "id"),)}, 'an index of the name "apart" exists already'),
        (SQL.replace("during", "time"), {}, 'column "time" of table "public.users" does not exist'),
        (SQL.replace("CONSTRAINT apart ", ""), {}, "over an expression has no name of its own"),
    ],
)
def test_what_would_make_others_wait_or_cannot_be_is_refused(sql: str, facts: dict[str, object], reason: str):
    (relation,) = KNOWN.relations.values()

    assert reason in refusal(sql, users(*relation.columns, **facts)).message


def test_its_condition_stands_where_the_server_takes_it():
    written = (
        "ALTER TABLE public.users ADD CONSTRAINT e EXCLUDE USING gist (id WITH =) WITH (fillfactor=70) WHERE (id > 100)"
        " DEFERRABLE"
    )

    assert statements(written, Phase.CONTRACT) == [written]
