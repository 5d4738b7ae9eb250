"""``create_enum``: in expand, under a free name."""

from __future__ import annotations

import pytest

from migrator.changes.registry import spec_from
from migrator.model.schema import UserType
from migrator.planning import planner
from migrator.postgres.catalog import objection_to, read_schema
from migrator.postgres.session import Session
from tests.changes.plans import MIGRATION, Phase, TableName, changes, refusal, schema, statements

SQL = "CREATE TYPE mood AS ENUM ('glad', 'it''s sad')"


def test_it_is_created_in_expand_and_dropped_by_rollback():
    assert statements(SQL, Phase.EXPAND) == ["CREATE TYPE public.mood AS ENUM ('glad', 'it''s sad')"]
    assert statements(SQL, Phase.ROLLBACK) == ["DROP TYPE public.mood"]
    assert statements(SQL, Phase.CONTRACT) == []


def test_a_column_of_it_is_dropped_before_it():
    sql = "CREATE TYPE app.mood AS ENUM ('glad'); CREATE TABLE app.t (m app.mood)"

    assert statements(sql, Phase.EXPAND)[0].startswith("CREATE TYPE")
    assert statements(sql, Phase.ROLLBACK) == ["DROP TABLE app.t", "DROP TYPE app.mood"]


def test_a_change_written_as_a_table_is_read_back_equal():
    (change,) = changes(SQL)

    assert spec_from(change.as_table(), "migration.toml") == (change.kind, change.spec)


@pytest.mark.parametrize(
    ("sql", "taken", "reason"),
    [
        (SQL, {"mood": UserType("domain")}, 'domain "public.mood" exists already'),
        (SQL, {"mood": UserType("row type")}, 'row type "public.mood" exists already'),
        (f"{SQL}; {SQL}", {}, "is created twice in this migration"),
        (f"CREATE TABLE mood (a int); {SQL}", {}, "is the row type of a table of this migration"),
        ("CREATE TYPE mood AS ENUM ('a', 'b', 'a')", {}, "has a label twice"),
        (f"CREATE TYPE mood AS ENUM ('{'ä' * 32}')", {}, "longer than 63 bytes"),
    ],
)
def test_what_the_server_would_not_accept_is_refused(sql: str, taken: dict[str, UserType], reason: str):
    known = schema(types={TableName("public", name): kind for name, kind in taken.items()})

    assert reason in refusal(sql, known).message


@pytest.mark.parametrize(
    ("place", "objection"), [("public", None), ('"No such"', 'schema "No such" does not exist'), ('"A b"', None)]
)
def test_the_server_is_asked_about_the_schema(session: Session, place: str, objection: str | None):
    session.execute('CREATE SCHEMA "A b"')
    known = read_schema(session, [])
    found = changes(f"CREATE TYPE {place}.mood AS ENUM ('glad')", known)
    ((_, asked),) = planner.expressions_of(found, migration=MIGRATION, level=7, schema=known)

    assert objection_to(session, asked.query, ()) == objection


@pytest.mark.parametrize(
    ("column", "asked"),
    [
        ("m mood", False),
        ("m public.mood[]", False),
        ("m other.mood", True),
        ("m mood DEFAULT 'glad'", False),
        ("m text", True),
    ],
)
def test_the_server_is_not_asked_about_a_column_of_a_type_it_cannot_know_yet(column: str, asked: bool):
    found = changes(f"{SQL}; ALTER TABLE t ADD COLUMN {column}")

    about = [
        change.kind.name for change, _ in planner.expressions_of(found, migration=MIGRATION, level=7, schema=schema())
    ]

    assert about == (["create_enum", "add_column"] if asked else ["create_enum"])
