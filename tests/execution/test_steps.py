"""Statements outside a transaction: concurrent builds that were cut off, left broken, or refused."""

from __future__ import annotations

import signal
import threading

import psycopg
import pytest

from migrator.errors import BudgetSpent, StatementFailed
from migrator.model.plan import Migration, Phase
from tests.support.sandbox import Sandbox, refusal, wait_for

BUILD = "CREATE INDEX t_n ON t (n)"
DROPS = (
    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DROP INDEX CONCURRENTLY%%' AND wait_event_type = 'Lock'"
)


@pytest.fixture
def build(sandbox: Sandbox) -> Migration:
    sandbox.execute(
        "CREATE TABLE t (k int PRIMARY KEY, n int); INSERT INTO t SELECT g, g FROM generate_series(1, 99) g"
    )
    return sandbox.new("index", BUILD)


def index_is_valid(sandbox: Sandbox, name: str = "t_n") -> bool | None:
    rows = sandbox.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%(name)s)", name=name)
    return bool(rows[0][0]) if rows else None


def waits_for_a_snapshot(sandbox: Sandbox) -> bool:
    """Whether a build has got to the point where it waits for older transactions."""
    query = (
        "SELECT count(*) FROM pg_stat_progress_create_index AS p JOIN pg_stat_activity AS a USING (pid)"
        " WHERE p.phase LIKE 'waiting for%%' AND a.wait_event_type = 'Lock' AND a.datname = current_database()"
    )
    return bool(sandbox.value(query))


def writing(sandbox: Sandbox) -> psycopg.Connection[tuple[object, ...]]:
    """A transaction that a concurrent build waits for."""
    connection = psycopg.connect(sandbox.url)
    connection.execute("UPDATE t SET n = n + 1 WHERE k = 1")
    return connection


def test_a_build_waits_for_a_long_transaction_and_blocks_nobody(sandbox: Sandbox, build: Migration) -> None:
    with writing(sandbox) as long:
        thread = threading.Thread(target=sandbox.expand, args=(build,))
        thread.start()
        wait_for(lambda: waits_for_a_snapshot(sandbox))
        with psycopg.connect(sandbox.url, autocommit=True) as client:
            client.execute("SET lock_timeout = '200ms'")
            client.execute("INSERT INTO t VALUES (1000, 1)")
            client.execute("UPDATE t SET n = 5 WHERE k = 2")
            client.execute("DELETE FROM t WHERE k = 3")
        long.rollback()
    thread.join(30)
    assert index_is_valid(sandbox)
    assert sandbox.state(build) == "complete"


def test_the_build_of_a_killed_run_is_ended_and_begun_anew(sandbox: Sandbox, build: Migration) -> None:
    with writing(sandbox) as long:
        process = sandbox.process("expand")
        wait_for(lambda: waits_for_a_snapshot(sandbox))
        orphan = sandbox.value("SELECT pid FROM pg_stat_progress_create_index")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert sandbox.value("SELECT count(*) FROM pg_stat_activity WHERE pid = %(pid)s", pid=orphan) == 1
        assert sandbox.value("SELECT state FROM migrator.step WHERE step LIKE 'index%%'") == "running"
        thread = threading.Thread(target=sandbox.expand, args=(build,))
        thread.start()
        wait_for(lambda: not sandbox.value("SELECT count(*) FROM pg_stat_activity WHERE pid = %(pid)s", pid=orphan))
        # What the orphan left is dropped first, which waits for the same transaction.
        wait_for(lambda: sandbox.value(DROPS))
        assert index_is_valid(sandbox) is False
        long.rollback()
    thread.join(30)
    assert index_is_valid(sandbox)
    assert sandbox.state(build) == "complete"
    assert sandbox.leftovers() == []


def test_a_build_that_ended_after_the_kill_is_taken_as_it_is(sandbox: Sandbox, build: Migration) -> None:
    process = sandbox.process("expand", MIGRATOR_KILL_AT="1", MIGRATOR_KILL_MATCH="CREATE INDEX CONCURRENTLY")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    sandbox.execute("CREATE INDEX CONCURRENTLY t_n ON public.t USING btree (n)")
    before = sandbox.value("SELECT 't_n'::regclass::oid")
    sandbox.expand(build)
    assert sandbox.value("SELECT 't_n'::regclass::oid") == before


def test_an_invalid_index_of_a_killed_run_is_dropped_and_built_anew(sandbox: Sandbox, build: Migration) -> None:
    process = sandbox.process("expand", MIGRATOR_KILL_AT="1", MIGRATOR_KILL_MATCH="CREATE INDEX CONCURRENTLY")
    process.communicate()
    leave_invalid(sandbox, "CREATE INDEX CONCURRENTLY t_n ON public.t USING btree (n)")
    assert index_is_valid(sandbox) is False
    sandbox.expand(build)
    assert index_is_valid(sandbox) is True
    assert sandbox.leftovers() == []


def leave_invalid(sandbox: Sandbox, statement: str) -> None:
    """Cancel a concurrent build in its middle."""
    with writing(sandbox), psycopg.connect(sandbox.url, autocommit=True) as builder:
        thread = threading.Thread(target=_expect_cancelled, args=(builder, statement))
        thread.start()
        wait_for(lambda: waits_for_a_snapshot(sandbox))
        sandbox.rows("SELECT pg_cancel_backend(pid) FROM pg_stat_progress_create_index")
        thread.join(30)


def _expect_cancelled(builder: psycopg.Connection[tuple[object, ...]], statement: str) -> None:
    with pytest.raises(psycopg.errors.QueryCanceled):
        builder.execute(statement)


def test_a_build_that_fails_leaves_nothing_and_goes_on_when_it_can(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 5), (2, 5)")
    migration = sandbox.new("unique", "CREATE UNIQUE INDEX t_n ON t (n)")
    sandbox.expand(migration)
    with pytest.raises(StatementFailed) as failure:
        sandbox.contract(migration, offline="nobody is connected")
    assert "(n)=(5)" in refusal(failure.value)
    assert "contract.sql:" in refusal(failure.value)
    assert failure.value.hint == "correct the rows and run the same command again: it goes on here"
    assert index_is_valid(sandbox) is None
    assert sandbox.record(migration).error
    assert sandbox.record(migration).shown_state == "failed"
    sandbox.execute("DELETE FROM t WHERE k = 2")
    sandbox.contract(migration, offline="nobody is connected")
    assert index_is_valid(sandbox) is True
    assert sandbox.record(migration).error is None


def test_a_failed_group_leaves_nothing_and_names_its_line(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE t (k int)")
    migration = sandbox.write(
        "20260101T000000_by_hand",
        expand="-- step: one transaction=both\nALTER TABLE t ADD a int;\n\n"
        "-- step: two transaction=both\nALTER TABLE t ADD b int DEFAULT 1/0;\n",
    )
    before = sandbox.snapshot()
    with pytest.raises(StatementFailed) as failure:
        sandbox.expand(migration)
    assert failure.value.at == f"{migration.folder}/expand.sql:5"
    assert failure.value.exit_code == 4
    assert sandbox.snapshot() == before
    assert sandbox.state(migration) == "expanding"


def test_steps_that_are_done_are_passed_over(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE t (k int)")
    migration = sandbox.write(
        "20260101T000000_by_hand",
        expand="-- step: one transaction=none\nINSERT INTO t VALUES (1);\n\n"
        "-- step: two transaction=two\nINSERT INTO u VALUES (1);\n",
    )
    sandbox.execute("CREATE TABLE u (k int CHECK (k > 1))")
    with pytest.raises(StatementFailed, match="violates check constraint") as failure:
        sandbox.expand(migration)
    assert str(failure.value.hint).endswith(f'; or undo it: "migrator rollback {migration.id}"')
    sandbox.execute("ALTER TABLE u DROP CONSTRAINT u_k_check")
    sandbox.events.clear()
    sandbox.expand(migration)
    assert sandbox.value("SELECT count(*) FROM t") == 1
    assert "two" in sandbox.ran(Phase.EXPAND)


def test_a_rollback_undoes_only_what_was_begun(sandbox: Sandbox, build: Migration) -> None:
    sandbox.execute("ALTER TABLE t ADD m int")
    second = sandbox.new("two indexes", "CREATE INDEX t_m ON t (m); CREATE INDEX t_mn ON t (m, n)")
    process = sandbox.process(
        "expand", second.id, MIGRATOR_KILL_AT="2", MIGRATOR_KILL_MATCH="CREATE INDEX CONCURRENTLY"
    )
    process.communicate()
    assert index_is_valid(sandbox, "t_m") is True
    sandbox.rollback(second)
    assert index_is_valid(sandbox, "t_m") is None
    assert sandbox.state(second) == "rolled_back"


@pytest.mark.parametrize("statement", ["VACUUM (FULL) t", "ALTER TABLE t ADD COLUMN m int", "REINDEX SCHEMA public"])
def test_what_holds_others_up_waits_no_longer_outside_a_transaction_than_in_one(sandbox: Sandbox, statement: str):
    sandbox.configure(lock_timeout="100ms", lock_budget="300ms")
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, n int)")
    migration = sandbox.write("alone", expand=f"-- step: alone transaction=none\n{statement};\n")
    with psycopg.connect(sandbox.url) as reader:
        reader.execute("SET idle_in_transaction_session_timeout = '5s'")
        reader.execute("SELECT * FROM t")
        with pytest.raises(BudgetSpent):
            sandbox.expand(migration)
        reader.rollback()
    sandbox.expand(migration)
    assert sandbox.state(migration) == "complete"
