"""``create_domain``, ``alter_domain``, ``create_type``: what tightens is for contract, counted and bounded before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.planning import planner
from migrator.postgres.catalog import objection_to, read_schema
from migrator.postgres.session import ServerError, Session
from tests.changes.plans import MIGRATION, Phase, changes, plan, refusal, statements


@pytest.fixture
def server(session: Session) -> Session:
    for text in (
        "CREATE DOMAIN word AS varchar(9) CONSTRAINT filled CHECK (VALUE <> '')", "CREATE DOMAIN nick AS word",
        "CREATE DOMAIN listed AS text", "CREATE TYPE pair AS (a listed)", "CREATE DOMAIN many AS text",
        'CREATE TABLE t (a word, "B" nick, c listed, m many[])', "INSERT INTO t VALUES ('x', 'y'), (NULL, 'z')",
    ):  # fmt: skip
        session.execute(text)
    return session


@pytest.mark.parametrize(
    "action",
    [
        "SET DEFAULT 'a'",
        "DROP DEFAULT",
        "SET NOT NULL",
        "DROP NOT NULL",
        "ADD CONSTRAINT short CHECK (length(value) < 5)",
        "DROP CONSTRAINT filled",
    ],
)
def test_every_change_is_for_contract(server: Session, action: str):
    known = read_schema(server, [])
    sql = f"ALTER DOMAIN word {action}"
    (contracted,) = statements(sql, Phase.CONTRACT, known)

    assert contracted == f"ALTER DOMAIN public.word {action}"
    assert statements(sql, Phase.EXPAND, known) == statements(sql, Phase.ROLLBACK, known) == []
    server.execute("UPDATE t SET a = 'x'")
    server.execute(contracted)


@pytest.mark.parametrize(
    ("action", "counts"),
    [
        ("SET NOT NULL", [1, 0]),
        ("ADD CHECK (VALUE <> 'y')", [0, 1]),
        ("ADD CHECK (VALUE <> 'q')", [0, 0]),
    ],
)
def test_what_violates_it_is_counted_in_every_column_before_the_gate(server: Session, action: str, counts: list[int]):
    known = read_schema(server, [])
    sql = f"ALTER DOMAIN word {action}"
    found = planner.obstacles_of(changes(sql, known), migration=MIGRATION, level=7, schema=known)

    assert [server.one(each.count)[0] for _, each in found] == counts
    if any(counts):
        with pytest.raises(ServerError), server.transaction():
            server.execute(sql)


@pytest.mark.parametrize("domain", ["listed", "many"])
def test_what_the_server_cannot_check_is_refused(server: Session, domain: str):
    known = read_schema(server, [])
    if domain == "listed":
        server.execute("CREATE TABLE p (a pair)")

    assert "array or a composite type" in refusal(f"ALTER DOMAIN {domain} SET NOT NULL", known).message
    with pytest.raises(ServerError), server.transaction():
        server.execute(f"ALTER DOMAIN {domain} SET NOT NULL")


def test_large_tables_are_refused(server: Session):
    known = read_schema(server, [])
    word = known.objects.domains["public", "word"]
    assert {(each.table, each.column) for each in word.columns} == {("t", "a"), ("t", "B")}
    large = replace(word, columns=tuple(replace(each, total_bytes=40 * 2**20) for each in word.columns))
    objects = replace(known.objects, domains={("public", "word"): large})

    assert "hold 40 MB" in refusal("ALTER DOMAIN word SET NOT NULL", replace(known, objects=objects)).message
    assert plan("ALTER DOMAIN word DROP NOT NULL", replace(known, objects=objects))


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("ALTER DOMAIN word ADD CONSTRAINT c CHECK (VALUE > '') NOT VALID", "NOT VALID"),
        ("ALTER DOMAIN word ADD CONSTRAINT filled CHECK (VALUE > '')", "exists already"),
        ("ALTER DOMAIN word DROP CONSTRAINT missing", "does not exist"),
        ("ALTER DOMAIN missing SET NOT NULL", 'domain "public.missing" does not exist'),
        ("ALTER DOMAIN word VALIDATE CONSTRAINT filled", "of no kind here"),
        ("CREATE DOMAIN word AS text", "exists already"),
        ("CREATE TYPE t AS (a int)", "exists already"),
        ("CREATE TYPE app.e AS (a int)", 'schema "app" does not exist'),
        ("CREATE TYPE e AS (a int, a int)", "twice"),
        ("CREATE DOMAIN e AS text; ALTER DOMAIN e SET NOT NULL", "created by this migration"),
    ],
)
def test_refusals(server: Session, sql: str, reason: str):
    assert reason in refusal(sql, read_schema(server, [(None, "t")])).message


@pytest.mark.parametrize(
    ("sql", "is_accepted"),
    [
        ("CREATE DOMAIN e AS numeric(5, 2) DEFAULT 3 CHECK (VALUE > 0) NOT NULL", True),
        ("CREATE DOMAIN e AS missing", False),
        ("CREATE DOMAIN e AS text CHECK (VALUE > 0)", False),
        ("CREATE DOMAIN e AS text CHECK (length(VALUE))", False),
        ("CREATE DOMAIN e AS integer DEFAULT 'a'", False),
        ("CREATE TYPE e AS (a integer[], b word)", True),
        ("CREATE TYPE e AS (a missing)", False),
        ("ALTER DOMAIN word ADD CHECK (VALUE > 0)", False),
        ("ALTER DOMAIN word SET DEFAULT 'abc'", True),
    ],
)
def test_the_server_understands_definitions_before_anything_runs(server: Session, sql: str, is_accepted: bool):
    known = read_schema(server, [])
    asked = planner.expressions_of(changes(sql, known), migration=MIGRATION, level=7, schema=known)
    objections = [objection_to(server, each.query, each.search_path) for _, each in asked]

    assert (set(objections) == {None}) is is_accepted, objections
    if is_accepted:
        server.execute((statements(sql, Phase.EXPAND, known) or statements(sql, Phase.CONTRACT, known))[0])


def test_a_column_of_a_new_domain_is_not_added_unseen(server: Session):
    known = read_schema(server, [(None, "t")])
    sql = "CREATE DOMAIN e AS text CHECK (VALUE <> ''); ALTER TABLE t ADD COLUMN d e"
    asked = planner.expressions_of(changes(sql, known), migration=MIGRATION, level=7, schema=known)

    assert any(objection_to(server, each.query, each.search_path) for _, each in asked)
