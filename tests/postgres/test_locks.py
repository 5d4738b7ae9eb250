"""Short locks: walls, retries, who blocks."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from migrator import embedded
from migrator.errors import BudgetSpent
from migrator.postgres.connect import Database
from migrator.postgres.locks import LockPolicy, Refusal, WallClock, retry_short_locks
from migrator.postgres.session import LOCK_NOT_AVAILABLE, QUERY_CANCELED, ServerError, Session


@pytest.fixture
def table(session: Session) -> str:
    session.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    return "t"


@contextlib.contextmanager
def holding(database: Database, statement: str = "SELECT * FROM t") -> Iterator[Session]:
    """Another application's transaction that is open after a statement."""
    with database.connect("holder") as holder:
        holder.execute("SET application_name = 'web/1.2'")
        holder.execute("BEGIN")
        holder.execute(statement)
        yield holder
        holder.execute("ROLLBACK")


def alter(session: Session, statement: str = "ALTER TABLE t ADD COLUMN c int") -> Callable[[int], None]:
    def attempt(limit_ms: int) -> None:
        with session.transaction():
            WallClock(session, limit_ms).execute(statement)

    return attempt


def refuse_to_wait(refusal: Refusal) -> None:
    pytest.fail(f"refused: {refusal}")


def test_a_free_lock_takes_one_attempt(database, session, table):
    assert retry_short_locks(database, session, alter(session), LockPolicy(500, 5), refuse_to_wait) == 1
    assert session.query("SELECT c FROM t")


def test_locks_of_a_process_that_was_stopped_go_with_its_session(database, session, table):
    with session.transaction():
        WallClock(session, 500).execute("ALTER TABLE t ADD COLUMN c int")
        limit = session.one("SELECT current_setting('idle_in_transaction_session_timeout')")[0]
    assert limit == "10s"
    assert session.one("SELECT current_setting('idle_in_transaction_session_timeout')")[0] == "0"


def test_a_refused_lock_is_tried_again_until_it_is_free(database, session, table):
    refusals: list[Refusal] = []

    with holding(database) as holder:

        def on_refusal(refusal: Refusal) -> None:
            refusals.append(refusal)
            if len(refusals) == 2:
                holder.execute("ROLLBACK")
                holder.execute("BEGIN")

        attempts = retry_short_locks(database, session, alter(session), LockPolicy(300, 30), on_refusal)

    assert attempts == 3
    assert [refusal.attempt for refusal in refusals] == [1, 2]
    assert all(0 <= refusal.pause_s <= 10 for refusal in refusals)
    assert "timeout" in refusals[0].reason


def test_a_spent_budget_names_who_was_in_the_way_and_changes_nothing(database, session, table):
    with holding(database, "SELECT * FROM t /* report */") as holder:
        with pytest.raises(BudgetSpent) as spent:
            retry_short_locks(database, session, alter(session), LockPolicy(400, 0.5), lambda _: None)

        detail = spent.value.detail
        assert f"pid {holder.pid}" in detail
        assert "(web/1.2)" in detail
        assert "idle in transaction" in detail
        assert "/* report */" in detail
        assert "statement: ALTER TABLE t ADD COLUMN c int" in detail
        assert spent.value.exit_code == 14
        assert not session.in_transaction
        assert not session.query("SELECT 1 FROM pg_attribute WHERE attname = 'c' AND attrelid = 't'::regclass")


def test_others_wait_no_longer_than_the_limit(database, session, table):
    """While our statement queues, everybody behind it queues too; it must leave the queue in time."""
    waits: list[float] = []
    done = threading.Event()

    def read() -> None:
        with database.connect("reader") as reader:
            while not done.is_set():
                started = time.monotonic()
                reader.query("SELECT * FROM t")
                waits.append(time.monotonic() - started)

    with holding(database):
        thread = threading.Thread(target=read)
        thread.start()
        with pytest.raises(BudgetSpent):
            retry_short_locks(database, session, alter(session), LockPolicy(200, 1.5), lambda _: None)
        done.set()
        thread.join()

    # The limit plus what a busy machine may add; without the limit a reader would have waited for the whole budget.
    assert 0.1 < max(waits) < 1.0


def test_the_wall_is_for_all_statements_of_a_group_together(database, session, table):
    session.execute("CREATE TABLE u (id int)")
    with database.connect() as first, database.connect() as second:
        first.execute("BEGIN")
        first.execute("LOCK TABLE t")
        second.execute("BEGIN")
        second.execute("LOCK TABLE u")
        # The first lock comes free when half of the limit is spent, so the second may not be waited for as long again.
        timer = threading.Timer(0.4, lambda: first.execute("ROLLBACK"))
        timer.start()
        started = time.monotonic()
        with pytest.raises(ServerError) as refused, session.transaction():
            wall = WallClock(session, 800)
            wall.execute("LOCK TABLE t")
            wall.execute("LOCK TABLE u")
        took = time.monotonic() - started
        timer.join()
        second.execute("ROLLBACK")

    assert refused.value.sqlstate in (LOCK_NOT_AVAILABLE, QUERY_CANCELED)
    assert 0.7 < took < 1.15


def test_a_statement_that_works_too_long_under_its_lock_is_ended(session, table):
    with pytest.raises(ServerError) as ended, session.transaction():
        WallClock(session, 100).execute("SELECT pg_sleep(30)")

    assert ended.value.is_lock_refusal


def test_the_wall_ends_with_the_statement(session, table):
    with session.transaction():
        WallClock(session, 100).execute("SELECT 1")
        session.execute("SELECT pg_sleep(0.3)")


def test_other_errors_are_not_retried(database, session, table):
    with pytest.raises(ServerError) as failed:
        retry_short_locks(
            database, session, alter(session, "ALTER TABLE t ADD COLUMN id int"), LockPolicy(500, 5), refuse_to_wait
        )

    assert failed.value.sqlstate == "42701"


@pytest.fixture(scope="module")
def vacuuming_server() -> Iterator[embedded.Server]:
    """A server whose autovacuum starts at once and never ends by itself."""
    from tests.conftest import wanted_installation

    settings = {**embedded.FAST, "autovacuum_naptime": "1s", "log_autovacuum_min_duration": "0"}
    with embedded.start(major=wanted_installation().major, settings=settings) as server:
        yield server


@pytest.mark.server
@pytest.mark.parametrize("superuser", [True, False])
def test_autovacuum_is_made_to_step_aside(vacuuming_server, superuser):
    """A superuser may cancel it; an owner waits just above deadlock_timeout, when it gives way by itself."""
    role = f"owner_{secrets.token_hex(4)}"
    with Database(vacuuming_server.url()).connect() as admin:
        admin.execute(f"DROP TABLE IF EXISTS t; CREATE ROLE {role} LOGIN {'SUPERUSER' if superuser else ''}")
        admin.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
        admin.execute(f"SET ROLE {role}")
        # A page costs 100 ms, so that the vacuum takes minutes.
        admin.execute(
            "CREATE TABLE t (id int, filler text) WITH (autovacuum_vacuum_threshold = 0,"
            " autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"
        )
        admin.execute("INSERT INTO t SELECT n, repeat('x', 500) FROM generate_series(1, 20000) AS n")
        admin.execute("UPDATE t SET id = id + 1")
        admin.execute("RESET ROLE")
        deadline = time.monotonic() + 60
        while not admin.query(
            "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.backend_type = 'autovacuum worker'"
            " AND l.relation = 't'::regclass AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted"
        ):
            assert time.monotonic() < deadline, "autovacuum has not started on the table"
            time.sleep(0.05)

    database = Database(vacuuming_server.url().replace("postgres@", f"{role}@"))
    refusals: list[Refusal] = []
    with database.connect() as session:
        attempts = retry_short_locks(database, session, alter(session), LockPolicy(300, 60), refusals.append)

    assert attempts <= 3
    assert all("autovacuum" in refusal.blocked_by for refusal in refusals)
    if not superuser:
        assert [refusal.next_limit_ms for refusal in refusals] == [1300]
