from __future__ import annotations

import multiprocessing
from importlib import resources

import pytest

from migrator.errors import DatabaseUnavailable
from migrator.ledger.install import LEDGER_VERSION, ensure_installed, installed_version, is_installed
from migrator.postgres.connect import Database
from migrator.postgres.session import ServerError, Session
from tests.gate.world import role


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
    assert session.one("SELECT count(*) AS n FROM migrator.ledger_version").n == LEDGER_VERSION
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


def install_version_1(session: Session) -> None:
    script = resources.files("migrator.ledger.queries").joinpath("schema_1.sql").read_text("utf-8")
    session.execute(script)
    session.execute("INSERT INTO migrator.ledger_version (version, tool_version) VALUES (1, '0.1')")


def test_a_ledger_of_version_1_is_brought_to_this_one_and_keeps_its_rows(session: Session) -> None:
    install_version_1(session)
    session.execute("INSERT INTO migrator.service (project, service, min_level, max_level) VALUES ('p', 'web', 5, 7)")
    assert is_installed(session)
    ensure_installed(session)
    assert installed_version(session) == LEDGER_VERSION
    row = session.one("SELECT ok, min_level FROM migrator.beat('web', 'a', 'b', 4, 'v')")
    assert (row.ok, row.min_level) == (False, 5)
    assert session.one("SELECT ok FROM migrator.beat('web', 'a', 'b', 7, 'v')").ok


def test_a_service_that_is_not_listed_is_told_of_both_files(session: Session) -> None:
    ensure_installed(session)
    told = session.one("SELECT why FROM migrator.beat('web', 'a', 'b', 4, 'v')").why
    assert "[[gate.service]] of migrator.toml, or [[tool.migrator.gate.service]] of pyproject.toml" in told


def test_rows_may_be_changed_while_a_publication_sends_all_tables(session: Session) -> None:
    ensure_installed(session)
    session.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    session.execute("UPDATE migrator.home SET since = since; DELETE FROM migrator.sample")
    unfound = session.query(
        "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'migrator'::regnamespace AND c.relkind = 'r'"
        " AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)"
    )
    assert unfound == []


def test_the_tool_of_version_1_stops_at_this_ledger(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_installed(session)
    monkeypatch.setattr("migrator.ledger.install.LEDGER_VERSION", 1)
    with pytest.raises(DatabaseUnavailable) as error:
        is_installed(session)
    assert error.value.exit_code == 3


def test_a_role_that_may_use_the_ledger_brings_it_further_as_its_owner_or_not_at_all(session: Session) -> None:
    with role(session, attributes="NOLOGIN") as owner, role(session, attributes="NOLOGIN") as member:
        session.execute(f"GRANT CREATE ON DATABASE {session.one('SELECT current_database() AS d').d} TO {owner}")
        session.execute(f"SET ROLE {owner}")
        try:
            # pg_control_system() is for everybody; the rest of version 1 needs no superuser either.
            install_version_1(session)
            session.execute(
                f"GRANT USAGE ON SCHEMA migrator TO {member};"
                f" GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA migrator TO {member}"
            )
            session.execute(f"RESET ROLE; SET ROLE {member}")
            with pytest.raises(DatabaseUnavailable, match=f'belongs to role "{owner}"') as error:
                ensure_installed(session)
            assert error.value.exit_code == 3
            session.execute(f"RESET ROLE; GRANT {owner} TO {member}; SET ROLE {member}")
            ensure_installed(session)
            assert session.one("SELECT current_user AS name").name == member
            owners = session.query(
                "SELECT DISTINCT pg_get_userbyid(relowner) AS name FROM pg_class"
                " WHERE relnamespace = 'migrator'::regnamespace"
            )
            assert [row.name for row in owners] == [owner]
        finally:
            session.execute("RESET ROLE; DROP SCHEMA migrator CASCADE")


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
    readers = {"level_window", "release_levels", "confirmed", "is_exempt"}
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
