"""``grant`` and ``revoke``: rollback takes back what was not there before, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.objects import Grant, Objects
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from tests.changes.plans import ID, Column, Phase, changes, plan, refusal, schema, statements, users

OBJECTS = Objects(
    roles=frozenset({"app", "boss", "other"}),
    grants={("SEQUENCE", "public", "s"): (Grant("app", "USAGE"),)},
    owners={("SEQUENCE", "public", "s"): "boss", ("SCHEMA", "public"): "boss", ("FUNCTION", "public", "f"): "boss"},
)
NAMED = Column("name", "text", grants=(Grant("app", "UPDATE"),))
KNOWN = replace(
    users(ID, NAMED, owner="boss", grants=(Grant("app", "SELECT"), Grant("", "INSERT"))),
    objects=OBJECTS,
    server_version=17,
)


@pytest.mark.parametrize(
    ("sql", "undo"),
    [
        ("GRANT SELECT ON users TO app", []),
        ("GRANT SELECT, INSERT ON users TO app", ["REVOKE INSERT ON TABLE public.users FROM app"]),
        ("GRANT SELECT ON users TO app WITH GRANT OPTION",
         ["REVOKE GRANT OPTION FOR SELECT ON TABLE public.users FROM app"]),
        ("GRANT UPDATE (name, id) ON users TO app", ["REVOKE UPDATE (id) ON TABLE public.users FROM app"]),
        ("GRANT INSERT, DELETE ON users TO PUBLIC", ["REVOKE DELETE ON TABLE public.users FROM PUBLIC"]),
        ("GRANT SELECT ON users TO app, other, boss", ["REVOKE SELECT ON TABLE public.users FROM other"]),
        ("GRANT ALL ON SEQUENCE s TO app", ["REVOKE SELECT, UPDATE ON SEQUENCE public.s FROM app"]),
        ("GRANT USAGE ON SCHEMA public TO other", ["REVOKE USAGE ON SCHEMA public FROM other"]),
        ("GRANT EXECUTE ON FUNCTION f(int) TO other", ["REVOKE EXECUTE ON FUNCTION public.f FROM other"]),
    ],
)  # fmt: skip
def test_rollback_revokes_only_what_was_not_there(sql: str, undo: list[str]):
    assert len(statements(sql, Phase.EXPAND, KNOWN)) == 1
    assert statements(sql, Phase.ROLLBACK, KNOWN) == undo
    assert statements(sql, Phase.CONTRACT, KNOWN) == []


def test_all_means_what_the_version_has():
    (granted,) = statements("GRANT ALL ON users TO other", Phase.EXPAND, KNOWN)

    assert granted == (
        "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, MAINTAIN ON TABLE public.users TO other"
    )
    assert (
        "MAINTAIN" not in statements("GRANT ALL ON users TO other", Phase.EXPAND, replace(KNOWN, server_version=16))[0]
    )


def test_several_objects_are_several_changes():
    sql = "CREATE TABLE a (id int); CREATE TABLE b (id int); GRANT SELECT ON a, b TO app"

    assert statements(sql, Phase.EXPAND)[2:] == [
        "GRANT SELECT ON TABLE public.a TO app",
        "GRANT SELECT ON TABLE public.b TO app",
    ]
    assert statements(sql, Phase.ROLLBACK) == ["DROP TABLE public.b", "DROP TABLE public.a"]


def test_what_is_revoked_goes_at_contract():
    sql = "REVOKE SELECT, UPDATE (name) ON users FROM app; REVOKE GRANT OPTION FOR USAGE ON SEQUENCE s FROM app"

    assert statements(sql, Phase.CONTRACT, KNOWN) == [
        "REVOKE SELECT, UPDATE (name) ON TABLE public.users FROM app",
        "REVOKE GRANT OPTION FOR USAGE ON SEQUENCE public.s FROM app",
    ]
    assert statements(sql, Phase.EXPAND, KNOWN) == statements(sql, Phase.ROLLBACK, KNOWN) == []
    assert "was not granted DELETE" in plan("REVOKE DELETE ON users FROM app", KNOWN).notes[0]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("GRANT SELECT ON users TO nobody", "role nobody does not exist"),
        ("GRANT SELECT ON missing TO app", 'table "public.missing" does not exist'),
        ("GRANT SELECT (missing) ON users TO app", 'column "missing"'),
        ("GRANT EXECUTE ON users TO app", 'no privilege "EXECUTE" on a table'),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA public TO app", "those that are there when it runs"),
        ("GRANT USAGE ON TYPE t TO app", "of no kind here"),
        ("GRANT EXECUTE ON FUNCTION g() TO app", "does not exist"),
        ("REVOKE SELECT ON users FROM boss", "boss owns table"),
        ("REVOKE SELECT ON users FROM app CASCADE", "others have granted"),
    ],
)
def test_refusals(sql: str, reason: str):
    assert reason in refusal(sql, KNOWN).message


def test_what_a_role_has_is_assumed():
    (change,) = changes("GRANT SELECT, DELETE ON users TO app", KNOWN)

    assert change.kind.assumes(change.spec, KNOWN) == {'privileges of app on table "public.users"': "SELECT"}
    assert (
        "not known without a database"
        in refusal("GRANT SELECT ON users TO app", replace(schema(), is_known=False)).message
    )


def test_privileges_are_read_with_the_default_of_functions(session: Session):
    for text in (
        "CREATE TABLE t (id serial)", "GRANT USAGE ON SEQUENCE t_id_seq TO pg_monitor WITH GRANT OPTION",
        "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION two() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION two(int) RETURNS int LANGUAGE sql AS 'SELECT 1'", "GRANT SELECT ON t TO pg_monitor",
    ):  # fmt: skip
        session.execute(text)

    known = read_schema(session, [(None, "t")])

    grants = known.objects.grants
    assert grants["SEQUENCE", "public", "t_id_seq"] == (Grant("pg_monitor", "USAGE", True),)
    assert grants["FUNCTION", "public", "f"] == (Grant("", "EXECUTE"),)
    assert ("FUNCTION", "public", "two") not in grants
    assert statements("GRANT SELECT, DELETE ON t TO pg_monitor", Phase.ROLLBACK, known) == [
        "REVOKE DELETE ON TABLE public.t FROM pg_monitor"
    ]


@pytest.mark.parametrize("sql", ["GRANT ALL ON t TO pg_monitor", "GRANT SELECT (a), UPDATE ON t TO pg_monitor"])
@pytest.mark.parametrize("option", ["", " WITH GRANT OPTION"])
def test_rollback_leaves_what_was_granted_on_columns(session: Session, sql: str, option: str):
    session.execute("CREATE TABLE t (a int, b int)")
    session.execute(f"GRANT UPDATE (a, b), SELECT (b) ON t TO pg_monitor{option}")
    granted = "SELECT attname, attacl::text FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY 1"
    before = session.query(granted)
    known = read_schema(session, [(None, "t")])
    sql += option
    session.execute(sql)
    for text in statements(sql, Phase.ROLLBACK, known):
        session.execute(text)

    assert session.query(granted) == before
    assert (
        session.one(
            "SELECT count(*) AS n FROM pg_class AS c, aclexplode(relacl) WHERE c.relname = 't' AND"
            " grantee = 'pg_monitor'::regrole"
        ).n
        == 0
    )
