"""Servers and databases for the tests.

- ``MIGRATOR_TEST_POSTGRES=15`` chooses the major version; default: the newest found, the embedded one first.
- ``MIGRATOR_TEST_DATABASE_URL`` names a running server to use instead (a superuser's URL); each test still gets a
  database of its own, and tests that crash their server start one themselves.
- ``tests/fetch_postgres 14`` brings a version that the machine does not have.

With pytest-xdist every worker has its own server.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from migrator import embedded
from migrator.embedded.binaries import BINARIES_VARIABLE
from migrator.embedded.claims import FOLDER_VARIABLE
from migrator.postgres.connect import Database
from migrator.postgres.session import Session
from migrator.trace.scratch import Scratch, scratch_database, scratch_server
from tests.support.ledgers import make_ledger, move_in
from tests.support.tablespaces import make_tablespace

CHECKOUT = Path(__file__).resolve().parent.parent
TEMPLATE = "migrator_template"

_fetched = sorted((CHECKOUT / ".cache" / "postgres").glob("*/bin"))
os.environ[BINARIES_VARIABLE] = os.pathsep.join(
    [*map(str, _fetched), *filter(None, [os.environ.get(BINARIES_VARIABLE)])]
)
_ROOM = 6 << 30
"""Bytes that servers in memory may need: 7 MB for each database, and up to 512 MB of WAL for each server."""


def _has_room(folder: Path) -> bool:
    """Whether servers may have their data in memory; containers often have 64 MB of it."""
    try:
        available = re.search(r"MemAvailable: +([0-9]+) kB", Path("/proc/meminfo").read_text(encoding="utf-8"))
        return available is not None and int(available[1]) << 10 > _ROOM and shutil.disk_usage(folder).free > _ROOM
    except OSError:
        return False


if FOLDER_VARIABLE not in os.environ and _has_room(Path("/dev/shm")):  # noqa: S108 - not for files of a known name
    os.environ[FOLDER_VARIABLE] = "/dev/shm"  # noqa: S108
# How long an example takes says nothing on a shared machine.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")
# A developer's own settings must not reach the commands under test.
for _name in [
    name for name in os.environ if name.startswith("PG") or name in ("DATABASE_URL", "MIGRATOR_DATABASE_URL")
]:
    del os.environ[_name]


@dataclass(frozen=True)
class ExternalServer:
    """A server somebody else runs; has of ``embedded.Server`` what most tests need."""

    base: str
    major: int
    version: str

    def url(self, dbname: str = "postgres") -> str:
        return urlunsplit(urlsplit(self.base)._replace(path=f"/{dbname}"))


def external_url() -> str | None:
    return os.environ.get("MIGRATOR_TEST_DATABASE_URL") or None


def wanted_installation() -> embedded.Installation:
    """The version asked for; without a wish the embedded one, not one fetched for another run."""
    if wish := os.environ.get("MIGRATOR_TEST_POSTGRES"):
        return embedded.find(int(wish))
    return max(embedded.installations(), key=lambda found: found.major, default=None) or embedded.find()


def pytest_report_header() -> str:
    if url := external_url():
        return f"PostgreSQL: the server of MIGRATOR_TEST_DATABASE_URL, {urlsplit(url).hostname}"
    installation = wanted_installation()
    return f"PostgreSQL {installation.version} ({installation.bin})"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"postgres_server", "own_server", "counting_server", "trace_server", "scratch"} & set(
            getattr(item, "fixturenames", ())
        ):
            item.add_marker("server")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The longest that the canary of tests/lifecycle had to wait, over all phases and changes."""
    waits = [
        (value, name, report.nodeid.partition("[")[2].rstrip("]"))
        for report in terminalreporter.getreports("passed")
        for name, value in getattr(report, "user_properties", ())
        if name.startswith("longest wait in ")
    ]
    if waits:
        longest, name, change = max(waits)
        terminalreporter.write_line(f"{name}: {longest} ({change!r}, of {len(waits)} phases; lock_timeout is 300 ms)")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[embedded.Server | ExternalServer]:
    """A running server; superuser ``postgres`` without a password."""
    if url := external_url():
        with psycopg.connect(url) as connection:
            version = connection.info.parameter_status("server_version") or ""
            make_tablespace(url)
            yield ExternalServer(url, connection.info.server_version // 10_000, version)
        return
    with embedded.start(major=wanted_installation().major, settings=embedded.FAST) as server:
        make_tablespace(server.url())
        yield server


@pytest.fixture
def own_server() -> Iterator[embedded.Server]:
    """A server for one test alone, which may crash it; of the same version, embedded whatever the others use."""
    major = None if external_url() else wanted_installation().major
    with embedded.start(major=major, settings=embedded.FAST) as server:
        yield server


@pytest.fixture(scope="session")
def trace_server() -> Iterator[embedded.Server]:
    """A scratch server as lint starts one; embedded whatever the others use, since it needs roles without passwords."""
    with scratch_server(wanted_installation().major) as server:
        yield server


@pytest.fixture(scope="session")
def scratch(trace_server: embedded.Server) -> Iterator[Scratch]:
    """One database for all traces of this process: ``tests.trace.tracing.clean`` empties it in milliseconds."""
    with scratch_database(trace_server) as scratch:
        yield scratch


@pytest.fixture(scope="session")
def postgres_admin(postgres_server: embedded.Server) -> Iterator[psycopg.Connection]:
    """A connection of the superuser to the database ``postgres``, for making and dropping databases."""
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        yield connection


class Databases:
    """Fresh databases on one server. A database is dropped when the next is made: its sessions are gone by then, which
    a server that is asked to drop it at once waits a tenth of a second for.
    """

    def __init__(self, server: embedded.Server | ExternalServer, admin: psycopg.Connection) -> None:
        self._server, self._admin = server, admin
        self._templates: dict[str, str] = {}
        self._over: list[str] = []

    def template(self, name: str, prepare: Callable[[str], None]) -> str:
        """The database that others are copies of; ``prepare`` is given the URL of it once."""
        if name not in self._templates:
            self._templates[name] = f"{TEMPLATE}_{name}_{secrets.token_hex(4)}"
            self._admin.execute(f"CREATE DATABASE {self._templates[name]}")
            prepare(self._server.url(self._templates[name]))
        return self._templates[name]

    @contextlib.contextmanager
    def fresh(self, template: str) -> Iterator[str]:
        name = f"test_{secrets.token_hex(6)}"
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        self.drop()
        url = self._server.url(name)
        if template == self._templates.get("ledger"):
            move_in(url)
        yield url
        self._over.append(name)

    def drop(self) -> None:
        while self._over:
            self._admin.execute(f"DROP DATABASE IF EXISTS {self._over.pop()} WITH (FORCE)")

    def close(self) -> None:
        self.drop()
        for name in self._templates.values():
            self._admin.execute(f"DROP DATABASE {name}")


@pytest.fixture(scope="session")
def databases(
    postgres_server: embedded.Server | ExternalServer, postgres_admin: psycopg.Connection
) -> Iterator[Databases]:
    databases = Databases(postgres_server, postgres_admin)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def empty_database(databases: Databases) -> str:
    """A database with nothing in it."""
    return databases.template("empty", lambda _: None)


@pytest.fixture(scope="session")
def template_database(empty_database: str) -> str:
    """The database that those of the tests are copies of; rooms that always want a ledger have one with it."""
    return empty_database


@pytest.fixture(scope="session")
def ledger_database(databases: Databases) -> str:
    """The same with the ledger, which takes longer to make than the database."""
    return databases.template("ledger", make_ledger)


@pytest.fixture
def database_url(databases: Databases, template_database: str) -> Iterator[str]:
    """URL of a fresh database."""
    with databases.fresh(template_database) as url:
        yield url


@pytest.fixture
def empty_database_url(databases: Databases, empty_database: str) -> Iterator[str]:
    """The same without a ledger, in rooms that have one."""
    with databases.fresh(empty_database) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Database:
    """A fresh database."""
    return Database(database_url, command="test")


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session on a fresh database."""
    with database.connect("test") as session:
        yield session
