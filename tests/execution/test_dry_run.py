from __future__ import annotations

import pytest

from tests.support.sandbox import Sandbox


@pytest.fixture
def table(sandbox: Sandbox) -> Sandbox:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a text UNIQUE); INSERT INTO t VALUES (1, 'x')")
    sandbox.new("rename", "ALTER TABLE t RENAME COLUMN a TO b")
    return sandbox


def test_it_shows_every_statement_and_changes_nothing(table: Sandbox) -> None:
    shape = table.snapshot()
    outcome = table.command("expand", "--dry-run")
    assert outcome.code == 0
    shown = outcome.out + outcome.err
    for text in ("ADD COLUMN b text", "CREATE TRIGGER", "CREATE UNIQUE INDEX CONCURRENTLY", "would run"):
        assert text in shown
    assert table.snapshot() == shape
    assert table.value("SELECT to_regnamespace('migrator') IS NULL")


def test_it_checks_what_expand_would(table: Sandbox) -> None:
    table.execute("ALTER TABLE t ALTER a TYPE varchar(9)")
    dry = table.command("expand", "--dry-run")
    real = table.command("expand")
    assert dry.code == real.code == 1
    assert dry.err == real.err


def test_it_shows_only_what_is_left(table: Sandbox) -> None:
    process = table.process("expand", MIGRATOR_KILL_AT="1", MIGRATOR_KILL_MATCH="CREATE UNIQUE INDEX CONCURRENTLY")
    process.communicate()
    shown = table.command("expand", "--dry-run").err
    assert "CREATE UNIQUE INDEX CONCURRENTLY" in shown
    assert "ADD COLUMN" not in shown
    assert table.command("expand").code == 0
    outcome = table.command("expand", "--dry-run")
    assert outcome.code == 0
    assert "would run" not in outcome.err
