"""``migrator init`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator import cli


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_says_what_it_wrote_and_the_second_time_what_it_kept(capsys):
    assert cli.run(["init"]) == 0
    first = capsys.readouterr()
    assert cli.run(["init"]) == 0
    second = capsys.readouterr()

    assert [line.split()[:2] for line in first.out.splitlines()][:2] == [
        ["wrote", "migrator.toml"],
        ["wrote", "migrations/"],
    ]
    assert {line.split()[0] for line in second.out.splitlines()} == {"kept"}
    assert 'then "migrator new"' in first.err


def test_json_lists_the_files(capsys):
    assert cli.run(["init", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document["files"][0] == {"path": "migrator.toml", "what": "configuration", "existed": False}


def test_what_comes_after_works_at_once(capsys):
    cli.run(["init"])

    assert cli.run(["new", "t", "--sql", "CREATE TABLE t (a int)"]) == 0
    assert cli.run(["plan"]) == 0


def test_a_broken_pyproject_is_exit_2(tmp_path: Path, capsys):
    (tmp_path / "pyproject.toml").write_text("[tool")

    assert cli.run(["init", "--json"]) == 2

    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["exit_code"] == 2
    assert "pyproject.toml is not valid TOML" in shown.err
