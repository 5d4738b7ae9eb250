"""Replica identity and publications: never one that makes an UPDATE or DELETE of an application fail."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import ServerError, Session
from tests.changes.plans import Phase, plan, refusal, statements

SETUP = """
    CREATE TABLE t (id int PRIMARY KEY, number text NOT NULL, note text, place int NOT NULL UNIQUE DEFERRABLE);
    CREATE TABLE bare (id int, n int);
    CREATE UNIQUE INDEX by_number ON t (number) INCLUDE (note);
    CREATE UNIQUE INDEX by_note ON t (note);
    CREATE UNIQUE INDEX partly ON t (number) WHERE id > 0;
    CREATE UNIQUE INDEX lowered ON t (lower(number));
    CREATE INDEX plain ON t (number)
"""


@pytest.fixture
def server(session: Session) -> Session:
    for text in SETUP.split(";"):
        session.execute(text)
    session.execute("INSERT INTO t VALUES (1, 'a', NULL, 1)")
    session.execute("INSERT INTO bare VALUES (1, 1)")
    return session


def known(session: Session):
    return read_schema(session, [(None, "t"), (None, "bare")])


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        ("by_number", ""),
        ("t_pkey", ""),
        ("by_note", "may be NULL"),
        ("partly", "leaves rows out"),
        ("lowered", "over an expression"),
        ("plain", "is not unique"),
        ("t_place_key", "is deferrable"),
    ],
)
def test_an_index_is_refused_where_the_server_would(server: Session, index: str, reason: str):
    sql = f"ALTER TABLE t REPLICA IDENTITY USING INDEX {index}"
    if reason:
        assert reason in refusal(sql, known(server)).message
        with pytest.raises(ServerError), server.transaction():
            server.execute(sql)
        return
    assert statements(sql, Phase.EXPAND, known(server)) == [sql.replace("TABLE t", "TABLE public.t")]
    server.execute(sql)


@pytest.mark.parametrize("before", ["FULL", "DEFAULT", "NOTHING", "USING INDEX by_number"])
def test_rollback_sets_the_one_before(server: Session, before: str):
    server.execute(f"ALTER TABLE t REPLICA IDENTITY {before}")

    assert statements("ALTER TABLE t REPLICA IDENTITY FULL", Phase.ROLLBACK, known(server)) == [
        f"ALTER TABLE public.t REPLICA IDENTITY {before}"
    ]


def test_a_published_table_keeps_an_identity(server: Session):
    server.execute("CREATE PUBLICATION p FOR TABLE t")

    assert "every UPDATE and DELETE" in refusal("ALTER TABLE t REPLICA IDENTITY NOTHING", known(server)).message
    assert plan("ALTER TABLE t REPLICA IDENTITY FULL", known(server))


@pytest.mark.parametrize("identity", ["FULL", "DEFAULT"])
@pytest.mark.parametrize(
    ("column", "options"),
    [
        ("b int GENERATED ALWAYS AS (a) STORED", ""),
        ("b int GENERATED ALWAYS AS (a) STORED", " WITH (publish_generated_columns = stored)"),
        ("b int GENERATED ALWAYS AS (a) STORED", " WITH (publish = 'insert')"),
        ("b int GENERATED ALWAYS AS (a) VIRTUAL", ""),
        ("b int GENERATED ALWAYS AS (a) VIRTUAL", " WITH (publish_generated_columns = stored)"),
    ],
)
def test_generated_columns_are_refused_in_an_identity_where_writes_would_fail(
    server: Session, identity: str, column: str, options: str
):
    if server.server_version < 18 and ("VIRTUAL" in column or "generated" in options):
        pytest.skip("needs PostgreSQL 18")
    steps = [
        f"ALTER TABLE g ADD COLUMN {column}",
        f"ALTER TABLE g REPLICA IDENTITY {identity}",
        f"CREATE PUBLICATION p FOR TABLE g{options}",
    ]
    # Whichever comes last is the one that is looked at; a stored column is never added by a migration.
    for last in steps if "VIRTUAL" in column else steps[1:]:
        server.execute("CREATE TABLE g (id int PRIMARY KEY, a int); INSERT INTO g VALUES (1, 1)")
        for step in steps:
            if step != last:
                server.execute(step)
        said = _refused(last, read_schema(server, [(None, "g")]))
        server.execute(last)
        try:
            server.execute("UPDATE g SET a = 2")
            fails = False
        except ServerError:
            fails = True
        server.execute("DROP TABLE g; DROP PUBLICATION p")

        assert ("every UPDATE and DELETE" in said) is fails, (last, said)


def _refused(sql: str, schema: Schema) -> str:
    """What is said against it, if anything."""
    try:
        plan(sql, schema)
    except Refused as error:
        return error.message
    return ""


FILTERED = [
    ("t (id, note)", "UPDATE t SET note = 'b'"),
    ("t (number)", "UPDATE t SET note = 'b'"),
    ("t WHERE (id > 0)", "UPDATE t SET note = 'b'"),
    ("t WHERE (number > '')", "UPDATE t SET note = 'b'"),
]


@pytest.mark.parametrize(
    ("tables", "write"), [("t", "UPDATE t SET note = 'b'"), ("bare", "UPDATE bare SET n = 2"), *FILTERED]
)
def test_a_publication_is_refused_where_writes_would_fail(server: Session, tables: str, write: str):
    if server.server_version < 15 and "(" in tables:
        assert "need PostgreSQL 15" in refusal(f"CREATE PUBLICATION p FOR TABLE {tables}", known(server)).message
        return
    server.execute(f"CREATE PUBLICATION p FOR TABLE {tables}")
    try:
        with server.transaction():
            server.execute(write)
        fails = False
    except ServerError:
        fails = True
    server.execute("DROP PUBLICATION p")
    server.execute("CREATE PUBLICATION other")
    both = (f"CREATE PUBLICATION p FOR TABLE {tables}", f"ALTER PUBLICATION other ADD TABLE {tables}")
    refused = [said for sql in both if (said := _refused(sql, known(server)))]

    assert bool(refused) is fails, refused
    assert len(refused) in (0, 2)
    assert plan(f"CREATE PUBLICATION p FOR TABLE {tables} WITH (publish = 'insert, truncate')", known(server))


def test_all_tables_are_looked_at(server: Session):
    assert "public.bare" in str(refusal("CREATE PUBLICATION p FOR ALL TABLES", known(server)).detail)
    server.execute("ALTER TABLE bare REPLICA IDENTITY FULL")

    assert statements("CREATE PUBLICATION p FOR ALL TABLES", Phase.EXPAND, known(server)) == [
        "CREATE PUBLICATION p FOR ALL TABLES"
    ]


def test_what_is_added_is_taken_out_again_and_what_is_dropped_goes_at_contract(server: Session):
    server.execute("CREATE PUBLICATION p FOR TABLE bare WITH (publish = 'insert')")
    sql = "ALTER PUBLICATION p ADD TABLE t; ALTER PUBLICATION p DROP TABLE bare"

    assert statements(sql, Phase.EXPAND, known(server)) == ["ALTER PUBLICATION p ADD TABLE public.t"]
    assert statements(sql, Phase.ROLLBACK, known(server)) == ["ALTER PUBLICATION p DROP TABLE public.t"]
    assert statements(sql, Phase.CONTRACT, known(server)) == ["ALTER PUBLICATION p DROP TABLE public.bare"]
    for text, reason in (
        ("ALTER PUBLICATION p ADD TABLE bare", "already"),
        ("ALTER PUBLICATION p DROP TABLE t", "is not named by"),
        ("ALTER PUBLICATION p SET TABLE t", "both add and take away"),
        ("ALTER PUBLICATION missing ADD TABLE t", "does not exist"),
        ("CREATE PUBLICATION p", "exists already"),
        ("DROP PUBLICATION missing", "does not exist"),
        ("CREATE PUBLICATION q FOR TABLE missing", 'table "public.missing" does not exist'),
    ):
        assert reason in refusal(text, known(server)).message
