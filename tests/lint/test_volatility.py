"""Which defaults rewrite a table: what is said is what the server's catalog and the server do."""

from __future__ import annotations

import pytest

from migrator.lint.builtin_functions import NOT_VOLATILE, VOLATILE
from migrator.lint.volatility import Volatility, volatility_of
from migrator.postgres.session import Session
from migrator.sql.parser import parse_script, unwrap

OF_EXTENSIONS = {name for name in NOT_VOLATILE | VOLATILE if name.startswith("uuid_")} | {
    "gen_random_bytes",
    "gen_salt",
}


def of(expression: str, **own: Volatility) -> tuple[Volatility, str]:
    (statement,) = parse_script(f"SELECT {expression}").statements
    return volatility_of(unwrap(statement.node.target_list[0]).val, own)


def test_the_lists_are_those_of_the_server(session: Session):
    rows = session.query(
        "SELECT proname AS name, bool_or(provolatile = 'v') AS volatile FROM pg_catalog.pg_proc"
        " WHERE pronamespace = 'pg_catalog'::regnamespace GROUP BY proname"
    )
    known = {row.name: row.volatile for row in rows}

    assert [name for name in NOT_VOLATILE if known.get(name, False)] == []
    assert [name for name in VOLATILE - OF_EXTENSIONS if not known.get(name, True)] == []


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        ("random()", Volatility.VOLATILE),
        ("clock_timestamp()", Volatility.VOLATILE),
        ("gen_random_uuid()", Volatility.VOLATILE),
        ("date_trunc('day', clock_timestamp())", Volatility.VOLATILE),
        ("timeofday()", Volatility.VOLATILE),
        ("now()", Volatility.NOT_VOLATILE),
        ("CURRENT_TIMESTAMP", Volatility.NOT_VOLATILE),
        ("LOCALTIME(0)", Volatility.NOT_VOLATILE),
        ("'{}'::jsonb", Volatility.NOT_VOLATILE),
        ("jsonb_build_object('at', now())", Volatility.NOT_VOLATILE),
        ("ARRAY[]::int[]", Volatility.NOT_VOLATILE),
        ("coalesce(NULL, current_setting('x', true), session_user)", Volatility.NOT_VOLATILE),
        ("date_trunc('month', now()) + interval '1 month'", Volatility.NOT_VOLATILE),
    ],
)
def test_builtin_functions_as_the_server_sees_them(session: Session, default: str, expected: Volatility):
    session.execute("CREATE TABLE t (a int)")
    before = session.one("SELECT pg_relation_filenode('t') AS node").node

    session.execute(f"ALTER TABLE t ADD COLUMN b text DEFAULT ({default})::text")

    rewritten = session.one("SELECT pg_relation_filenode('t') AS node").node != before
    assert of(default)[0] is expected
    assert rewritten == (expected is Volatility.VOLATILE)


def test_own_functions_are_as_declared_and_others_unknown():
    assert of("app.f()") == (Volatility.UNKNOWN, "f")
    assert of("f(now())", f=Volatility.NOT_VOLATILE) == (Volatility.NOT_VOLATILE, "")
    assert of("f()", f=Volatility.VOLATILE) == (Volatility.VOLATILE, "f")
    assert of("app.now()") == (Volatility.UNKNOWN, "now")
    assert of("pg_catalog.now()", now=Volatility.VOLATILE) == (Volatility.NOT_VOLATILE, "")
    assert of("g(random())") == (Volatility.VOLATILE, "random")
