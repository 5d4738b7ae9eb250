"""Statements held against the manifests of releases: AP003 and AP004."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator import cli
from migrator.integrations.sqlalchemy.file import text
from migrator.lint.engine import lint
from migrator.lint.selection import select
from migrator.lint.sources import Source
from migrator.model.finding import Finding, Severity
from migrator.model.manifest import Manifest, UsedColumn, UsedTable
from migrator.model.phase import Phase
from tests.lint.linting import TODAY

USES, REQUIRED = "AP003", "AP004"


def table(name: str, *columns: str, schema: str = "public", **facts: bool) -> UsedTable:
    return UsedTable(schema, name, tuple(UsedColumn(each, reads=True, writes=True) for each in columns), **facts)


def web(*tables: UsedTable, level: int | None = None) -> Manifest:
    return Manifest("web", level, "app:Base", tables or (table("users", "id", "legacy", inserts=True),))


def found(
    sql: str,
    *manifests: Manifest,
    phase: Phase | None = None,
    level: int | None = None,
    earlier: str = "",
    code: str = USES,
) -> list[Finding]:
    before = [Source("earlier.sql", earlier)] if earlier else []
    source = Source("change.sql", sql, phase, phased=phase is not None, level=level)
    report = lint([*before, source], select(), pg_version=14, today=TODAY, manifests=manifests or (web(),))
    return [each for each in report.findings if each.code == code and each.file == "change.sql"]


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE users DROP COLUMN legacy;",
        "ALTER TABLE public.users DROP COLUMN IF EXISTS legacy CASCADE;",
        "ALTER TABLE users RENAME COLUMN legacy TO other;",
        "DROP TABLE a, users;",
        "ALTER TABLE users RENAME TO people;",
        "ALTER TABLE users SET SCHEMA app;",
        "DROP SCHEMA public CASCADE;",
        "DROP VIEW users;",
        "DO $$ BEGIN ALTER TABLE users DROP COLUMN legacy; END $$;",
    ],
)
def test_what_a_release_uses_and_a_statement_takes_away_is_reported(sql: str) -> None:
    (finding,) = found(sql)
    assert finding.severity is Severity.ERROR
    assert finding.message.startswith("web still uses public.users")


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE users DROP COLUMN other;",
        "ALTER TABLE app.users DROP COLUMN legacy;",
        "ALTER TABLE users DROP CONSTRAINT legacy;",
        "DROP INDEX users;",
        "ALTER TABLE users DROP COLUMN legacy; ALTER TABLE users RENAME COLUMN new TO legacy;",
        "ALTER TABLE users DROP COLUMN legacy, ADD COLUMN legacy text;",
        "BEGIN; ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT * FROM people; COMMIT;",
        "CREATE TABLE app.users (legacy text); ALTER TABLE app.users DROP COLUMN legacy;",
        "SET search_path = app; CREATE TABLE users (legacy int); DROP TABLE users;",
    ],
)
def test_what_stays_or_comes_back_or_is_another_table_is_not(sql: str) -> None:
    assert found(sql) == []


def test_a_name_comes_back_only_for_good_after_the_last_statement_that_takes_it() -> None:
    sql = "ALTER TABLE users RENAME COLUMN legacy TO kept;\nALTER TABLE users RENAME COLUMN kept TO legacy;\n"
    assert found(sql) == []
    assert [each.line for each in found(sql + "ALTER TABLE users DROP COLUMN legacy;")] == [3]


def test_where_the_schema_is_not_written_a_table_of_that_name_is_meant_in_any_schema() -> None:
    tenant = web(table("users", "legacy", schema="tenant"))
    assert len(found("ALTER TABLE users DROP COLUMN legacy;", tenant)) == 1
    assert found("ALTER TABLE users DROP COLUMN legacy;", tenant, earlier="CREATE TABLE users (legacy int);") == []


def test_statements_that_may_use_any_column_count_for_every_column() -> None:
    (finding,) = found("ALTER TABLE users DROP COLUMN x;", web(table("users", every_column=True)))
    assert "web may use" in finding.message


@pytest.mark.parametrize(
    ("own", "level", "severity"),
    [
        (3, 4, Severity.INFO),
        (4, 4, Severity.ERROR),
        (5, 4, Severity.ERROR),
        (None, 4, Severity.ERROR),
        (3, None, Severity.ERROR),
    ],
)
def test_a_contract_waits_for_releases_below_its_level_only(
    own: int | None, level: int | None, severity: Severity
) -> None:
    (finding,) = found("ALTER TABLE users DROP COLUMN legacy;", web(level=own), phase=Phase.CONTRACT, level=level)
    assert finding.severity is severity
    assert ("is not known" in finding.why) is (None in (own, level))


@pytest.mark.parametrize(("own", "reported"), [(3, True), (4, False), (None, False)])
def test_a_rollback_waits_for_releases_at_its_level_only(own: int | None, reported: bool) -> None:
    rollback = found("ALTER TABLE users DROP COLUMN legacy;", web(level=own), phase=Phase.ROLLBACK, level=4)
    assert bool(rollback) is reported


def test_each_release_is_named() -> None:
    two = (web(level=7), Manifest("jobs", 6, "jobs:Base", (table("users", "legacy"),)))
    told = [each.message for each in found("ALTER TABLE users DROP COLUMN legacy;", *two)]
    assert [message.split(" still")[0] for message in told] == ["web level 7", "jobs level 6"]


MADE = "CREATE TABLE users (id int, legacy text NOT NULL{});"
LEFT_OUT = web(table("users", "id", inserts=True), level=4)


def test_a_required_column_that_a_release_leaves_out_is_reported_where_it_is_dropped() -> None:
    drop = "ALTER TABLE users DROP COLUMN legacy;"
    (finding,) = found(drop, LEFT_OUT, phase=Phase.CONTRACT, level=4, earlier=MADE.format(""), code=REQUIRED)
    assert finding.message.startswith("public.users.legacy is NOT NULL without a default until this drops it, and web")
    assert finding.fix.endswith("ALTER TABLE public.users ALTER COLUMN legacy DROP NOT NULL;")


@pytest.mark.parametrize(
    ("manifest", "earlier"),
    [
        (LEFT_OUT, MADE.format(" DEFAULT ''")),
        (LEFT_OUT, MADE.format("") + "ALTER TABLE users ALTER COLUMN legacy DROP NOT NULL;"),
        (LEFT_OUT, MADE.format("") + "ALTER TABLE users ALTER COLUMN legacy SET DEFAULT 'x';"),
        (LEFT_OUT, ""),
        (web(level=3), MADE.format("")),
        (web(table("users", "id"), level=4), MADE.format("")),
    ],
)
def test_a_column_that_need_not_be_filled_or_is_filled_is_not(manifest: Manifest, earlier: str) -> None:
    drop = "ALTER TABLE users DROP COLUMN legacy;"
    assert found(drop, manifest, phase=Phase.CONTRACT, level=4, earlier=earlier, code=REQUIRED) == []


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "migrator.toml").write_text('[lint]\nmanifests = ["web.json"]\n')
    (tmp_path / "web.json").write_text(text(web(level=1)))
    return tmp_path


def linted(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, str, str]]:
    cli.run(["lint", "--json", *arguments])
    document = json.loads(capsys.readouterr().out)
    return [
        (Path(each["file"]).name, each["code"], each["severity"])
        for each in document["findings"]
        if each["code"] in (USES, REQUIRED)
    ]


def test_a_migration_that_new_wrote_is_judged_by_its_level(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["new", "drop legacy", "--sql", "ALTER TABLE users DROP COLUMN legacy"]) == 0
    capsys.readouterr()
    assert linted(capsys) == [("contract.sql", USES, "error")]
    (project / "web.json").write_text(text(web(level=0)))
    assert linted(capsys) == [("contract.sql", USES, "info")]
    (project / "other.json").write_text(text(web(table("users", "id"), level=1)))
    assert linted(capsys, "--manifest", "other.json") == []
    assert linted(capsys, "--manifest", "other.json", "--manifest", "web.json") == [("contract.sql", USES, "info")]


def test_a_manifest_that_is_missing_is_wrong_usage(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "web.json").unlink()
    (project / "a.sql").write_text("SELECT 1;")
    assert cli.run(["lint", "a.sql"]) == 2
    assert 'cannot read manifest "' in capsys.readouterr().err
    assert cli.run(["lint", "--dialect", "mysql", "--manifest", "web.json", "a.sql"]) == 2
    assert "--manifest is for PostgreSQL only" in capsys.readouterr().err


def test_an_editor_shows_it_too(project: Path) -> None:
    from migrator.config import load
    from migrator.integrations.lsp.documents import Document, check

    path = project / "migrations" / "a.sql"
    document = Document(path, "ALTER TABLE users DROP COLUMN legacy;\n", load(), {})
    assert USES in {each.code for each in check(document, TODAY)}
