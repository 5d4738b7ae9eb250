from __future__ import annotations

import multiprocessing

import pytest

from migrator.errors import DatabaseUnavailable
from migrator.ledger.install import LEDGER_VERSION, ensure_installed, installed_version, is_installed
from migrator.postgres.connect import Database
from migrator.postgres.session import ServerError, Session


def install_in_a_process(url: str, barrier: object, failures: multiprocessing.SimpleQueue[str]) -> None:
    try:
        with Database(url).connect("install") as session:
            barrier.wait(30)  # type: ignore[attr-defined]
            ensure_installed(session)
            if not is_installed(session):
                failures.put("not installed after it was installed")
    except BaseException as error:  # noqa: BLE001 - handed to the test
        failures.put(f"{type(error).__name__}: {error}")


def test_eight_processes_install_it_once(database: Database, session: Session) -> None:
    context = multiprocessing.get_context("spawn")
    failures, barrier = context.SimpleQueue(), context.Barrier(8)
    processes = [
        context.Process(target=install_in_a_process, args=(database.url, barrier, failures), daemon=True)
        for _ in range(8)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    messages = []
    while not failures.empty():
        messages.append(failures.get())
    failures.close()
    assert messages == []
    assert [process.exitcode for process in processes] == [0] * 8
    assert session.one("SELECT count(*) AS n FROM migrator.ledger_version").n == 1
    for process in processes:
        process.close()


def test_a_database_without_a_ledger_has_no_version(session: Session) -> None:
    assert installed_version(session) is None
    assert not is_installed(session)
    ensure_installed(session)
    assert installed_version(session) == LEDGER_VERSION
    assert is_installed(session)


def test_installing_again_changes_nothing(session: Session) -> None:
    ensure_installed(session)
    before = session.query("SELECT oid FROM pg_class WHERE relnamespace = 'migrator'::regnamespace ORDER BY oid")
    ensure_installed(session)
    assert (
        session.query("SELECT oid FROM pg_class WHERE relnamespace = 'migrator'::regnamespace ORDER BY oid") == before
    )


def test_a_newer_ledger_is_refused(session: Session) -> None:
    ensure_installed(session)
    session.execute("INSERT INTO migrator.ledger_version (version, tool_version) VALUES (99, '9.9')")
    for use in (is_installed, ensure_installed):
        with pytest.raises(DatabaseUnavailable, match="version 99, this tool knows version") as error:
            use(session)
        assert error.value.exit_code == 3
        assert "install the newer migrator" in (error.value.hint or "")


def test_a_failed_installation_leaves_nothing(session: Session) -> None:
    # Something in the way of the schema's last parts.
    session.execute("CREATE SCHEMA migrator; CREATE TABLE migrator.service (a int)")
    with pytest.raises(ServerError):
        ensure_installed(session)
    assert not session.in_transaction
    tables = session.query("SELECT relname FROM pg_class WHERE relnamespace = 'migrator'::regnamespace")
    assert [row.relname for row in tables] == ["service"]


def test_applications_see_no_table_and_may_call_what_is_meant_for_them(session: Session) -> None:
    ensure_installed(session)
    rows = session.query(
        "SELECT p.proname FROM pg_proc AS p WHERE p.pronamespace = 'migrator'::regnamespace"
        " AND EXISTS (SELECT FROM aclexplode(p.proacl) WHERE grantee = 0 AND privilege_type = 'EXECUTE')"
    )
    # The first two are the protocol; the others read a window, or check by themselves who asks.
    readers = {"level_window", "release_levels", "confirmed"}
    assert {row.proname for row in rows} == {"beat", "bye", *readers, "approve_override"}
    readable = session.query(
        "SELECT relname FROM pg_class WHERE relnamespace = 'migrator'::regnamespace AND relkind = 'r'"
        " AND EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee = 0)"
    )
    assert readable == []


def test_every_function_has_a_fixed_search_path(session: Session) -> None:
    ensure_installed(session)
    rows = session.query(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'migrator'::regnamespace"
        " AND NOT coalesce(proconfig::text, '') LIKE '%search_path%'"
    )
    assert rows == []
