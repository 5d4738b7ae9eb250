"""``migrator gate`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migrator import cli
from tests.gate.world import World, role

CONFIGURATION = """
[gate]
soak = "0s"
min_independent = 1
[[gate.service]]
name = "web"
ttl = "3s"
[[gate.source]]
kind = "heartbeat"
"""
MANIFEST = 'id = "2026_42"\nlevel = 42\ntitle = "rename users.name"\n'


class Shell:
    """Runs commands in a project folder, against the world's database."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def run(self, *arguments: str) -> int:
        self._capsys.readouterr()
        code = cli.run(["gate", *arguments])
        self.out, self.err = self._capsys.readouterr()
        print(self.out, self.err)
        return code

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


@pytest.fixture
def shell(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    (tmp_path / "migrator.toml").write_text(CONFIGURATION)
    folder = tmp_path / "migrations" / "2026_42"
    folder.mkdir(parents=True)
    (folder / "migration.toml").write_text(MANIFEST)
    (folder / "contract.sql").write_text("-- step: drop_legacy\nALTER TABLE users DROP COLUMN legacy;\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", world.url)
    world.configure()
    world.expanded(42)
    return Shell(capsys)


def test_the_report_of_a_target_and_its_exit_code(world: World, shell: Shell) -> None:
    assert shell.run("2026_42") == 11
    assert 'no live instance of "web"' in shell.out
    world.beat(level=42)
    assert shell.run("2026_42") == 0
    assert shell.out.startswith("gate of 2026_42: PASS\n")
    world.beat(level=41, instance="web-7")
    assert shell.run("2026_42") == 10
    assert "web-7 version 1, live, 0 s ago: runs level 41, 42 is needed" in shell.out
    assert "clears with: it ends and says bye" in shell.out


def test_a_prefix_is_a_target_and_no_target_is_all_that_wait(world: World, shell: Shell) -> None:
    assert shell.run("2026") == 11
    assert shell.run() == 11
    assert "gate of 2026_42: UNKNOWN" in shell.out
    assert shell.run("nonesuch") == 2
    assert 'no migration fits "nonesuch"' in shell.err


def test_json_has_the_keys_that_scripts_rely_on(world: World, shell: Shell) -> None:
    world.configure()
    shell.run("2026_42")
    world.beat(level=42)
    world.beat(level=41, instance="web-7")
    assert shell.run("2026_42", "--json") == 10
    document = shell.document
    assert {"schema_version", "migration", "verdict", "requires", "sources", "soak"} <= set(document)
    assert (document["schema_version"], document["migration"], document["verdict"]) == (1, "2026_42", "BLOCK")
    assert document["requires"] == {"web": 42}
    [source] = document["sources"]
    assert set(source) == {"source", "service", "verdict", "observed_at", "control", "items"}
    [item] = source["items"]
    assert set(item) == {"instance", "level", "version", "health", "last_seen_s", "why", "clears_with"}
    assert item["instance"] == "web-7"
    assert set(document["soak"]) == {"clean_since", "needs_s", "has_s"}


def test_json_without_a_target_is_one_document(world: World, shell: Shell) -> None:
    assert shell.run("--json") == 11
    assert [document["migration"] for document in shell.document["migrations"]] == ["2026_42"]


def test_a_rollback_is_asked_for_by_its_option(world: World, shell: Shell) -> None:
    shell.run("2026_42")
    world.beat(level=42)
    assert shell.run("2026_42", "--rollback") == 10
    assert "which needs the new shape" in shell.out


def test_a_soak_is_twelve(world: World, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGRATOR_GATE_SOAK", "15min")
    shell.run("2026_42")
    world.beat(level=42)
    assert shell.run("2026_42") == 12
    assert "of 900 s" in shell.out


def test_retire_abort_start_check_and_log(world: World, shell: Shell) -> None:
    shell.run("2026_42")
    world.beat(level=41, instance="web-7")
    assert shell.run("retire", "web", "web-7") == 2
    assert shell.run("retire", "web", "web-7", "--reason", "node 12 is gone") == 1
    assert "it runs" in shell.err
    world.age("web-7")
    assert shell.run("retire", "web", "web-7", "--reason", "node 12 is gone") == 0
    assert 'retired 1 process of "web" called "web-7"' in shell.out
    assert shell.run("abort", "2026", "--reason", "rolled back") == 0
    assert "nothing to abort" in shell.err
    assert shell.run("start-check", "web", "--level", "42") == 0
    assert shell.run("start-check", "web", "--level", "43") == 13
    assert "too new" in shell.err
    assert shell.run("log") == 0
    assert "node 12 is gone" in shell.out
    assert shell.run("log", "--json") == 0
    assert [row["kind"] for row in shell.document["decisions"]] == ["services", "retire"]


def test_start_check_works_with_the_rights_of_the_application(
    world: World, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.run("2026_42")
    with role(world.session) as name:
        monkeypatch.setenv("DATABASE_URL", world.url.replace("postgres@", f"{name}@"))
        assert shell.run("start-check", "web", "--level", "42") == 0, shell.err


def test_a_database_without_a_ledger_is_told_what_comes_first(world: World, shell: Shell) -> None:
    world.session.execute("DROP SCHEMA migrator CASCADE")
    assert shell.run("2026_42") == 5
    assert 'run "migrator expand" first' in shell.err


def test_help_shows_the_subcommands_and_hides_the_inner_one(world: World, shell: Shell) -> None:
    assert shell.run("--help") == 0
    assert "[TARGET] [--json] | COMMAND" in shell.out
    assert all(name in shell.out for name in ("retire", "abort", "start-check", "log"))
    assert "\n  show" not in shell.out
    assert shell.run("-h") == 0
