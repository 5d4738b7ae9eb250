"""The schema that is there already, from a dump and from a server: both say the same, and false alarms go away."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator import cli
from migrator.embedded import installations
from migrator.lint.engine import lint
from migrator.lint.report import Report
from migrator.lint.selection import everything, select
from migrator.lint.sources import Source, Standing, base_of
from migrator.model.finding import Finding, Severity
from migrator.postgres.connect import Database
from migrator.postgres.schema_sql import read_schema_sql
from migrator.postgres.session import Session
from tests.conftest import external_url
from tests.lint.linting import TODAY

SHOP = Path(__file__).with_name("shop.sql").read_text()

PROBES = (
    "ALTER TABLE users ALTER email TYPE varchar(200);",
    "ALTER TABLE users ALTER email TYPE varchar(20);",
    "ALTER TABLE users ALTER email TYPE text;",
    "ALTER TABLE users ALTER total TYPE numeric(12,2);",
    "ALTER TABLE users ALTER at TYPE timestamp(6);",
    "ALTER TABLE users ALTER flags TYPE varbit(9);",
    "ALTER TABLE users ALTER state TYPE text;",
    "ALTER TABLE users ALTER age SET NOT NULL;",
    "ALTER TABLE users ALTER name SET NOT NULL;",
    "ALTER TABLE users ALTER total SET NOT NULL;",
    "ALTER TABLE users ADD COLUMN z positive;",
    "ALTER TABLE users ADD COLUMN z int DEFAULT app.pure(1);",
    "ALTER TABLE users ADD COLUMN z int DEFAULT app.chance();",
    "ALTER TABLE users DROP COLUMN age;",
    'ALTER TABLE users DROP COLUMN "Order";',
    "ALTER TABLE users RENAME COLUMN name TO title;",
    "ALTER TABLE users DROP CONSTRAINT users_email_key;",
    "ALTER TABLE app.orders ALTER user_id TYPE int;",
    "ALTER TABLE app.orders VALIDATE CONSTRAINT unchecked;",
    "ALTER TABLE app.orders ADD CONSTRAINT f FOREIGN KEY (note) REFERENCES users (id) NOT VALID;",
    "INSERT INTO users (id, email) VALUES (7, 'a');",
    "INSERT INTO app.orders (id) OVERRIDING SYSTEM VALUE VALUES (7);",
    "DROP INDEX app.orders_user;",
    "DROP INDEX users_pkey;",
    "DROP INDEX CONCURRENTLY users_age;\nCREATE INDEX CONCURRENTLY i ON users (age, name);",
    "CREATE INDEX CONCURRENTLY i ON users (age, name);",
    "CREATE INDEX i ON events (id);",
    "CREATE INDEX CONCURRENTLY i ON events (id);",
    "CREATE INDEX i ON ONLY events (id);",
    "CREATE TABLE e2 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    "ALTER TABLE events ATTACH PARTITION e3 FOR VALUES FROM ('2028-01-01') TO ('2029-01-01');",
    "ALTER TABLE events DETACH PARTITION events_2026;",
    "DROP TABLE events_2026;",
    "ALTER TYPE mood ADD VALUE 'glad';",
    "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';",
    "DROP VIEW adults;\nCREATE VIEW adults AS SELECT id FROM users;",
    "CREATE OR REPLACE VIEW adults AS SELECT id, name AS other FROM users;",
    "REFRESH MATERIALIZED VIEW totals;",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY totals;",
    "CREATE FUNCTION app.work(n int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
    "CREATE OR REPLACE FUNCTION app.pure(b int) RETURNS int LANGUAGE sql AS 'SELECT b';",
    "ALTER DOMAIN positive ADD CHECK (VALUE < 9);",
    "ALTER TABLE parent ADD COLUMN d int NOT NULL;",
    "ALTER TABLE child ALTER c TYPE bigint;",
    "ALTER TABLE cache SET LOGGED;",
    "CREATE TABLE IF NOT EXISTS cache (k text);",
    "UPDATE users SET age = 1;",
    "DROP TABLE users CASCADE;",
)


def findings(sql: str, base: str = "", *, standing: Standing = Standing.ALONE, earlier: str = "") -> list[Finding]:
    return report(sql, base, standing=standing, earlier=earlier).findings


def report(sql: str, base: str = "", *, standing: Standing = Standing.ALONE, earlier: str = "") -> Report:
    sources = [base_of("base.sql", base.encode())] if base else []
    if earlier:
        sources.append(Source("earlier.sql", earlier, standing=standing))
    sources.append(Source("a.sql", sql))
    return lint(sources, everything(), pg_version=14, today=TODAY)


def told(sql: str, base: str) -> list[tuple[str, Severity, str, str]]:
    return [(each.code, each.severity, each.message, each.fix) for each in findings(sql, base)]


@pytest.fixture(scope="module")
def bases(postgres_server, postgres_admin) -> Iterator[dict[str, str]]:
    """The same schema as text, from a server and from ``pg_dump``."""
    postgres_admin.execute("CREATE DATABASE lint_base")
    try:
        url = postgres_server.url("lint_base")
        with Database(url).connect() as session:
            session.execute(SHOP)
            result = {"text": SHOP, "database": read_schema_sql(session)}
        program = next((each.bin / "pg_dump" for each in installations() if (each.bin / "pg_dump").is_file()), None)
        if program is not None and not external_url():
            dumped = subprocess.run([program, "--schema-only", url], capture_output=True, text=True, check=True)
            result["dump"] = dumped.stdout
        yield result
    finally:
        postgres_admin.execute("DROP DATABASE IF EXISTS lint_base WITH (FORCE)")


def test_a_dump_and_a_server_and_the_text_give_the_same_findings(bases: dict[str, str]):
    assert external_url() or "dump" in bases
    for sql in PROBES:
        expected = told(sql, bases["text"])
        for name, base in bases.items():
            assert told(sql, base) == expected, (name, sql)
    assert all(report("SELECT 1;", base).not_in_base == [] for base in bases.values())


def test_what_a_server_gives_makes_the_same_schema_again(bases: dict[str, str], session: Session):
    session.execute(bases["database"])
    assert read_schema_sql(session) == bases["database"]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("ALTER TABLE users ALTER email TYPE varchar(200);", "LK012"),
        ("ALTER TABLE users ALTER email TYPE text;", "LK012"),
        ("ALTER TABLE users ALTER age SET NOT NULL;", "LK011"),
        ("ALTER TABLE users ADD COLUMN z int DEFAULT app.pure(1);", "LK005"),
        ("INSERT INTO tickets_log (id) VALUES (1);", "RB009"),
    ],
)
def test_false_alarms_go_away(sql: str, code: str):
    without = {each.code for each in findings(sql) if each.severity is not Severity.INFO}
    assert code in without or code == "RB009"
    assert code not in {each.code for each in findings(sql, SHOP)}


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("ALTER TABLE users ALTER email TYPE varchar(20);", "LK012"),
        ("ALTER TABLE users ALTER name SET NOT NULL;", "LK011"),
        ("ALTER TABLE users ADD COLUMN z positive;", "LK008"),
        ("ALTER TABLE users DROP COLUMN age;", "RB005"),
        ("DROP INDEX users_pkey;", "RB012"),
        ("CREATE INDEX CONCURRENTLY i ON events (id);", "LK028"),
        ("CREATE INDEX i ON users (email);", "LK001"),
        ("INSERT INTO users (id, email) VALUES (7, 'a');", "RB009"),
    ],
)
def test_what_is_there_is_in_use(sql: str, code: str):
    assert code in {each.code for each in findings(sql, SHOP)}


def test_nothing_is_said_of_the_base_and_it_does_not_count():
    found = report("SELECT 1;", "DROP TABLE a;\nALTER TABLE b RENAME c TO d;\n")
    assert (found.findings, found.files, found.statements, found.names) == ([], 1, 1, ["a.sql"])


def test_what_cannot_be_read_of_the_base_is_told_with_its_place():
    found = report("ALTER TABLE t ALTER a TYPE text;", "CREATE TABL x;\nCREATE TABLE t (a varchar(3));\n")
    assert found.not_in_base == ['base.sql:1: syntax error at or near "TABL"']
    assert "LK012" not in {each.code for each in found.findings}


def test_a_dump_of_version_18_with_its_commands_to_psql():
    dump = (
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict 3fLkX9\n\nSET statement_timeout = 0;\n"
        "SELECT pg_catalog.set_config('search_path', '', false);\n\n"
        "CREATE TABLE public.t (\n    a character varying(3)\n);\n\n"
        "COPY public.t (a) FROM stdin;\nx\n\\.\n\n\\unrestrict 3fLkX9\n"
    )
    found = report("ALTER TABLE t ALTER a TYPE varchar(9);", dump)
    assert found.not_in_base == []
    assert "LK012" not in {each.code for each in found.findings}


def test_history_that_made_a_table_of_the_base_leaves_it_as_it_is_there():
    """The base knows what was done by hand: a check that was validated on the server."""
    base = "CREATE TABLE t (a int, CONSTRAINT c CHECK (a IS NOT NULL));"
    history = "CREATE TABLE t (a int);"
    sql = "ALTER TABLE t ALTER a SET NOT NULL;"

    assert "LK011" not in {each.code for each in findings(sql, base, earlier=history, standing=Standing.KNOWN)}
    # a file that is judged runs: there is no table of that name yet
    assert "LK011" in {each.code for each in findings(sql, base, earlier=history)}


def test_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, database_url: str):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_URL", database_url)
    (tmp_path / "migrator.toml").write_text("")
    columns = ("age", "name")
    change = "".join(f"ALTER TABLE users ALTER {column} SET NOT NULL;\n" for column in columns)
    (tmp_path / "a.sql").write_text(f"SET lock_timeout = '1s';\n{change}")
    (tmp_path / "schema.sql").write_text(SHOP)

    def scans(*arguments: str, code: int = 1) -> int:
        assert cli.run(["lint", *arguments, "a.sql"]) == code
        out, err = capsys.readouterr()
        assert database_url not in out + err
        said.append(out + err)
        return out.count("LK011 set-not-null-scan")

    said: list[str] = []
    with Database(database_url).connect() as session:
        session.execute(SHOP)
        assert scans() == 2
        assert scans("--base", "schema.sql") == 1
        assert scans("--database", "SHOP_URL") == scans("--database", database_url) == 1
        assert "database holds no rows" in said[-1]
        session.execute("DROP TRIGGER stamped ON users")
        session.execute("INSERT INTO users (email, name, age, p) VALUES ('a', 'b', 20, 1)")
        session.execute("ANALYZE users")
    assert scans("--database", "SHOP_URL", code=0) == 1
    assert "; sizes of 20" in said[-1]
    (tmp_path / "migrator.toml").write_text('[lint]\nbase = "schema.sql"\n')
    assert scans() == 1


def test_not_null_that_is_not_validated_yet_is_no_proof(session: Session):
    if session.server_version < 18:
        pytest.skip("NOT NULL constraints have names and validity since PostgreSQL 18")
    session.execute("CREATE TABLE t (a int, b int, CONSTRAINT b_set NOT NULL b)")
    session.execute("ALTER TABLE t ADD CONSTRAINT a_set NOT NULL a NOT VALID")
    base = read_schema_sql(session)

    assert "LK011" in {each.code for each in findings("ALTER TABLE t ALTER a SET NOT NULL;", base)}
    assert "LK011" not in {each.code for each in findings("ALTER TABLE t ALTER b SET NOT NULL;", base)}


def test_a_trace_runs_on_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "migrator.toml").write_text("")
    (tmp_path / "schema.sql").write_text("CREATE TABLE t (a varchar(3));")
    (tmp_path / "a.sql").write_text("SET lock_timeout = '1s';\nALTER TABLE t ALTER a TYPE varchar(9);\n")

    assert cli.run(["lint", "--json", "--trace", "--base", "schema.sql", "a.sql"]) == 0
    trace = json.loads(capsys.readouterr().out)["trace"]
    assert trace["base_failures"] == []
    assert [each["outcome"] for each in trace["statements"]] == ["traced", "traced"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--base", "none.sql"], 'cannot read base "none.sql"'),
        (["--base", "."], 'base "." is a folder'),
        (["--base", "b.dump"], 'base "b.dump" is a dump in a format of pg_restore'),
        (["--base", "b.dump", "--database", "X"], "--base and --database both say"),
        (["--database", "not a url"], "--database needs a URL, or the name of an environment variable"),
        (["--database", "MISSING_URL"], "environment variable MISSING_URL is not set"),
        (["--base", "b.dump", "--dialect", "mysql"], "--base is of PostgreSQL only"),
    ],
)
def test_what_cannot_be_a_base_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, arguments: list[str], message: str
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "migrator.toml").write_text("")
    (tmp_path / "b.dump").write_bytes(b"PGDMP\x01\x0e")
    (tmp_path / "a.sql").write_text("SELECT 1;")

    assert cli.run(["lint", *arguments, "a.sql"]) == 2
    assert f"error: {message}" in capsys.readouterr().err


def test_no_selection_makes_the_base_speak():
    assert lint([base_of("b.sql", SHOP.encode())], select(), pg_version=14, today=TODAY).findings == []
