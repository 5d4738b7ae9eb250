"""``migrator lint --fix`` and ``--diff`` as a user meets them."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from migrator import cli

EXAMPLES = Path(__file__).parents[2] / "examples"
BAD = "CREATE INDEX users_email ON users (email);\n"
FIXED = "-- migrator: transaction = false\nCREATE INDEX CONCURRENTLY users_email ON users (email);\n"
RENAME = "SET lock_timeout = '1s';\nALTER TABLE users RENAME COLUMN name TO full_name;\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "migrator.toml").write_text("")
    return tmp_path


def run(*arguments: str, stdin: bytes | None = None, monkeypatch: pytest.MonkeyPatch | None = None) -> int:
    if stdin is not None and monkeypatch is not None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    return cli.run(["lint", *arguments])


def test_fix_writes_and_exits_for_what_is_left(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "a.sql").write_text(BAD)
    (folder / "b.sql").write_text(RENAME)

    assert run("--fix", "a.sql") == 0
    assert (folder / "a.sql").read_text() == FIXED
    assert capsys.readouterr().err == "fixed 1 finding in 1 file: LK001\n"
    assert run("--fix", "a.sql", "b.sql") == 1
    assert (folder / "b.sql").read_text() == RENAME
    out, err = capsys.readouterr()
    assert "BC003" in out
    assert err == "fixed nothing\n"
    assert run("--fix", "--exit-zero", "b.sql") == 0


def test_a_second_run_changes_nothing(folder: Path):
    (folder / "a.sql").write_text(BAD)
    run("--fix", "a.sql")
    before = (folder / "a.sql").stat()

    assert run("--fix", "a.sql") == 0
    assert (folder / "a.sql").stat().st_mtime_ns == before.st_mtime_ns


def test_diff_shows_writes_nothing_and_is_taken_by_git(folder: Path, capsysbinary: pytest.CaptureFixture[bytes]):
    (folder / "a.sql").write_bytes(b"-- \xfcber uns\r\n" + BAD.rstrip().encode())
    before = (folder / "a.sql").read_bytes()

    assert run("--diff", "-o", "fix.patch", "a.sql") == 1
    assert (folder / "a.sql").read_bytes() == before
    subprocess.run(["git", "init", "-q"], check=True, cwd=folder)
    subprocess.run(["git", "apply", "fix.patch"], check=True, cwd=folder, capture_output=True)
    by_git = (folder / "a.sql").read_bytes()
    (folder / "a.sql").write_bytes(before)
    run("--fix", "a.sql")
    assert (folder / "a.sql").read_bytes() == by_git
    capsysbinary.readouterr()

    assert run("--diff", "a.sql") == 0
    assert capsysbinary.readouterr() == (b"", b"would fix nothing\n")
    (folder / "a.sql").write_bytes(before)
    assert run("--fix", "--diff", "--exit-zero", "a.sql") == 0
    assert b" -- \xfcber uns\r\n" in capsysbinary.readouterr().out
    assert (folder / "a.sql").read_bytes() == before


def test_a_diff_has_the_files_in_their_order(folder: Path, capsysbinary: pytest.CaptureFixture[bytes]):
    names = [f"{number:02}.sql" for number in range(30)]
    for name in names:
        (folder / name).write_text(BAD)

    assert run("--diff", ".") == 1
    lines = capsysbinary.readouterr().out.decode().splitlines()
    assert [line.removeprefix("--- a/") for line in lines if line.startswith("--- a/")] == names


def test_standard_input_is_printed_fixed(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch):
    assert run("--fix", "-", stdin=BAD.replace("\n", "\r\n").encode(), monkeypatch=monkeypatch) == 0
    out, err = capsysbinary.readouterr()
    assert out == FIXED.replace("\n", "\r\n").encode()
    assert b"nothing found in 1 file" in err

    assert run("--fix", "-", stdin=RENAME.encode(), monkeypatch=monkeypatch) == 1
    out, err = capsysbinary.readouterr()
    assert out == RENAME.encode()
    assert b"BC003" in err

    assert run("--diff", "-", stdin=BAD.encode(), monkeypatch=monkeypatch) == 1
    assert b"+CREATE INDEX CONCURRENTLY users_email" in capsysbinary.readouterr().out


def test_a_report_of_what_is_left_goes_where_it_is_sent(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    both = (RENAME + BAD).encode()

    assert run("--fix", "--format", "json", "-o", "left.json", "-", stdin=both, monkeypatch=monkeypatch) == 1
    assert capsys.readouterr().out.encode() == both
    left = json.loads((folder / "left.json").read_text())["findings"]
    assert {finding["code"] for finding in left} == {"BC003", "LK001"}
    (index,) = (finding for finding in left if finding["code"] == "LK001")
    assert index["edits_are_safe"] is False
    assert "commit together" in index["edits_remark"]


def test_what_splits_a_transaction_is_unsafe(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "a.sql").write_text(f"BEGIN;\nSET LOCAL lock_timeout = '2s';\nCREATE TABLE t (a int);\n{BAD}COMMIT;\n")

    assert run("--fix", "a.sql") == 1
    out, _ = capsys.readouterr()
    assert "--unsafe-fixes writes it: other statements of the file would no longer commit together with it" in out
    assert "fixable with --fix --unsafe-fixes" in out
    assert run("--fix", "--unsafe-fixes", "a.sql") == 0
    assert (folder / "a.sql").read_text() == (
        "BEGIN;\nSET LOCAL lock_timeout = '2s';\nCREATE TABLE t (a int);\nCOMMIT;\n"
        "CREATE INDEX CONCURRENTLY users_email ON users (email);\n"
    )


def test_bytes_around_a_fix_survive(folder: Path):
    for name, before, after in (
        ("bom.sql", "\ufeff/* ü */ ".encode() + BAD.encode(), "\ufeff" + FIXED.replace("CREATE", "/* ü */ CREATE")),
        ("no-end.sql", BAD.strip("\n;").encode(), FIXED.strip("\n;")),
    ):
        (folder / name).write_bytes(before)
        run("--fix", name)
        assert (folder / name).read_bytes() == after.encode(), name
    (folder / "latin-1.sql").write_bytes(b"-- \xe4\xc3\n" + BAD.strip().encode() + b" -- \xf6\n" + BAD.encode())
    run("--fix", "latin-1.sql")
    assert (folder / "latin-1.sql").read_bytes() == (
        b"-- migrator: transaction = false\n-- \xe4\xc3\nCREATE INDEX CONCURRENTLY users_email ON users (email);"
        b" -- \xf6\nCREATE INDEX CONCURRENTLY users_email ON users (email);\n"
    )
    (folder / "utf-16.sql").write_bytes(BAD.encode("utf-16"))
    run("--fix", "utf-16.sql")
    assert (folder / "utf-16.sql").read_bytes().decode("utf-16") == FIXED


def test_links_and_permissions_survive(folder: Path):
    (folder / "real.sql").write_text(BAD)
    (folder / "real.sql").chmod(0o640)
    (folder / "a.sql").symlink_to("real.sql")

    run("--fix", "a.sql")

    assert (folder / "a.sql").is_symlink()
    assert (folder / "real.sql").read_text() == FIXED
    assert (folder / "real.sql").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in folder.iterdir()) == ["a.sql", "migrator.toml", "real.sql"]


def test_only_what_is_reported_is_fixed(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "old.sql").write_text(BAD)
    (folder / "allowed.sql").write_text("-- migrator: allow LK001, LK020 because the table is small\n" + BAD)
    assert run("--write-baseline", "known.json", "old.sql") == 0

    assert run("--fix", "--baseline", "known.json", "old.sql", "allowed.sql") == 0
    assert (folder / "old.sql").read_text() == BAD
    assert "CONCURRENTLY" not in (folder / "allowed.sql").read_text()
    for git in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "1"]):
        subprocess.run(["git", *git], check=True, cwd=folder)
    (folder / "new.sql").write_text(BAD)
    assert run("--fix", "--since", "HEAD", ".") == 0
    assert (folder / "old.sql").read_text() == BAD
    assert (folder / "new.sql").read_text() == FIXED


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fix", "--dialect", "mysql"], ["--diff", "--format", "sarif"], ["--fix", "--trace"],
        ["--diff", "--write-baseline", "known.json"],
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(folder: Path, arguments: list[str]):
    (folder / "a.sql").write_text(BAD)

    assert run(*arguments, "a.sql") == 2
    assert (folder / "a.sql").read_text() == BAD


def test_a_file_of_another_runner_is_marked_in_its_own_words(folder: Path):
    for name, before, after in (
        ("dbmate.sql", "-- migrate:up\n", "-- migrate:up transaction:false\n"),
        ("goose.sql", "-- +goose Up\n", "-- +goose NO TRANSACTION\n-- +goose Up\n"),
        (
            "liquibase.sql",
            "--liquibase formatted sql\n--changeset ann:1\n",
            "--liquibase formatted sql\n--changeset ann:1 runInTransaction:false\n",
        ),
        ("V1__index.sql", "", ""),
        ("1_index.up.sql", "", ""),
    ):
        (folder / name).write_text(before + BAD)
        assert run("--fix", name) == 0, name
        assert (folder / name).read_text() == after + FIXED.split("\n", 1)[1], name


def test_what_a_runner_sends_as_one_is_left(folder: Path, capsys: pytest.CaptureFixture[str]):
    check = "ALTER TABLE users ADD CONSTRAINT adult CHECK (age > 17);\n"
    (folder / "1_check.up.sql").write_text(check)

    assert run("--fix", "1_check.up.sql") == 1
    assert "--fix leaves it: its runner sends a file of several statements as one" in capsys.readouterr().out
    assert "NOT VALID" not in (folder / "1_check.up.sql").read_text()


def test_placeholders_and_blocks_are_left(folder: Path):
    for number, sql in enumerate(
        ("CREATE INDEX i ON ${schema}.users (email);\n", "DO $$ BEGIN CREATE INDEX i ON users (email); END $$;\n")
    ):
        (folder / f"{number}.sql").write_text(sql)
        run("--fix", f"{number}.sql")
        assert "CONCURRENTLY" not in (folder / f"{number}.sql").read_text()


def test_a_statement_next_to_a_placeholder_is_fixed(folder: Path):
    (folder / "a.sql").write_text("SET search_path = ${schema};\n" + BAD)

    assert run("--fix", "a.sql") == 0
    assert (folder / "a.sql").read_text() == FIXED.replace("\n", "\nSET search_path = ${schema};\n", 1)


def test_an_included_file_is_fixed_where_it_lies(folder: Path):
    (folder / "main.sql").write_text("-- migrator: transaction = false\n\\set ON_ERROR_STOP on\n\\ir parts/index.sql\n")
    (folder / "parts").mkdir()
    (folder / "parts" / "index.sql").write_text(BAD)

    assert run("--fix", "main.sql") == 0
    assert (folder / "parts" / "index.sql").read_text() == FIXED.split("\n", 1)[1]


def test_a_statement_is_moved_to_a_migration_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "a.sql").write_text(f"SELECT 1;\n-- the new name\n{RENAME}SELECT 2;\n")

    assert run("--diff", "--unsafe-fixes", "a.sql") == 1
    out, err = capsys.readouterr()
    assert "-ALTER TABLE users RENAME COLUMN name TO full_name;" in out
    assert "would move a statement of a.sql to a migration: rename users.name" in err
    assert not (folder / "migrations").exists()
    assert run("--fix", "--unsafe-fixes", "a.sql") == 0
    assert (folder / "a.sql").read_text() == "SELECT 1;\n-- the new name\nSET lock_timeout = '1s';\nSELECT 2;\n"
    (migration,) = (folder / "migrations").iterdir()
    assert f"wrote migrations/{migration.name}/  level 1" in capsys.readouterr().err
    assert {path.name for path in migration.iterdir()} >= {"expand.sql", "contract.sql", "migration.toml"}
    assert "full_name" in (migration / "expand.sql").read_text()
    assert run() == 0


def test_a_waiver_that_waives_nothing_goes_with_its_line_or_its_blanks(folder: Path):
    for before, after in (
        ("SELECT 1;\n  -- migrator: allow BC001 because of May\nSELECT 2;\n", "SELECT 1;\nSELECT 2;\n"),
        ("SELECT 1;  -- migrator: allow BC001 because of May\r\nSELECT 2;", "SELECT 1;\r\nSELECT 2;"),
        ("SELECT /* migrator: allow BC001 because of May */ 1;\n", "SELECT  1;\n"),
        ("SELECT/* migrator: allow BC001 because of May */1;\n", "SELECT 1;\n"),
        ("-- migrator: allow-file BC001 because of May\nSELECT 1;\n", "SELECT 1;\n"),
    ):
        (folder / "a.sql").write_bytes(before.encode())
        assert run("--fix", "a.sql") == 0
        assert (folder / "a.sql").read_bytes().decode() == after


def test_a_lock_timeout_holds_up_to_the_next_build(folder: Path):
    (folder / "a.sql").write_text(
        "-- migrator: transaction = false\n"
        "ALTER TABLE users ADD COLUMN a int;\nALTER TABLE users ADD COLUMN b int; -- both\n"
        f"{BAD}ALTER TABLE users ADD COLUMN c int;\n"
    )

    assert run("--fix", "a.sql") == 0
    assert (folder / "a.sql").read_text() == (
        "-- migrator: transaction = false\n"
        "SET lock_timeout = '2s';\n"
        "ALTER TABLE users ADD COLUMN a int;\nALTER TABLE users ADD COLUMN b int;\nRESET lock_timeout; -- both\n"
        "CREATE INDEX CONCURRENTLY users_email ON users (email);\n"
        "SET lock_timeout = '2s';\nALTER TABLE users ADD COLUMN c int;\n"
    )


def test_with_a_database_more_can_be_moved(
    folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    change = "SET lock_timeout = '1s';\nALTER TABLE users ALTER COLUMN age TYPE bigint;\nANALYZE users;\n"
    (folder / "1.sql").write_text("CREATE TABLE users (id int PRIMARY KEY, age int);\n")
    (folder / "2.sql").write_text(change)

    assert run("--fix", "--unsafe-fixes", "1.sql", "2.sql") == 1
    assert (folder / "2.sql").read_text() == change
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE users (id int PRIMARY KEY, age int)")
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert run("--fix", "--unsafe-fixes", "1.sql", "2.sql") == 0
    assert (folder / "2.sql").read_text() == "SET lock_timeout = '1s';\nANALYZE users;\n"
    (migration,) = (folder / "migrations").iterdir()
    assert migration.name.endswith("_change_the_type_of_users_age")
    assert "backfill.sql" in {path.name for path in migration.iterdir()}
    assert "wrote migrations/" in capsys.readouterr().err


def test_statements_of_one_line_stay_under_their_waiver(folder: Path):
    waiver = "-- migrator: allow BC001, LK014 because of May\n"
    (folder / "a.sql").write_text(
        f"{waiver}SELECT 1; ALTER TABLE users DROP COLUMN name; "
        "ALTER TABLE users ADD CONSTRAINT adult CHECK (age > 17); ALTER TABLE users DROP COLUMN age;\n"
    )

    assert run("--fix", "a.sql") == 0
    assert (folder / "a.sql").read_text() == (
        f"{waiver}SELECT 1; SET lock_timeout = '2s'; ALTER TABLE users DROP COLUMN name; "
        "ALTER TABLE users ADD CONSTRAINT adult CHECK (age > 17); ALTER TABLE users DROP COLUMN age;\n"
    )


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("LOCK TABLE users IN ROW EXCLUSIVE MODE;\n", "LOCK TABLE"),
        ("SAVEPOINT one;\n", "SAVEPOINT"),
        ("DECLARE all_users CURSOR FOR SELECT * FROM users;\n", "DECLARE CURSOR"),
        ("SET CONSTRAINTS ALL DEFERRED;\n", "SET CONSTRAINTS"),
        ("SET LOCAL search_path = app;\n", "SET LOCAL"),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n", "SET TRANSACTION"),
    ],
)
def test_a_file_that_needs_its_transaction_keeps_it(
    folder: Path, capsys: pytest.CaptureFixture[str], statement: str, named: str
):
    text = "SET lock_timeout = '1s';\n" + statement + BAD
    (folder / "a.sql").write_text(text)

    assert run("--fix", "--unsafe-fixes", "a.sql") == 1
    assert f"--fix leaves it: {named} needs the transaction around the file" in capsys.readouterr().out
    assert (folder / "a.sql").read_text() == text


def test_what_works_without_a_transaction_does_not_hold_it(folder: Path):
    held = "DECLARE all_users CURSOR WITH HOLD FOR SELECT * FROM users;\nBEGIN;\nLOCK TABLE a IN SHARE MODE;\nCOMMIT;\n"
    (folder / "a.sql").write_text("SET lock_timeout = '1s';\n" + held + BAD)

    assert run("--fix", "--unsafe-fixes", "a.sql") == 0
    assert "CREATE INDEX CONCURRENTLY" in (folder / "a.sql").read_text()


def test_a_materialized_view_that_takes_the_place_of_another_is_no_renaming(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    shutil.copytree(EXAMPLES / "replace_materialized_view", folder / "totals")
    steps, manifest = folder / "totals" / "contract.sql", folder / "totals" / "migration.toml"
    steps.rename(folder / "totals" / "expand.sql")  # where they stand with phase = expand

    run("totals/expand.sql")
    assert "BC004" not in capsys.readouterr().out
    manifest.write_text(manifest.read_text().replace('kind = "replace_materialized_view"', 'kind = "raw_sql"'))
    run("totals/expand.sql")
    assert "BC004" in capsys.readouterr().out
