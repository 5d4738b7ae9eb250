"""``migrator stats`` and ``migrator lint --stats`` together, as a user meets them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import psycopg
import pytest

from migrator import cli

SCAN = "SET lock_timeout = '1s';\nALTER TABLE tiny ALTER a SET NOT NULL;\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    (tmp_path / "migrator.toml").write_text("")
    (tmp_path / "a.sql").write_text(SCAN)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE tiny AS SELECT 'a secret' AS a")
        connection.execute("ANALYZE tiny")
    return tmp_path


def test_sizes_from_a_database_make_a_scan_of_a_small_table_a_note(project: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["lint", "a.sql"]) == 1
    assert cli.run(["stats", "--output", "stats.json"]) == 0
    out, err = capsys.readouterr()
    assert err == "wrote stats.json: 1 relation\nnext: migrator lint --stats stats.json\n"
    assert "secret" not in (project / "stats.json").read_text()

    assert cli.run(["lint", "--stats", "stats.json", "a.sql"]) == 0
    out, err = capsys.readouterr()
    assert "a.sql:2:18: note: SET NOT NULL on a reads all of tiny" in out
    # Writes are counted as soon as the server comes to it.
    assert re.search(r"\(about 1 row, 16 kB(, [\d.]+ writes/s)?; reading it takes less than a second\)", out), out
    assert err == ""
    (project / "migrator.toml").write_text('[lint]\nstats = "stats.json"\n')
    assert cli.run(["lint", "a.sql"]) == 0
    (project / "migrator.toml").write_text('[lint]\nstats = "stats.json"\n[lint.sizes]\nsmall_rows = 0\n')
    assert cli.run(["lint", "a.sql"]) == 1


def test_json_and_text_on_standard_output(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["stats", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == [
        "schema_version", "taken_at", "database", "search_path", "relations", "counted_since",
    ]  # fmt: skip
    assert document["schema_version"] == 1
    assert list(document["relations"][0]) == [
        "schema", "name", "kind", "rows", "table_bytes", "index_bytes", "toast_bytes", "total_bytes", "writes_per_s",
        "scans_per_s",
    ]  # fmt: skip

    assert cli.run(["stats"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["RELATION", "KIND", "ROWS", "SIZE"]
    assert line.split()[:5] == ["public.tiny", "table", "1", "16", "kB"]


def test_old_statistics_are_said_to_be_old(project: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["stats", "--output", "stats.json"]) == 0
    document = json.loads((project / "stats.json").read_text())
    (project / "stats.json").write_text(json.dumps({**document, "taken_at": "2020-01-01T00:00:00Z"}))
    capsys.readouterr()

    assert cli.run(["lint", "--stats", "stats.json", "a.sql"]) == 1
    assert "stats.json is of 2020-01-01, older than max_age (90d)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stats", "none.json", "a.sql"], 'cannot read statistics "none.json": No such file or directory'),
        (["--stats", "a.sql", "a.sql"], "not statistics of migrator"),
        (["--stats", "stats.json", "--dialect", "mysql", "a.sql"], "--stats is of PostgreSQL only"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["lint", *arguments]) == 2
    err = capsys.readouterr().err
    assert f"error: {message}" in err
    assert "HINT:" in err


def test_a_rate_of_nothing_is_refused(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "migrator.toml").write_text('[lint.sizes]\nscan_rate = "off"\n')
    assert cli.run(["lint", "a.sql"]) == 2
    assert "lint.sizes.scan_rate" in capsys.readouterr().err


def test_without_a_database_the_next_command_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv("DATABASE_URL")
    assert cli.run(["stats"]) == 2
    assert "DATABASE_URL" in capsys.readouterr().err
