"""One runner at a time, and what its process leaves when it is killed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from migrator.errors import BudgetSpent
from tests.support.sandbox import Sandbox, refusal, wait_for


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "paused"


def test_a_second_runner_is_told_who_is_at_it(sandbox: Sandbox, marker: Path) -> None:
    sandbox.execute("CREATE TABLE t (k int)")
    first = sandbox.new("first", "ALTER TABLE t ADD a int")
    process = sandbox.process("expand", MIGRATOR_PAUSE_MATCH="ADD COLUMN a", MIGRATOR_PAUSE_FILE=str(marker))
    wait_for(marker.exists)
    for command in ("expand", "advance"):
        outcome = sandbox.command(command)
        assert outcome.code == 14
        assert "another migrator is running" in outcome.err
        assert '"migrator expand" by ' in outcome.err
        (holder,) = sandbox.rows("SELECT pid FROM pg_locks JOIN migrator.lease USING (pid) WHERE locktype = 'advisory'")
        assert f"pid {holder[0]}, for " in outcome.err
    with pytest.raises(BudgetSpent, match="another migrator is running") as busy:
        sandbox.expand(first)
    assert "nothing changed" in refusal(busy.value)
    marker.unlink()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert sandbox.state(first) == "complete"
    assert sandbox.command("expand").code == 0


def test_two_runners_of_a_backfill_help_each_other_and_keep_ddl_out(sandbox: Sandbox, marker: Path) -> None:
    sandbox.execute(
        "CREATE TABLE t (k int PRIMARY KEY, a int); INSERT INTO t SELECT g, g FROM generate_series(1, 999) g"
    )
    migration = sandbox.new("rename", "ALTER TABLE t RENAME COLUMN a TO b")
    sandbox.expand(migration)
    process = sandbox.process("backfill", MIGRATOR_PAUSE_MATCH=r"UPDATE.*t", MIGRATOR_PAUSE_FILE=str(marker))
    wait_for(marker.exists)
    sandbox.execute("CREATE TABLE u (k int)")
    second = sandbox.new("second", "ALTER TABLE u ADD a int")
    with pytest.raises(BudgetSpent) as busy:
        sandbox.expand(second)
    assert '"migrator backfill" by ' in refusal(busy.value)
    marker.unlink()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert sandbox.state(migration) == "backfilled"
    sandbox.expand(second)


def test_two_projects_in_one_database_do_not_wait_for_each_other(sandbox: Sandbox, marker: Path) -> None:
    sandbox.execute("CREATE TABLE t (k int); CREATE TABLE u (k int)")
    sandbox.new("first", "ALTER TABLE t ADD a int")
    process = sandbox.process("expand", MIGRATOR_PAUSE_MATCH="ADD COLUMN a", MIGRATOR_PAUSE_FILE=str(marker))
    wait_for(marker.exists)
    sandbox.configure(project="other")
    second = sandbox.new("second", "ALTER TABLE u ADD b int")
    assert sandbox.command("expand", second.id).code == 0
    marker.unlink()
    assert process.wait(30) == 0


def test_a_runner_that_lost_its_lock_stops_before_the_next_group(sandbox: Sandbox, marker: Path) -> None:
    sandbox.execute("CREATE TABLE t (k int); CREATE TABLE u (k int)")
    migration = sandbox.new("two tables", "ALTER TABLE t ADD a int; ALTER TABLE u ADD b int")
    process = sandbox.process("expand", MIGRATOR_PAUSE_MATCH="ADD COLUMN a", MIGRATOR_PAUSE_FILE=str(marker))
    wait_for(marker.exists)
    sandbox.rows(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE '%%/runner-lock'"
        " AND datname = current_database()"
    )
    marker.unlink()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 3, output
    assert "connection to the database was lost" in output
    columns = {line for line in sandbox.snapshot() if " b: " in line or " t.a: " in line}
    assert columns == {"column 2 t.a: integer"}
    sandbox.expand(migration)
    assert sandbox.state(migration) == "complete"


def test_the_lock_of_a_killed_runner_is_free_at_once(sandbox: Sandbox, marker: Path) -> None:
    sandbox.execute("CREATE TABLE t (k int)")
    migration = sandbox.new("first", "ALTER TABLE t ADD a int")
    process = sandbox.process("expand", MIGRATOR_PAUSE_MATCH="ADD COLUMN a", MIGRATOR_PAUSE_FILE=str(marker))
    wait_for(marker.exists)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for(lambda: sandbox.command("expand").code == 0, timeout_s=5)
    assert sandbox.state(migration) == "complete"
    assert sandbox.leftovers() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 14), (signal.SIGINT, 130)])
def test_a_signal_ends_it_and_it_goes_on_later(
    sandbox: Sandbox, marker: Path, number: signal.Signals, code: int
) -> None:
    sandbox.execute("CREATE TABLE t (k int)")
    migration = sandbox.new("first", "ALTER TABLE t ADD a int")
    before = sandbox.snapshot()
    process = sandbox.process("expand", MIGRATOR_PAUSE_MATCH="ADD COLUMN a", MIGRATOR_PAUSE_FILE=str(marker))
    wait_for(marker.exists)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == code, output
    assert "Traceback" not in output
    assert sandbox.snapshot() == before
    marker.unlink(missing_ok=True)
    assert sandbox.command("expand").code == 0
    assert sandbox.state(migration) == "complete"
