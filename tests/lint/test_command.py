"""``migrator lint`` and ``migrator explain`` as a user meets them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from migrator import cli
from migrator.errors import all_error_classes
from migrator.lint.registry import all_rules, dialect_rules

RENAME = "ALTER TABLE users RENAME COLUMN name TO full_name;\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "migrator.toml").write_text("")
    return tmp_path


def test_a_clean_file(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "a.sql").write_text("SELECT 1;\n")

    assert cli.run(["lint", "a.sql"]) == 0
    assert capsys.readouterr().out == "nothing found in 1 file, 1 statement\n"


def test_findings_are_exit_1(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "a.sql").write_text(RENAME)

    assert cli.run(["lint", "a.sql"]) == 1
    out, err = capsys.readouterr()
    assert "a.sql:1:1: error: renaming users.name breaks running code" in out
    assert "migrator explain BC003" in out
    assert "\x1b" not in out
    assert err == ""


@pytest.mark.parametrize("arguments", [["--json"], ["--format", "json"], ["--format=json"]])
def test_json(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]):
    (folder / "a.sql").write_text("SET lock_timeout = '1s';\n" + RENAME)

    assert cli.run(["lint", *arguments, "a.sql"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert (document["files"], document["statements"]) == (1, 2)
    (finding,) = document["findings"]
    assert list(finding) == [
        "code", "rule", "severity", "category", "message", "file", "line", "column", "end_line", "statement",
        "lock_mode", "blocks", "why", "fix", "relation", "work", "breaks",
        "moves_to", "fingerprint",
    ]  # fmt: skip
    assert (finding["line"], finding["statement"]) == (2, RENAME.strip().rstrip(";"))
    assert (finding["lock_mode"], finding["blocks"]) == ("ACCESS EXCLUSIVE", "reads and writes")
    assert (finding["relation"], finding["work"]) == ("users", "brief")
    assert finding["breaks"] == ["reads", "writes", "prepared statements"]


def test_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(RENAME.encode())))

    assert cli.run(["lint", "-"]) == 1
    assert "stdin:1:1: error" in capsys.readouterr().out


def test_standard_input_of_a_phase(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(RENAME.encode())))

    assert cli.run(["lint", "-", "--phase", "contract"]) == 0


def test_files_and_standard_input_are_one_history(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "schema.sql").write_text("CREATE TABLE t (a varchar(10));")
    change = b"-- migrator: allow LK020, RB011 because of this test\nALTER TABLE t ALTER a TYPE varchar(20);"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(change)))
    (folder / "migrator.toml").write_text('[lint]\nfail_on = "info"\n')

    assert cli.run(["lint", "schema.sql", "-"]) == 0


def test_without_a_path_the_migrations_are_linted(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "migrations/1").mkdir(parents=True)
    (folder / "migrations/1/migration.toml").write_text("level = 1")
    (folder / "migrations/1/contract.sql").write_text(RENAME)
    (folder / "migrations/1/expand.sql").write_text(RENAME)

    assert cli.run(["lint"]) == 1
    out = capsys.readouterr().out
    assert "migrations/1/expand.sql:1:1" in out
    assert "contract.sql" not in out


def test_without_a_path_and_without_migrations_it_says_how(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["lint"]) == 2
    assert "migrator lint FILE" in capsys.readouterr().err


def test_a_missing_file_is_exit_2(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "a.sql").write_text(RENAME)

    assert cli.run(["lint", "a.sql", "nope.sql"]) == 2
    out, err = capsys.readouterr()
    assert "nope.sql" in err
    assert out == ""


def test_a_folder_without_sql_says_so(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "empty").mkdir()

    assert cli.run(["lint", "empty"]) == 0
    assert "no *.sql files" in capsys.readouterr().err


def test_the_configuration_decides(folder: Path):
    (folder / "a.sql").write_text(RENAME)

    def lint_with(settings: str) -> int:
        (folder / "migrator.toml").write_text(f"[lint]\n{settings}\n")
        return cli.run(["lint", "a.sql"])

    assert lint_with('ignore = ["BC003"]') == 0
    assert lint_with('select = ["LK001"]') == 0
    assert lint_with('severity = { "BC003" = "warning" }') == 0
    assert lint_with('severity = { "BC003" = "warning" }\nfail_on = "warning"') == 1
    assert lint_with('ignore = ["BC0033"]') == 2


def test_the_version_of_the_flag_wins(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "migrator.toml").write_text("[lint]\npg_version = 14\n")
    (folder / "a.sql").write_text("ALTER TABLE t ADD COLUMN b int GENERATED ALWAYS AS (a) STORED;")

    assert cli.run(["lint", "a.sql", "--pg-version", "18"]) == 1
    assert "VIRTUAL" in capsys.readouterr().out


def test_a_syntax_error_is_exit_1_with_a_caret(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "a.sql").write_text("SELECT 1;\n\tCREATE TABEL x (a int);\n")

    assert cli.run(["lint", "a.sql"]) == 1
    out = capsys.readouterr().out
    assert "a.sql:2:9: error:" in out
    assert "  2 | \tCREATE TABEL x (a int);\n    | \t       ^\n" in out


RARELY = (
    *("psycopg", "rich", "sqlglot", "mako", "asyncio"),
    *("hashlib", "difflib", "migrator.model.trace", "migrator.model.plan"),
)
"""What a start can do without: one file has to be linted before an editor or a commit hook feels slow."""


def test_lint_loads_nothing_that_it_needs_for_few_files_only(folder: Path):
    (folder / "a.sql").write_text(RENAME)
    code = (
        "import sys; from migrator import cli; cli.run(['lint', 'a.sql']);"
        f"print([name for name in {RARELY} if name in sys.modules])"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder)

    assert result.stdout.rstrip().endswith("[]"), result.stdout + result.stderr


@pytest.mark.parametrize("code", list(all_rules()))
def test_every_rule_explains_itself(code: str, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["explain", code.lower()]) == 0
    by_code = capsys.readouterr().out
    assert cli.run(["explain", all_rules()[code].name]) == 0

    assert by_code == capsys.readouterr().out
    assert by_code.startswith(f"{code} {all_rules()[code].name} (")


@pytest.mark.parametrize("code", ["0", *(str(each.exit_code) for each in all_error_classes())])
def test_every_exit_code_is_explained(code: str, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["explain", code]) == 0
    assert capsys.readouterr().out.startswith(f"exit code {code}\n\n")


def test_a_change_kind_is_explained(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["explain", "rename_column"]) == 0
    assert capsys.readouterr().out.startswith("rename_column (change kind)\n\n")


@pytest.mark.parametrize(
    ("typo", "near"), [("LK0001", "LK001"), ("rename_colum", "rename_column"), ("drop-colunm", "drop-column")]
)
def test_an_unknown_page_names_the_nearest(typo: str, near: str, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["explain", typo]) == 2
    assert f'did you mean "{near}"?' in capsys.readouterr().err


def test_without_a_code_all_are_listed(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["explain"]) == 0
    out = capsys.readouterr().out
    assert all(code in out for code in all_rules())

    assert cli.run(["explain", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rules"]) == len(all_rules()) + len(dialect_rules())


def git(*arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=Dev", "-c", "user.email=dev@example.com", *arguments], check=True)


def test_since_reports_what_is_new(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "m").mkdir()
    (folder / "m/1.sql").write_text("CREATE TABLE t (a varchar(10)); DROP TABLE u;")
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "first")
    (folder / "m/2.sql").write_text("ALTER TABLE t ALTER a TYPE varchar(20);")

    assert cli.run(["lint", "m", "--since", "main"]) == 0
    (folder / "m/2.sql").write_text("DROP TABLE t;")
    assert cli.run(["lint", "m", "--since", "main"]) == 1
    assert "m/1.sql" not in capsys.readouterr().out
    assert cli.run(["lint", "m", "--since", "nowhere"]) == 2
    assert 'git knows no "nowhere" here' in capsys.readouterr().err


def test_a_baseline_is_written_and_left_out(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "a.sql").write_text(RENAME)

    assert cli.run(["lint", "a.sql", "--write-baseline", "known.json"]) == 0
    assert "wrote known.json: 2 findings" in capsys.readouterr().err
    assert cli.run(["lint", "a.sql", "--baseline", "known.json"]) == 0
    assert "2 in the baseline" in capsys.readouterr().out
    (folder / "migrator.toml").write_text('[lint]\nbaseline = "known.json"\n')
    (folder / "a.sql").write_text("DROP TABLE t;\n")
    assert cli.run(["lint", "a.sql"]) == 1
    assert "2 entries of the baseline found no more" in capsys.readouterr().err
    assert cli.run(["lint", "a.sql", "--baseline", "absent.json"]) == 2
    assert "migrator lint --write-baseline absent.json" in capsys.readouterr().err


def test_rules_may_be_silent_in_files_of_a_pattern(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "migrator.toml").write_text('[lint.per_file_ignores]\n"old/*" = ["BC", "LK020"]\n')
    for name in ("old", "new"):
        (folder / name).mkdir()
        (folder / name / "a.sql").write_text(RENAME)

    assert cli.run(["lint", "old"]) == 0
    assert cli.run(["lint", str(folder / "old")]) == 0
    assert cli.run(["lint", "new"]) == 1
    (folder / "migrator.toml").write_text('[lint.per_file_ignores]\n"old/*" = ["BC9"]\n')
    assert cli.run(["lint", "old"]) == 2
    assert 'per_file_ignores: no rule "BC9"' in capsys.readouterr().err


def test_output_goes_to_a_file_and_exit_zero_is_for_reports(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "a.sql").write_text(RENAME)

    assert cli.run(["lint", "a.sql", "--format", "sarif", "-o", "out.sarif", "--exit-zero"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "wrote out.sarif: 1 error, 1 info in 1 of 1 file, 1 statement\n"
    assert json.loads((folder / "out.sarif").read_text())["version"] == "2.1.0"
    assert cli.run(["lint", "a.sql", "-o", "absent/out.txt"]) == 2
    assert 'cannot write "absent/out.txt": No such file or directory' in capsys.readouterr().err


def test_a_file_of_the_project_is_judged_with_those_before_it(folder: Path, capsys: pytest.CaptureFixture[str]):
    migrations = folder / "migrations"
    migrations.mkdir()
    (migrations / "1.sql").write_text("CREATE TABLE t (a varchar(10));\nDROP TABLE other;\n")
    (migrations / "2.sql").write_text("SET lock_timeout = '1s';\nALTER TABLE t ALTER a TYPE varchar(20);\nANALYZE t;\n")
    (migrations / "3.sql").write_text("DROP TABLE t;\n")

    assert cli.run(["lint", "migrations/2.sql"]) == 0
    assert capsys.readouterr().out == "nothing found in 2 files, 5 statements\n"
    assert cli.run(["lint", "--json", str(migrations / "3.sql"), "./migrations/2.sql"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {each["file"] for each in found} == {str(migrations / "3.sql")}
    assert "BC002" in {each["code"] for each in found}


def test_a_file_elsewhere_is_judged_alone(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "1.sql").write_text("CREATE TABLE t (a int);\n")
    (folder / "2.sql").write_text("SET lock_timeout = '1s';\nALTER TABLE t ADD COLUMN b int;\n")

    assert cli.run(["lint", "2.sql"]) == 0
    assert capsys.readouterr().out == "nothing found in 1 file, 2 statements\n"


def test_it_does_not_count_from_which_folder_a_file_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (folder / "old").mkdir()
    (folder / "old/1.sql").write_text("DROP TABLE a;\n")
    (folder / "migrator.toml").write_text('[lint]\nignore = ["LK020"]\n')
    assert cli.run(["lint", "old", "--write-baseline", "known.json"]) == 0

    assert cli.run(["lint", "--baseline", "known.json", str(folder / "old/1.sql")]) == 0
    monkeypatch.chdir(folder / "old")
    assert cli.run(["lint", "--baseline", "../known.json", "1.sql"]) == 0
    assert cli.run(["lint", "1.sql"]) == 1
    (folder / "migrator.toml").write_text('[lint]\nignore = ["LK020"]\nper_file_ignores = { "old/*" = ["BC"] }\n')
    assert cli.run(["lint", "1.sql"]) == 0
    capsys.readouterr()


def test_versions_that_the_rules_do_not_know_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "a.sql").write_text("SELECT 1;\n")

    assert cli.run(["lint", "--pg-version", "13", "a.sql"]) == 2
    assert "13 is not in the range 14<=x<=30" in capsys.readouterr().err
    (folder / "migrator.toml").write_text("[lint]\npg_version = 13\n")
    assert cli.run(["lint", "a.sql"]) == 2
    assert "lint.pg_version: expected `int` >= 14" in capsys.readouterr().err
