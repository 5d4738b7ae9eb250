"""Connecting, and being refused."""

from __future__ import annotations

import dataclasses
import secrets
import socket
import threading
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest

from migrator import embedded
from migrator.errors import DatabaseUnavailable, UsageError
from migrator.postgres.connect import Database, find_database


def test_a_session_is_named_for_what_it_does(database):
    with database.connect("backfill") as session:
        name = session.one("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")
        assert name.application_name.startswith("migrator/")
        assert name.application_name.endswith("/backfill")


@pytest.mark.parametrize(
    "name",
    ["idle_session_timeout", "idle_in_transaction_session_timeout", "statement_timeout", "transaction_timeout"],
)
def test_limits_of_the_database_do_not_end_what_may_take_long(database, session, name):
    if not session.query(f"SELECT FROM pg_settings WHERE name = '{name}'"):
        pytest.skip(f"this server does not know {name}")
    session.execute(f"ALTER DATABASE {session.one('SELECT current_database()')[0]} SET {name} = '1h'")

    with database.connect() as later:
        assert later.one(f"SELECT current_setting('{name}')")[0] == "0"


def test_sessions_are_independent(database):
    with database.connect() as first, database.connect() as second:
        assert first.pid != second.pid


def test_nobody_listening_is_said_with_a_way_out(tmp_path):
    with pytest.raises(DatabaseUnavailable) as refused:
        Database(f"postgresql://postgres@/postgres?host={tmp_path}").connect()

    assert refused.value.message == "the database cannot be reached"
    assert "--wait-db" in refused.value.hint
    assert str(tmp_path) in refused.value.detail


def test_a_database_that_does_not_exist(postgres_server):
    with pytest.raises(DatabaseUnavailable) as refused:
        Database(postgres_server.url("no_such_database")).connect()

    assert refused.value.message == "the database refused the connection"
    assert 'database "no_such_database" does not exist' in refused.value.detail
    assert "DATABASE_URL" in refused.value.hint


def test_a_role_that_does_not_exist(database_url):
    url = database_url.replace("postgres@", f"nobody_{secrets.token_hex(4)}@")
    if url == database_url:
        pytest.skip("the server of MIGRATOR_TEST_DATABASE_URL asks for passwords")
    with pytest.raises(DatabaseUnavailable, match="refused the connection"):
        Database(url).connect()


def test_a_wrong_password_is_said_and_never_shown(own_server):
    with psycopg.connect(own_server.url(), autocommit=True) as admin:
        admin.execute("CREATE ROLE app LOGIN PASSWORD 'right'")
    rules = own_server.data_dir / "pg_hba.conf"
    rules.write_text("local all app scram-sha-256\n" + rules.read_text())
    own_server.restart()

    with Database(own_server.url().replace("postgres@", "app:right@")).connect() as session:
        assert session.one("SELECT current_user AS who").who == "app"
    for wrong in ("app:s3cret-guess@", "app@"):
        database = Database(own_server.url().replace("postgres@", wrong))
        with pytest.raises(DatabaseUnavailable) as refused:
            database.connect()
        shown = refused.value.render()
        assert "password" in shown
        assert ".pgpass" in refused.value.hint
        assert "s3cret-guess" not in shown + repr(database)


def test_a_url_that_cannot_be_read_is_a_usage_error():
    with pytest.raises(UsageError) as refused:
        Database("postgresql://host/db?nonsense=1").connect()

    assert refused.value.exit_code == 2
    assert "nonsense" in refused.value.detail


def test_a_standby_is_refused(own_server):
    (own_server.data_dir / "standby.signal").touch()
    own_server.restart()

    with pytest.raises(DatabaseUnavailable) as refused:
        Database(own_server.url()).connect()

    assert refused.value.message == "this server is a standby"


def test_a_server_that_is_starting_is_waited_for(own_server):
    own_server.stop()
    database = Database(own_server.url(), wait_s=30)
    starting = threading.Timer(0.3, own_server.start)
    starting.start()
    try:
        with database.connect() as session:
            assert session.one("SELECT 1 AS one").one == 1
    finally:
        starting.join()


def test_waiting_ends(tmp_path):
    with pytest.raises(DatabaseUnavailable):
        Database(f"postgresql://postgres@/postgres?host={tmp_path}", wait_s=0.2).connect()


def test_a_wrong_database_name_is_not_waited_for(postgres_server):
    with pytest.raises(DatabaseUnavailable, match="refused"):
        Database(postgres_server.url("no_such_database"), wait_s=120).connect()


def test_a_pooler_in_transaction_mode_is_refused(own_server):
    """It announces a backend of its own and hands each transaction to another; a relay that changes the announced
    process id looks just so."""
    with _Relay(own_server) as relay, pytest.raises(DatabaseUnavailable) as refused:
        Database(f"postgresql://postgres@127.0.0.1:{relay.port}/postgres?sslmode=disable&gssencmode=disable").connect()

    assert refused.value.message == "this connection goes through a pooler in transaction mode"


class _Relay:
    """Passes a connection on to a server, and changes the process id in BackendKeyData."""

    def __init__(self, server: embedded.Server) -> None:
        self._socket_path = parse_qs(urlsplit(server.url()).query)["host"][0] + "/.s.PGSQL.5432"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(timeout=30)
        self._listener.close()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._socket_path)
        back = threading.Thread(target=self._pass, args=(server, client, True))
        back.start()
        self._pass(client, server, False)
        back.join()
        client.close()
        server.close()

    def _pass(self, source: socket.socket, target: socket.socket, change: bool) -> None:
        while data := source.recv(65536):
            if change and (at := data.find(b"K\x00\x00\x00\x0c")) >= 0:
                data = data[: at + 5] + (1).to_bytes(4, "big") + data[at + 9 :]
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"DATABASE_URL": "postgresql://a/b"}, "postgresql://a/b"),
        ({"DATABASE_URL": "postgresql://a/b", "MIGRATOR_DATABASE_URL": "postgresql://c/d"}, "postgresql://c/d"),
        ({"DATABASE_URL": "postgresql+psycopg://u:p@a/b?x=1"}, "postgresql://u:p@a/b?x=1"),
        ({"DATABASE_URL": "postgresql+psycopg2://a/b"}, "postgresql://a/b"),
        ({"DATABASE_URL": "postgres+asyncpg://a/b"}, "postgres://a/b"),
        ({"DATABASE_URL": "host=a dbname=b"}, "host=a dbname=b"),
        ({"PGHOST": "a"}, ""),
        ({"PGSERVICE": "a"}, ""),
    ],
)
def test_the_environment_names_the_database(environment, url):
    assert find_database(environment).url == url


def test_an_environment_that_names_none():
    assert find_database({}) is None
    assert find_database({"DATABASE_URL": "", "PGUSER": "someone"}) is None


def test_libpq_settings_are_enough(postgres_server, database_url, monkeypatch):
    if not isinstance(postgres_server, embedded.Server):
        pytest.skip("the server of MIGRATOR_TEST_DATABASE_URL needs more than these")
    parts = urlsplit(database_url)
    monkeypatch.setenv("PGHOST", parse_qs(parts.query)["host"][0])
    monkeypatch.setenv("PGDATABASE", parts.path[1:])
    monkeypatch.setenv("PGUSER", "postgres")

    with find_database().connect() as session:
        assert session.one("SELECT current_database() AS name").name == parts.path[1:]


def test_a_url_as_sqlalchemy_has_it_connects(database_url):
    url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)

    with find_database({"DATABASE_URL": url}).connect() as session:
        assert session.one("SELECT 1 AS one").one == 1


def test_database_names_that_need_quoting(postgres_server, postgres_admin):
    name = f'odd "name" %20 ü {secrets.token_hex(3)}'
    quoted = '"' + name.replace('"', '""') + '"'
    postgres_admin.execute(f"CREATE DATABASE {quoted}")
    try:
        with Database(
            postgres_server.url("postgres").replace("/postgres?", f"/{quote(name)}?", 1)
        ).connect() as session:
            assert session.one("SELECT current_database() AS name").name == name
    finally:
        postgres_admin.execute(f"DROP DATABASE {quoted}")


def test_a_database_is_never_shown_with_its_url():
    database = Database("postgresql://u:secret@host/db", command="expand")

    assert "secret" not in repr(database)
    assert "secret" not in str(dataclasses.replace(database, command="x"))


@pytest.mark.parametrize(
    "url", ["postgresql//user:s3cret@host/db", "postgresql://user:s3cret%zz@host/db", "postgresql://u:s3cret@[::1/db"]
)
def test_a_url_that_cannot_be_read_is_not_shown(url: str):
    with pytest.raises(UsageError) as refused:
        Database(url).connect()

    assert "s3cret" not in refused.value.render()
    assert refused.value.detail.endswith("…")
