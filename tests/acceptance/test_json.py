"""The documents that scripts rely on: their keys are a promise."""

from __future__ import annotations

import pytest

RENAME = "ALTER TABLE users RENAME COLUMN name TO full_name"


def test_lint(users):
    (users.folder / "change.sql").write_text(f"SELECT 1;\n{RENAME};\n")

    outcome = users.run("lint", "change.sql", "--json")

    assert outcome.code == 1
    document = outcome.document
    assert document["schema_version"] == 1
    assert (document["files"], document["statements"]) == (1, 2)
    for finding in document["findings"]:
        assert {
            "code", "rule", "severity", "category", "message", "file", "line", "column", "end_line", "statement",
            "lock_mode", "blocks", "why", "fix",
        } <= set(finding)  # fmt: skip
        assert finding["severity"] in {"error", "warning", "info"}
        assert finding["category"] in {"backward", "lock", "data-loss", "rollback", "policy"}
        assert (finding["file"], finding["line"], finding["column"]) == ("change.sql", 2, 1)
    assert document["findings"]


def test_plan(users):
    folder = users.new("rename users.name", RENAME)

    document = users.ok("plan", folder.name, "--json").document

    assert document["schema_version"] == 1
    assert document["migration"] == {"id": folder.name, "level": 1, "title": "rename users.name"}
    assert "schema_fingerprint" in document
    assert [phase["phase"] for phase in document["phases"]][:1] == ["expand"]
    for phase in document["phases"]:
        for step in phase["steps"]:
            assert {
                "id", "sql", "lock_mode", "relation", "blocks_reads", "blocks_writes", "rewrites_table", "scans_table",
                "transactional", "lock_timeout_ms", "undo", "reason",
            } <= set(step)  # fmt: skip


def test_status(users):
    folder = users.new("rename users.name", RENAME)
    users.ok("expand")

    document = users.ok("status", "--json").document

    assert document["schema_version"] == 1
    assert {"server_version", "system_identifier"} <= set(document["database"])
    (migration,) = document["migrations"]
    assert {"id", "title", "level", "state", "gate", "phases", "backfill", "blocked_by"} <= set(migration)
    assert (migration["id"], migration["state"]) == (folder.name, "expanded")
    assert set(migration["phases"]) == {"expand", "backfill", "contract"}


def test_status_before_anything_ran(users):
    users.new("rename users.name", RENAME)

    (migration,) = users.ok("status", "--json").document["migrations"]

    assert migration["state"] == "pending"


def test_gate(users):
    users.configure('[[gate.service]]\nname = "web"\n')
    folder = users.new("rename users.name", RENAME)
    users.ok("expand")
    users.ok("backfill")

    outcome = users.run("gate", folder.name, "--json")

    assert outcome.code in (10, 11, 12), outcome
    document = outcome.document
    assert document["schema_version"] == 1
    assert {"migration", "verdict", "requires", "sources", "soak"} <= set(document)
    assert document["verdict"] in {"BLOCK", "UNKNOWN", "SOAKING"}
    assert document["requires"] == {"web": 1}
    assert {"clean_since", "needs_s", "has_s"} <= set(document["soak"])
    for source in document["sources"]:
        assert {"source", "service", "verdict", "observed_at", "control", "items"} <= set(source)


@pytest.mark.parametrize(
    "command",
    [
        ["new", "another", "--sql", "CREATE TABLE notes (id bigint PRIMARY KEY)"],
        ["plan"],
        ["lint", "migrations"],
        ["expand"],
        ["expand", "--dry-run"],
        ["backfill"],
        ["contract", "--yes"],
        ["advance"],
        ["status"],
        ["gate"],
        ["rollback", "20", "--yes"],
        ["explain", "LK001"],
    ],
)
def test_json_is_one_document_with_its_version_whatever_happens(users, command):
    users.new("rename users.name", RENAME)

    outcome = users.run(*command, "--json")

    assert outcome.document["schema_version"] == 1
