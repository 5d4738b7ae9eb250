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
    assert set(source) == {"source", "service", "verdict", "observed_at", "control", "items", "exempt"}
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


def test_a_fence_by_hand_is_raised_shown_everywhere_and_lowered(world: World, shell: Shell) -> None:
    shell.run("2026_42")
    world.beat(level=42)
    world.beat(level=41, instance="web-7")
    assert shell.run("fence", "2026") == 10
    assert "would keep running code from starting again" in shell.err
    assert shell.run("fence", "2026", "--yes", "--reason", "another tool drops it") == 0
    assert "fence of 2026_42 raised: code below level 42 cannot start, until it is lowered by hand" in shell.out
    assert 'migrator gate abort 2026_42 --reason "…"' in shell.err
    shell.run("2026_42")
    assert "note: fence raised by hand since" in shell.out
    shell.run("2026_42", "--json")
    assert shell.document["notes"][0].startswith("fence raised by hand")
    shell._capsys.readouterr()
    assert cli.run(["status"]) == 0
    assert cli.run(["status", "--json"]) == 0
    out = shell._capsys.readouterr().out
    assert out.count("fence raised by hand since") == 2
    assert shell.run("abort", "2026", "--reason", "changed our minds") == 0
    shell.run("2026_42")
    assert "by hand" not in shell.out


def test_wait_shows_changes_on_stderr_and_the_document_at_the_end(world: World, shell: Shell) -> None:
    shell.run("2026_42")
    world.beat(level=42)
    world.beat(level=41, instance="web-7")
    assert shell.run("wait", "2026_42", "--timeout", "100ms", "--json") == 10
    assert "BLOCK: heartbeat" in shell.err
    assert shell.err.count("web-7 of web (heartbeat)") == 1
    world.bye(instance="web-7")
    assert shell.run("wait", "2026_42", "--timeout", "1min", "--json") == 0
    assert (shell.document["verdict"], shell.document["result"]) == ("PASS", "confirmed")
    assert shell.run("wait", "2026_42") == 0
    assert shell.out == "gate of 2026_42: PASS\n"
    assert shell.run("wait", "2026_42", "--rollback", "--timeout", "0s") == 10
    assert shell.run("wait", "2026_42", "--timeout", "soon") == 2


def test_an_override_is_asked_for_by_one_and_approved_by_another(
    world: World, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.run("2026_42")
    world.beat(level=42)
    world.beat(level=41, instance="web-7")
    with role(world.session) as second:
        asked = ["override", "2026", "--only", "heartbeat:web", "--reason", "the node burned down"]
        assert shell.run(*asked) == 2
        assert shell.run(*asked, "--approved-by", "postgres") == 2
        assert "cannot approve it" in shell.err
        assert shell.run(*asked, "--approved-by", second) == 0
        assert f'it counts once role "{second}" has run, connected as itself: migrator gate approve 1' in shell.out
        assert shell.run("2026_42") == 10
        assert "waits until" in shell.out
        assert shell.run("approve", "1") == 1
        assert "this session is of role" in shell.err
        monkeypatch.setenv("DATABASE_URL", world.url.replace("postgres@", f"{second}@"))
        assert shell.run("approve", "1", "--dry-run") == 0
        assert "would be approved" in shell.out
        assert shell.run("approve", "1") == 0, shell.err
        monkeypatch.setenv("DATABASE_URL", world.url)
        assert shell.run("2026_42") == 0
        assert "overruled by override 1 (the node burned down" in shell.out
        assert shell.run("log") == 0
        assert "override approved 2026_42" in shell.out
        assert shell.run(*asked, "--approved-by", second, "--expires", "1h", "--json") == 0
        assert shell.document["override"]["source"] == "heartbeat"


def test_releases_and_can_deploy(world: World, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell.run("release", "web", "1.42.0", "--level", "42", "--digest", "sha256:9f") == 0
    assert shell.out == '"web" 1.42.0 needs level 42\n'
    assert shell.run("release", "web", "1.43.0", "--level", "43") == 0
    assert shell.run("release", "web", "1.43.0", "--level", "44") == 1
    assert shell.run("can-deploy", "web", "1.42.0") == 0
    assert shell.out == '"web" 1.42.0 at level 42 may be deployed: levels 0 to 42 may run\n'
    assert shell.run("can-deploy", "web", "web@sha256:9f", "--json") == 0
    assert shell.document["level"] == 42
    assert shell.run("can-deploy", "web", "1.43.0") == 13
    assert "too new" in shell.err
    assert shell.run("can-deploy", "web", "--level", "43", "--json") == 13
    assert shell.run("can-deploy", "web", "0.9") == 11
    assert shell.run("can-deploy", "web") == 2
    with role(world.session) as name:
        monkeypatch.setenv("DATABASE_URL", world.url.replace("postgres@", f"{name}@"))
        assert shell.run("can-deploy", "web", "1.42.0") == 0, shell.err


def test_verify_log_prints_an_end_to_be_noted(world: World, shell: Shell) -> None:
    shell.run("2026_42")
    assert shell.run("verify-log") == 0
    assert "1 decision, the chain is whole; its end is 1:" in shell.out
    end = shell.out.split()[-1]
    assert shell.run("verify-log", "--noted", end, "--json") == 0
    assert shell.document == {"schema_version": 1, "whole": True, "decisions": 1, "end": end}
    world.session.execute("ALTER TABLE migrator.decision DISABLE TRIGGER ALL")
    world.session.execute("UPDATE migrator.decision SET actor = 'nobody'")
    assert shell.run("verify-log") == 1
    assert "decision 1 does not fit" in shell.err


def test_retire_service_and_reset_clone(world: World, shell: Shell, tmp_path: Path) -> None:
    shell.run("2026_42")
    assert shell.run("retire-service", "web", "--reason", "gone for good") == 2
    text = CONFIGURATION.replace('[[gate.service]]\nname = "web"\nttl = "3s"\n', "")
    (tmp_path / "migrator.toml").write_text(text)
    assert shell.run("retire-service", "web", "--reason", "gone for good") == 0
    assert 'service "web" is off the list' in shell.out
    assert shell.run("reset-clone", "--reason", "staging") == 1
    world.beat("etl", "etl-1", 42)
    world.session.execute("UPDATE migrator.home SET database_oid = 1")
    assert shell.run("2026_42") == 11
    assert "is a copy" in shell.out
    assert shell.run("reset-clone", "--reason", "staging") == 0
    assert shell.out == "this database is its own now; 1 running instance set aside\n"


def test_approve_without_a_ledger_says_what_comes_first(world: World, shell: Shell) -> None:
    world.session.execute("DROP SCHEMA migrator CASCADE")
    assert shell.run("approve", "1") == 5
    assert shell.run("can-deploy", "web", "1") == 5


def test_the_soak_under_the_fence_can_be_asked_for_by_the_environment(
    world: World, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.run("2026_42")
    world.beat(level=42)
    monkeypatch.setenv("MIGRATOR_GATE_SOAK", "15min")
    monkeypatch.setenv("MIGRATOR_GATE_SOAK_UNDER_FENCE", "true")
    assert shell.run("2026_42") == 12
    assert "0 s of 900 s" in shell.out
    monkeypatch.setenv("MIGRATOR_GATE_SOAK_UNDER_FENCE", "maybe")
    assert shell.run("2026_42") == 2
    assert "MIGRATOR_GATE_SOAK_UNDER_FENCE" in shell.err


def test_help_shows_the_subcommands_and_hides_the_inner_one(world: World, shell: Shell) -> None:
    assert shell.run("--help") == 0
    assert "[TARGET] [OPTIONS] | COMMAND" in shell.out
    assert "--json" in shell.out.partition("\nOptions:")[2]
    assert all(
        f"\n  {name} " in shell.out
        for name in (
            *("abort", "approve", "can-deploy", "fence", "log", "override", "release", "reset-clone", "retire"),
            *("retire-service", "start-check", "verify-log", "wait"),
        )
    )
    assert "\n  show" not in shell.out
    assert shell.run("-h") == 0
