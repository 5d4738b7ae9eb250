"""Queries, transactions with timeouts, the server's errors."""

from __future__ import annotations

import threading
import time

import pytest

from migrator.errors import DatabaseUnavailable, StatementFailed
from migrator.postgres import session as module
from migrator.postgres.connect import Database
from migrator.postgres.session import ConnectionLost, ServerError, Session


def test_rows_are_named_tuples_and_parameters_are_values(session):
    row = session.one("SELECT %(text)s::text AS text, %(number)s::int AS number", {"text": "100% 'x'", "number": 3})

    assert (row.text, row.number) == ("100% 'x'", 3)


def test_without_parameters_percent_signs_are_themselves(session):
    assert session.one("SELECT 'a%b' LIKE 'a%' AS found, 5 % 3 AS rest") == (True, 2)


def test_other_encodings_of_the_client_do_not_matter(session):
    assert session.one("SELECT 'größe 🐘' AS text").text == "größe 🐘"


def test_execute_counts_rows(session):
    session.execute("CREATE TABLE t AS SELECT generate_series(1, 5) AS n")

    assert session.execute("UPDATE t SET n = n WHERE n > 2") == 3
    assert session.execute("SET work_mem = '8MB'") == -1


def test_one_wants_one(session):
    with pytest.raises(LookupError, match="0 rows"):
        session.one("SELECT 1 WHERE false")
    with pytest.raises(LookupError, match="2 rows"):
        session.one("SELECT 1 AS one FROM generate_series(1, 2)")
    assert session.maybe("SELECT 1 AS one WHERE false") is None
    assert session.maybe("SELECT 1 AS one").one == 1


def test_several_statements_at_once_are_possible_without_parameters(session):
    session.execute("CREATE TABLE a (x int); CREATE TABLE b (x int)")

    assert session.one("SELECT count(*) AS n FROM pg_class WHERE relname IN ('a', 'b')").n == 2


def test_a_failed_statement_keeps_what_the_server_said(session):
    with pytest.raises(ServerError) as failed:
        session.execute("INSERT INTO\n  nowhere VALUES (1)")

    error = failed.value
    assert (error.exit_code, error.sqlstate) == (4, module.UNDEFINED_TABLE)
    assert error.message == 'relation "nowhere" does not exist (SQLSTATE 42P01)'
    assert "statement: INSERT INTO nowhere VALUES (1)" in error.detail
    assert isinstance(error, StatementFailed)
    assert not error.is_lock_refusal


def test_detail_and_hint_of_the_server_are_kept(session):
    session.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")

    with pytest.raises(ServerError) as failed:
        session.execute("INSERT INTO t VALUES (1)")

    assert "Key (id)=(1) already exists." in failed.value.detail


def test_statements_commit_by_themselves(database, session):
    session.execute("CREATE TABLE t (id int)")

    with database.connect() as other:
        assert other.query("SELECT * FROM t") == []


def test_a_transaction_commits_at_its_end(database, session):
    session.execute("CREATE TABLE t (id int)")
    with database.connect() as other:
        with session.transaction():
            assert session.in_transaction
            session.execute("INSERT INTO t VALUES (1)")
            assert other.query("SELECT * FROM t") == []
        assert not session.in_transaction
        assert len(other.query("SELECT * FROM t")) == 1


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_transaction_is_rolled_back_by_any_exception(session, error):
    session.execute("CREATE TABLE t (id int)")

    with pytest.raises(error), session.transaction():
        session.execute("INSERT INTO t VALUES (1)")
        raise error

    assert not session.in_transaction
    assert session.query("SELECT * FROM t") == []


def test_a_transaction_is_read_committed_whatever_the_default(session):
    session.execute("SET default_transaction_isolation = 'serializable'")
    session.execute("SET default_transaction_read_only = on")

    with session.transaction():
        assert session.one("SHOW transaction_isolation") == ("read committed",)
        session.execute("CREATE TABLE t (id int)")
    with session.transaction(read_only=True):
        assert session.one("SHOW transaction_read_only") == ("on",)


def test_a_read_only_transaction_is_kept_so_by_the_server(session):
    with pytest.raises(ServerError) as refused, session.transaction(read_only=True):
        session.execute("CREATE TABLE t (id int)")

    assert refused.value.sqlstate == "25006"
    assert not session.in_transaction


def test_timeouts_hold_within_the_transaction_only(session):
    with session.transaction(lock_timeout_ms=1234, statement_timeout_ms=2345):
        assert session.one("SELECT current_setting('lock_timeout') AS v").v == "1234ms"
        assert session.one("SELECT current_setting('statement_timeout') AS v").v == "2345ms"
    assert session.one("SELECT current_setting('lock_timeout') AS v").v == "0"


def test_a_long_statement_is_ended(session):
    started = time.monotonic()
    with pytest.raises(ServerError) as ended, session.transaction(statement_timeout_ms=100):
        session.execute("SELECT pg_sleep(30)")

    assert ended.value.sqlstate == module.QUERY_CANCELED
    assert ended.value.is_lock_refusal
    assert time.monotonic() - started < 10


def test_a_lock_is_not_waited_for_longer_than_allowed(database, session):
    session.execute("CREATE TABLE t (id int)")
    with database.connect() as other, other.transaction():
        other.execute("LOCK TABLE t")
        with pytest.raises(ServerError) as refused, session.transaction(lock_timeout_ms=50):
            session.execute("SELECT * FROM t")

    assert refused.value.sqlstate == module.LOCK_NOT_AVAILABLE
    assert refused.value.is_lock_refusal
    assert session.query("SELECT * FROM t") == []


def test_a_deadlock_counts_as_a_refused_lock(database, session):
    session.execute("CREATE TABLE a (id int); CREATE TABLE b (id int)")
    refused: list[ServerError] = []
    with database.connect() as other:

        def cross() -> None:
            try:
                with other.transaction():
                    other.execute("LOCK TABLE b")
                    both.wait()
                    other.execute("LOCK TABLE a")
            except ServerError as error:
                refused.append(error)

        both = threading.Barrier(2)
        thread = threading.Thread(target=cross)
        thread.start()
        try:
            with session.transaction():
                session.execute("LOCK TABLE a")
                both.wait()
                session.execute("LOCK TABLE b")
        except ServerError as error:
            refused.append(error)
        thread.join()

    assert [error.sqlstate for error in refused] == [module.DEADLOCK_DETECTED]
    assert refused[0].is_lock_refusal


def test_a_terminated_connection_is_lost_and_not_a_failed_statement(database, session):
    with database.connect() as other:
        other.execute("SELECT pg_terminate_backend(%(pid)s, 5000)", {"pid": session.pid})

    with pytest.raises(ConnectionLost) as lost:
        session.query("SELECT 1")
    assert isinstance(lost.value, DatabaseUnavailable)
    assert lost.value.exit_code == 3
    assert "run the same command again" in lost.value.hint


def test_a_connection_lost_inside_a_transaction_is_reported_as_such(database, session):
    assert session.pid
    with database.connect() as other, pytest.raises(ConnectionLost), session.transaction():
        other.execute("SELECT pg_terminate_backend(%(pid)s, 5000)", {"pid": session.pid})
        session.execute("SELECT 1")


def test_a_crash_of_the_server_is_a_lost_connection(own_server):
    from migrator.postgres.connect import Database

    session = Database(own_server.url()).connect()
    own_server.stop("immediate")

    with pytest.raises(ConnectionLost):
        session.query("SELECT 1")


def test_cancelling_from_another_thread_ends_what_runs(session):
    assert session.pid
    timer = threading.Timer(0.2, session.cancel)
    timer.start()
    with pytest.raises(ServerError) as ended:
        session.execute("SELECT pg_sleep(30)")
    timer.join()

    assert ended.value.sqlstate == module.QUERY_CANCELED
    assert session.one("SELECT 1 AS one").one == 1


def test_pid_and_start_name_the_session(database, session):
    with database.connect() as other:
        row = other.one("SELECT backend_start FROM pg_stat_activity WHERE pid = %(pid)s", {"pid": session.pid})
    assert session.backend_start == row.backend_start
    assert session.server_version in range(14, 30)


def test_settings_for_the_session(session):
    session.set("work_mem", "9MB")

    assert session.one("SHOW work_mem") == ("9MB",)


@pytest.mark.parametrize("value", ["it's", None, 3, "back\\slash"])
def test_values_as_literals(session, value):
    assert session.one(f"SELECT {session.copy_literal(value)} AS value").value == value


def test_every_statement_on_a_lost_connection_says_so(database: Database, session: Session) -> None:
    lost = database.connect("lost")
    session.execute("SELECT pg_terminate_backend(%(pid)s)", {"pid": lost.pid})
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            lost.execute("SELECT 1")
    lost.close()
