"""What the commands and the ledger object to in phase files, as lint reports it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator import cli
from migrator.execution.phase_lint import recorded, with_objections
from migrator.lint.engine import lint
from migrator.lint.selection import select
from migrator.lint.sources import read, since
from migrator.model.finding import Finding, Severity
from migrator.postgres.connect import Database
from tests.lint.linting import TODAY

CODES = ("RB016", "RB017", "RB018", "RB019", "RB020", "RB021", "DL012")
ID = "20260101T000000_m"


def migration(root: Path, name: str = ID, level: int = 1, more: str = "", **texts: str) -> Path:
    folder = root / "migrations" / name
    folder.mkdir(parents=True)
    (folder / "migration.toml").write_text(f'id = "{name}"\nlevel = {level}\ntitle = "t"\n{more}')
    for phase, text in texts.items():
        (folder / f"{phase}.sql").write_text(text)
    return folder


def found(root: Path, **options: object) -> list[Finding]:
    sources = with_objections(read([root / "migrations"]), **options)  # type: ignore[arg-type]
    report = lint(sources, select(CODES), pg_version=14, today=TODAY)
    return report.findings


def codes(root: Path, **options: object) -> list[tuple[str, str, int]]:
    return [(Path(each.file).name, each.code, each.line) for each in found(root, **options)]


def test_a_phase_that_was_generated_and_is_gone(tmp_path: Path):
    generated = '[generated]\nexpand = "x"\nbackfill = "x"\ncontract = "x"\n'
    text = "ALTER TABLE t DROP COLUMN a;"
    folder = migration(tmp_path, more=generated, expand="ALTER TABLE t ADD b int;", contract=text)
    assert codes(tmp_path) == [("contract.sql", "DL012", 1), ("contract.sql", "RB018", 1)]

    (folder / "backfill.sql").write_text("UPDATE t SET b = a WHERE b IS NULL;")
    assert codes(tmp_path) == []
    (folder / "expand.sql").unlink()
    assert codes(tmp_path) == [("backfill.sql", "RB018", 1), ("contract.sql", "RB018", 1)]


def test_a_contract_that_only_drops_has_no_expand(tmp_path: Path):
    migration(tmp_path, contract="ALTER TABLE t DROP COLUMN a;")
    (finding,) = found(tmp_path)
    assert (finding.code, finding.severity) == ("DL012", Severity.INFO)


def test_a_drop_that_is_declared_is_wanted(tmp_path: Path):
    change = '[[change]]\nkind = "drop_column"\ntable = "t"\ncolumn = "a"\n'
    migration(tmp_path, more=change, expand="ALTER TABLE t ADD b int;", contract="ALTER TABLE t DROP COLUMN a;")
    assert codes(tmp_path) == []


def test_a_drop_that_another_migration_copies_is_not_copied_by_this_one(tmp_path: Path):
    first = {"expand": "ALTER TABLE t ADD b int;", "backfill": "UPDATE t SET b = a WHERE b IS NULL;"}
    migration(tmp_path, **first)
    migration(tmp_path, "20260102T000000_n", 2, expand="ALTER TABLE t ADD c int;", contract="ALTER TABLE t DROP a;")
    assert [(each.code, each.severity) for each in found(tmp_path)] == [("DL012", Severity.WARNING)]


def test_a_backfill_that_cannot_be_batched_is_reported_at_its_line(tmp_path: Path):
    text = (
        "-- first\nUPDATE t SET a = 1 WHERE a IS NULL;\n\nUPDATE t\nSET b = (SELECT max(a) FROM t);\nDELETE FROM t;\n"
    )
    migration(tmp_path, backfill=text)
    reported = [(each.code, each.line) for each in found(tmp_path)]
    assert reported == [("RB020", 4), ("RB020", 6)]
    assert all("cannot be run in batches" in each.message for each in found(tmp_path))


def test_steps_that_the_command_refuses(tmp_path: Path):
    migration(tmp_path, expand="ALTER TABLE t ADD b int;\nCOMMIT;\n")
    (finding,) = found(tmp_path)
    assert (finding.code, finding.line, finding.severity) == ("RB019", 2, Severity.ERROR)


def test_an_objection_is_waived_as_any_finding(tmp_path: Path):
    migration(tmp_path, backfill="-- migrator: allow RB020 because it is small\nDELETE FROM t;\n")
    assert codes(tmp_path) == []


def test_history_is_not_objected_to(tmp_path: Path):
    migration(tmp_path, backfill="DELETE FROM t;\n")
    sources = with_objections(since(read([tmp_path / "migrations"]), added=set(), edited=set()))
    assert lint(sources, select(CODES), pg_version=14, today=TODAY).findings == []


def test_a_contract_that_names_what_no_expand_made(tmp_path: Path):
    texts = {"expand": "CREATE TABLE t (a int);", "contract": "ALTER TABLE t RENAME COLUMN b TO c;"}
    migration(tmp_path, **texts)
    assert codes(tmp_path) == [("contract.sql", "RB021", 1)]


def test_every_golden_folder_is_without_objection():
    examples = Path(__file__).resolve().parents[2] / "examples"
    folders = sorted(manifest.parent for manifest in examples.glob("*/migration.toml"))
    assert len(folders) > 20
    for folder in folders:
        sources = with_objections(read([folder / "schema.sql", folder]))
        report = lint(sources, select(CODES), pg_version=14, today=TODAY)
        assert [(each.file, each.code, each.message) for each in report.findings] == []


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    (tmp_path / "migrator.toml").write_text("")
    return tmp_path


def test_what_ran_in_the_database_and_what_it_has_no_record_of(
    project: Path, capsys: pytest.CaptureFixture[str], database_url: str
):
    first = migration(project, level=5, expand="CREATE TABLE t (a int);\n")
    with Database(database_url).connect() as session:
        assert recorded(session, "default") is None
    assert cli.run(["expand"]) == 0
    capsys.readouterr()

    def reported() -> list[tuple[str, str, str]]:
        cli.run(["lint", "--json", "--database", "DATABASE_URL"])
        findings = json.loads(capsys.readouterr().out)["findings"]
        return [(Path(each["file"]).parent.name, each["code"], each["severity"]) for each in findings]

    assert reported() == []
    migration(project, "20260102T000000_late", 4, expand="CREATE TABLE u (a int);\n")
    assert reported() == [("20260102T000000_late", "RB017", "error")]
    (first / "expand.sql").write_text("CREATE TABLE t (a bigint);\n")
    assert reported() == [("20260102T000000_late", "RB017", "error"), (ID, "RB016", "error")]
    (first / "expand.sql").write_bytes(b"CREATE TABLE t (a int);\r\n")
    assert reported() == [("20260102T000000_late", "RB017", "error")]
