from __future__ import annotations

import threading

import psycopg
import pytest

from migrator.errors import BudgetSpent, DatabaseUnavailable, MigratorError
from migrator.ledger.install import ensure_installed
from migrator.ledger.lease import RunnerLock
from migrator.postgres.connect import Database
from migrator.postgres.session import Session
from tests.support.sandbox import refusal, wait_for


@pytest.fixture
def ledger(session: Session) -> Session:
    ensure_installed(session)
    return session


def lock(database: Database, *, shared: bool = False, project: str = "default", command: str = "expand") -> RunnerLock:
    return RunnerLock(database, project, shared=shared, command=command, actor="ann@laptop")


def test_one_at_a_time_and_the_second_is_told_whose_turn_it_is(database: Database, ledger: Session) -> None:
    with lock(database, command="contract"):
        for shared in (False, True):
            with pytest.raises(BudgetSpent) as busy, lock(database, shared=shared):
                pass
            assert busy.value.exit_code == 14
            assert '"migrator contract" by ann@laptop, pid' in refusal(busy.value)
    with lock(database):
        pass
    assert ledger.query("SELECT * FROM migrator.lease") == []


def test_backfills_run_together_and_keep_everything_else_out(database: Database, ledger: Session) -> None:
    with lock(database, shared=True, command="backfill"), lock(database, shared=True, command="backfill"):
        with pytest.raises(BudgetSpent) as busy, lock(database):
            pass
        assert '"migrator backfill" by' in refusal(busy.value)
    with lock(database):
        pass


def test_projects_do_not_wait_for_each_other(database: Database, ledger: Session) -> None:
    with lock(database), lock(database, project="other"):
        pass


def test_a_lock_outlives_an_error_in_its_block_by_nothing(database: Database, ledger: Session) -> None:
    with pytest.raises(ZeroDivisionError), lock(database):
        raise ZeroDivisionError
    with lock(database):
        pass


def test_a_lock_whose_connection_is_gone_is_noticed(database: Database, ledger: Session) -> None:
    with pytest.raises(DatabaseUnavailable, match="connection to the database was lost"), lock(database) as held:
        held.check()
        end_runner(ledger)
        held.check()
    with lock(database) as held:
        held.check()


def end_runner(ledger: Session) -> None:
    ledger.query(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE '%/runner-lock'"
        " AND datname = current_database()"
    )


def test_it_is_not_used_outside_its_block(database: Database, ledger: Session) -> None:
    with pytest.raises(MigratorError, match="outside its block"):
        lock(database).check()


def test_whoever_takes_over_ends_what_the_one_before_left_running(database: Database, ledger: Session) -> None:
    with database.connect("orphan") as orphan:
        with lock(database) as held:
            held.register(orphan)
            end_runner(ledger)
        assert orphan_is_there(ledger, orphan)
        with lock(database):
            assert not orphan_is_there(ledger, orphan)
    assert ledger.query("SELECT * FROM migrator.lease") == []


def orphan_is_there(ledger: Session, orphan: Session) -> bool:
    return bool(ledger.query("SELECT FROM pg_stat_activity WHERE pid = %(pid)s", {"pid": orphan.pid}))


def test_a_backfill_does_not_end_another_backfill(database: Database, ledger: Session) -> None:
    with (
        database.connect("worker") as worker,
        lock(database, shared=True, command="backfill") as first,
        lock(database, shared=True, command="backfill"),
    ):
        first.register(worker)
        with lock(database, shared=True, command="backfill"):
            assert orphan_is_there(ledger, worker)


def test_a_statement_of_a_killed_run_is_ended_while_it_runs(database: Database, ledger: Session) -> None:
    ledger.execute("CREATE TABLE t (k int)")
    orphan = database.connect("orphan")
    with psycopg.connect(database.url) as blocker:
        blocker.execute("LOCK TABLE t")
        with lock(database) as held:
            held.register(orphan)
            thread = threading.Thread(target=expect_ended, args=(orphan,))
            thread.start()
            wait_for(
                lambda: ledger.query(
                    "SELECT FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE t%' AND wait_event_type = 'Lock'"
                )
            )
            end_runner(ledger)
        with lock(database):
            thread.join(10)
            assert not thread.is_alive()
    orphan.close()


def expect_ended(orphan: Session) -> None:
    with pytest.raises(DatabaseUnavailable):
        orphan.execute("ALTER TABLE t ADD a int")


def test_a_backend_with_the_same_pid_that_started_later_is_left_alone(database: Database, ledger: Session) -> None:
    with database.connect("somebody else") as other:
        ledger.execute(
            "INSERT INTO migrator.lease (project, pid, backend_start, scope, command, actor, host)"
            " VALUES ('default', %(pid)s, %(start)s - interval '1 s', 'runner', 'expand', 'x', 'y')",
            {"pid": other.pid, "start": other.backend_start},
        )
        with lock(database):
            assert other.one("SELECT 1 AS one").one == 1
