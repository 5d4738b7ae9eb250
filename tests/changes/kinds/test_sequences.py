"""Sequences: what can make a draw of old code fail is for contract, and what is in use is not dropped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.errors import Refused
from migrator.model.objects import Objects, SequenceFacts
from migrator.planning import planner
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import ServerError, Session
from migrator.sql.actions import actions_of, objects_in
from migrator.sql.parser import parse_script
from tests.changes.plans import MIGRATION, NOTHING, Phase, changes, refusal, statements, users

KNOWN = replace(
    users(),
    objects=Objects(
        sequences={
            ("public", "plain"): SequenceFacts(),
            ("public", "small"): SequenceFacts("integer", maximum=2**31 - 1, cycles=True, cache=7),
            ("public", "used"): SequenceFacts(users=("default value for column id of table users",)),
            ("public", "owned"): SequenceFacts(owned_by=("public", "users", "id")),
            ("public", "identity"): SequenceFacts(owned_by=("public", "users", "id"), is_identity=True),
        }
    ),
)


@pytest.mark.parametrize(
    ("options", "phase", "undo"),
    [
        ("small AS bigint", Phase.EXPAND, "AS integer MINVALUE 1 MAXVALUE 2147483647"),
        ("small INCREMENT BY 5 CACHE 1", Phase.EXPAND, "INCREMENT BY 1 CACHE 7"),
        ("small MAXVALUE 100", Phase.CONTRACT, None),
        ("small NO CYCLE", Phase.CONTRACT, None),
        ("small AS smallint", Phase.CONTRACT, None),
        ("plain INCREMENT BY -1", Phase.CONTRACT, None),
        ("plain CYCLE START WITH 5", Phase.EXPAND, "START WITH 1 NO CYCLE"),
        ("plain MINVALUE 5", Phase.CONTRACT, None),
        ("plain MINVALUE -9223372036854775808", Phase.EXPAND, "MINVALUE 1"),
        ("plain OWNED BY users.id", Phase.EXPAND, "OWNED BY NONE"),
        ("owned OWNED BY NONE", Phase.EXPAND, "OWNED BY public.users.id"),
    ],
)
def test_what_narrows_is_for_contract_and_the_rest_is_undone(options: str, phase: Phase, undo: str | None):
    sql = f"ALTER SEQUENCE {options}"
    name = options.split(maxsplit=1)[0]

    assert len(statements(sql, phase, KNOWN)) == 1
    assert statements(sql, Phase.ROLLBACK, KNOWN) == ([f"ALTER SEQUENCE public.{name} {undo}"] if undo else [])


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("ALTER SEQUENCE plain RESTART", "draws numbers again"),
        ("ALTER SEQUENCE identity OWNED BY NONE", "owns it for good"),
        ("ALTER SEQUENCE missing CACHE 5", 'sequence "public.missing" does not exist'),
        ("CREATE SEQUENCE plain", "exists already"),
        ("CREATE SEQUENCE users", 'table "public.users" exists already'),
        ("CREATE SEQUENCE s OWNED BY users.missing", "does not exist"),
        ("ALTER SEQUENCE plain OWNED BY users.missing", "does not exist"),
        ("CREATE SEQUENCE other.s OWNED BY public.users.id", "is in the schema of the table that owns it"),
        ("ALTER SEQUENCE plain OWNED BY other.orders.id", 'column "id" of table "other.orders"'),
        ("CREATE TEMP SEQUENCE s", "temporary"),
        ("DROP SEQUENCE used", "is used by other objects"),
        ("DROP SEQUENCE owned", "is owned by column"),
        ("DROP SEQUENCE plain CASCADE", "CASCADE"),
        ("ALTER SEQUENCE plain RENAME TO small", "exists already"),
    ],
)
def test_refusals(sql: str, reason: str):
    assert reason in refusal(sql, KNOWN).message


def test_an_author_may_say_the_phase_instead():
    sql = "-- migrator: phase = contract\nALTER SEQUENCE plain RESTART"

    assert statements(sql, Phase.CONTRACT, KNOWN) == ["ALTER SEQUENCE plain RESTART"]


def test_without_a_database_the_bounds_before_are_not_known():
    assert "not known without a database" in refusal("ALTER SEQUENCE s CACHE 5", NOTHING).message


def test_the_owner_of_a_new_table_takes_it_along():
    sql = "CREATE TABLE t (id bigint); CREATE SEQUENCE s AS int OWNED BY t.id"

    assert statements(sql, Phase.EXPAND)[1] == "CREATE SEQUENCE public.s AS integer OWNED BY public.t.id"
    assert statements(sql, Phase.ROLLBACK) == ["DROP TABLE public.t"]


def test_the_last_number_is_looked_at_before_it_is_bounded(session: Session):
    session.execute("CREATE SEQUENCE s")
    session.execute("SELECT setval('s', 500)")
    known = read_schema(session, [])
    for options, count in (("MAXVALUE 100", 1), ("MAXVALUE 500", 0), ("CACHE 3", 0)):
        found = changes(f"ALTER SEQUENCE s {options}", known)
        ((_, obstacle),) = planner.obstacles_of(found, migration=MIGRATION, level=7, schema=known)

        assert session.one(obstacle.count)[0] == count, options
        if count:
            with pytest.raises(ServerError), session.transaction():
                session.execute(f"ALTER SEQUENCE s {options}")


def test_sequences_are_read_with_who_uses_them(session: Session):
    for text in (
        "CREATE TABLE t (id serial, n int GENERATED ALWAYS AS IDENTITY)",
        "CREATE SEQUENCE lone AS smallint INCREMENT BY -2 CACHE 3 CYCLE",
        "CREATE VIEW v AS SELECT nextval('lone') AS n",
    ):
        session.execute(text)

    found = {name: each for (_, name), each in read_schema(session, []).objects.sequences.items()}

    assert found["lone"] == SequenceFacts(
        "smallint", -1, -2, -(2**15), -1, 3, True, users=("rule _RETURN on view public.v",)
    )
    assert found["t_id_seq"].owned_by == ("public", "t", "id")
    assert found["t_id_seq"].users == ("default value for column id of table public.t",)
    assert (found["t_n_seq"].is_identity, found["t_id_seq"].is_identity) == (True, False)


def test_the_table_that_shall_own_a_sequence_is_looked_up(session: Session):
    session.execute(
        "CREATE TABLE users (id bigint); CREATE SEQUENCE plain; CREATE SCHEMA other; CREATE TABLE other.orders (id int)"
    )

    def asked(sql: str) -> list[str]:
        names = [name for action in actions_of(parse_script(sql)) for name in objects_in(action)]
        return statements(sql, Phase.EXPAND, read_schema(session, names))

    assert asked("CREATE SEQUENCE s OWNED BY users.id") == ["CREATE SEQUENCE public.s OWNED BY public.users.id"]
    assert asked("ALTER SEQUENCE plain OWNED BY public.users.id") == [
        "ALTER SEQUENCE public.plain OWNED BY public.users.id"
    ]
    with pytest.raises(Refused, match="is in the schema of the table that owns it"):
        asked("ALTER SEQUENCE plain OWNED BY other.orders.id")
