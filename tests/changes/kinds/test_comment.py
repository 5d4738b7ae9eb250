"""``comment``: written in expand, and what stood there is put back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.objects import Objects
from migrator.model.schema import Schema
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from migrator.sql.actions import actions_of, relations_in
from migrator.sql.parser import parse_script
from tests.changes.plans import ID, NAME, Column, Phase, changes, refusal, statements, users

COMMENTED = users(ID, Column("name", "text", comment="it's a name"))


def test_rollback_writes_the_comment_before():
    sql = "COMMENT ON COLUMN users.name IS 'full'"

    assert statements(sql, Phase.EXPAND, COMMENTED) == ["COMMENT ON COLUMN public.users.name IS 'full'"]
    assert statements(sql, Phase.ROLLBACK, COMMENTED) == ["COMMENT ON COLUMN public.users.name IS 'it''s a name'"]
    assert statements(sql, Phase.CONTRACT, COMMENTED) == []


def test_what_the_same_migration_makes_needs_no_database_and_no_undo():
    sql = (
        "CREATE TABLE t (id int); COMMENT ON TABLE t IS 'a'; COMMENT ON COLUMN t.id IS 'b';"
        "ALTER TABLE users ADD COLUMN b text; COMMENT ON COLUMN users.b IS 'c'"
    )

    assert [text for text in statements(sql, Phase.EXPAND) if text.startswith("COMMENT")] == [
        "COMMENT ON TABLE public.t IS 'a'",
        "COMMENT ON COLUMN public.t.id IS 'b'",
        "COMMENT ON COLUMN public.users.b IS 'c'",
    ]
    assert [text for text in statements(sql, Phase.ROLLBACK) if text.startswith("COMMENT")] == []


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("COMMENT ON COLUMN users.missing IS 'x'", 'column "public.users.missing" does not exist'),
        ("COMMENT ON VIEW users IS 'x'", 'view "public.users" does not exist'),
        ("COMMENT ON SCHEMA app IS 'x'", 'schema "app" does not exist'),
        ("COMMENT ON CONSTRAINT k ON users IS 'x'", 'constraint "public.users.k" does not exist'),
        ("ALTER TABLE users RENAME name TO b; COMMENT ON COLUMN users.name IS 'x'", "two changes of column"),
        ("COMMENT ON ROLE postgres IS 'x'", "no kind that is known here"),
    ],
)
def test_refusals(sql: str, reason: str):
    assert reason in str(refusal(sql, users(ID, NAME)))


def test_without_a_database_what_rollback_restores_is_not_known():
    assert "not known without a database" in refusal("COMMENT ON TABLE users IS 'x'").message


EVERY = """
    COMMENT ON TABLE t IS 'n'; COMMENT ON COLUMN t.id IS 'n'; COMMENT ON INDEX i IS 'n';
    COMMENT ON CONSTRAINT positive ON t IS 'n'; COMMENT ON TRIGGER g ON t IS 'n'; COMMENT ON POLICY p ON t IS 'n';
    COMMENT ON VIEW v IS 'n'; COMMENT ON MATERIALIZED VIEW m IS 'n'; COMMENT ON SEQUENCE s IS 'n';
    COMMENT ON TYPE e IS 'n'; COMMENT ON DOMAIN d IS 'n'; COMMENT ON FUNCTION f(int) IS 'n';
    COMMENT ON PROCEDURE pr() IS 'n'; COMMENT ON STATISTICS st IS 'n'; COMMENT ON SCHEMA app IS 'n';
    COMMENT ON EXTENSION plpgsql IS 'n'; COMMENT ON PUBLICATION pub IS 'n'
"""


def test_every_object_is_read_and_written_on_a_server(session: Session):
    for text in (
        "CREATE TABLE t (id int CONSTRAINT positive CHECK (id > 0), n int)", "CREATE INDEX i ON t (id)",
        "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION g()", "CREATE POLICY p ON t",
        "CREATE VIEW v AS SELECT 1 AS a", "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a", "CREATE SEQUENCE s",
        "CREATE TYPE e AS ENUM ('a')", "CREATE DOMAIN d AS int", "CREATE PROCEDURE pr() LANGUAGE sql AS ''",
        "CREATE STATISTICS st ON id, n FROM t", "CREATE SCHEMA app", "CREATE PUBLICATION pub",
    ):  # fmt: skip
        session.execute(text)
    before = parse_script(EVERY.replace("'n'", "'b'"))
    for statement in before.statements:
        session.execute(statement.text)

    names = [name for action in actions_of(parse_script(EVERY)) for name in relations_in(action)]
    known = read_schema(session, names)
    expand, rollback = statements(EVERY, Phase.EXPAND, known), statements(EVERY, Phase.ROLLBACK, known)

    assert len(expand) == len(rollback) == len(before.statements)
    assert all(text.endswith("IS 'b'") for text in rollback), rollback
    with session.transaction():
        for text in (*expand, *rollback):
            session.execute(text)


def test_a_comment_that_changed_since_is_told():
    changed: Schema = replace(COMMENTED, objects=Objects(comments={("TABLE", "public", "users"): "other"}))
    (change,) = changes("COMMENT ON TABLE users IS 'x'", COMMENTED)

    assert change.kind.assumes(change.spec, COMMENTED) == {'comment on table "public.users"': "none"}
    assert change.kind.assumes(change.spec, changed) == {'comment on table "public.users"': "other"}
