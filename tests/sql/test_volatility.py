"""Which defaults rewrite a table: what is said is what the server's catalog and the server do."""

from __future__ import annotations

from migrator.postgres.session import Session
from migrator.sql.builtin_functions import NOT_VOLATILE, VOLATILE
from migrator.sql.parser import parse_script, unwrap
from migrator.sql.volatility import Volatility, volatility_of

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

    # timezone(text, timetz) was volatile there; AT TIME ZONE is seldom used on a timetz, often on a timestamptz
    once_volatile = {"timezone"} if session.server_version < 16 else set()
    assert [name for name in NOT_VOLATILE - once_volatile if known.get(name, False)] == []
    assert [name for name in VOLATILE - OF_EXTENSIONS if not known.get(name, True)] == []


DEFAULTS = [
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
]


def test_defaults_rewrite_exactly_when_they_are_called_volatile(session: Session):
    wrong = []
    for number, (default, expected) in enumerate(DEFAULTS):
        session.execute(f"CREATE TABLE t{number} (a int)")
        before = session.one(f"SELECT pg_relation_filenode('t{number}') AS node").node
        session.execute(f"ALTER TABLE t{number} ADD COLUMN b text DEFAULT ({default})::text")
        rewritten = session.one(f"SELECT pg_relation_filenode('t{number}') AS node").node != before
        if of(default)[0] is not expected or rewritten != (expected is Volatility.VOLATILE):
            wrong.append((default, expected, rewritten))

    assert wrong == []


def test_own_functions_are_as_declared_and_others_unknown():
    assert of("app.f()") == (Volatility.UNKNOWN, "f")
    assert of("f(now())", f=Volatility.NOT_VOLATILE) == (Volatility.NOT_VOLATILE, "")
    assert of("f()", f=Volatility.VOLATILE) == (Volatility.VOLATILE, "f")
    assert of("app.now()") == (Volatility.UNKNOWN, "now")
    assert of("pg_catalog.now()", now=Volatility.VOLATILE) == (Volatility.NOT_VOLATILE, "")
    assert of("g(random())") == (Volatility.VOLATILE, "random")
