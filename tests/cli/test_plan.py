"""``migrator plan``: which migrations, which phases, with and without a database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator import cli
from migrator.planning.folders import load_all


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> list[str]:
    """Two migrations in the working folder; their ids."""
    (tmp_path / "migrator.toml").write_text('lock_timeout = "250ms"\n')
    monkeypatch.chdir(tmp_path)
    assert cli.run(["new", "first", "--sql", "CREATE TABLE t (a int)"]) == 0
    assert cli.run(["new", "second", "--sql", "ALTER TABLE t RENAME COLUMN a TO b"]) == 0
    capsys.readouterr()
    return [migration.id for migration in load_all(tmp_path / "migrations")]


def test_without_a_database_every_migration_is_shown_in_order(project: list[str], capsys):
    assert cli.run(["plan"]) == 0

    text = capsys.readouterr().out
    assert [line.split()[0] for line in text.splitlines() if "  level " in line] == project
    assert "rollback" not in text


def test_one_migration_is_the_document_itself_and_several_are_a_list(project: list[str], capsys):
    assert cli.run(["plan", "--json"]) == 0
    several = json.loads(capsys.readouterr().out)
    assert cli.run(["plan", project[1], "--json"]) == 0
    one = json.loads(capsys.readouterr().out)

    assert [each["migration"]["id"] for each in several["migrations"]] == project
    assert (several["schema_version"], one["schema_version"]) == (1, 1)
    assert one["migration"] == {"id": project[1], "level": 2, "title": "second"}
    assert {step["lock_timeout_ms"] for step in one["phases"][0]["steps"]} == {250}


@pytest.mark.parametrize("phase", ["expand", "backfill", "contract", "rollback"])
def test_only_one_phase(project: list[str], phase: str, capsys):
    assert cli.run(["plan", project[1], "--phase", phase, "--json"]) == 0

    assert [each["phase"] for each in json.loads(capsys.readouterr().out)["phases"]] == [phase]


def test_sql_only_is_what_is_in_the_files(project: list[str], capsys):
    assert cli.run(["plan", project[0], "--sql"]) == 0

    assert capsys.readouterr().out == "-- expand: create-t\nCREATE TABLE public.t (a int);\n"


def test_with_a_database_finished_migrations_are_left_out_and_rows_are_estimated(
    project: list[str], database_url: str, session, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert cli.run(["expand", project[0]]) == 0
    session.execute("INSERT INTO t SELECT generate_series(1, 4321)")
    session.execute("ANALYZE t")
    capsys.readouterr()

    assert cli.run(["plan"]) == 0

    text = capsys.readouterr().out
    assert [line.split()[0] for line in text.splitlines() if "  level " in line] == project[1:]
    assert "rows: about 4,321" in text


def test_when_everything_is_finished_it_says_so(
    project: list[str], database_url: str, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert cli.run(["expand", project[0]]) == 0
    for file in Path("migrations", project[1]).iterdir():
        file.unlink()
    Path("migrations", project[1]).rmdir()
    capsys.readouterr()

    assert cli.run(["plan"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "nothing is pending\n")
    assert cli.run(["plan", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema_version": 1, "migrations": []}


def test_a_folder_without_migrations_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    (tmp_path / "migrator.toml").write_text("")
    (tmp_path / "migrations").mkdir()
    monkeypatch.chdir(tmp_path)

    assert cli.run(["plan"]) == 0

    assert capsys.readouterr().err == "no migrations in migrations\n"


@pytest.mark.parametrize(
    ("target", "message"),
    [("1999", 'no migration fits "1999"'), ("20", '"20" fits 2 migrations'), ("", "TARGET is empty")],
)
def test_a_target_must_fit_one_migration(project: list[str], target: str, message: str, capsys):
    assert cli.run(["plan", target]) == 2

    assert capsys.readouterr().err.startswith(f"error: {message}")


def test_an_unknown_phase_lists_those_there_are(project: list[str], capsys):
    assert cli.run(["plan", "--phase", "expnad"]) == 2

    assert "'expand', 'backfill', 'contract', 'rollback'" in capsys.readouterr().err
