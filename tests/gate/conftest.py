from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import psycopg
import pytest

from migrator import embedded
from migrator.errors import DatabaseUnavailable
from tests.gate.world import World, open_world, own_server, wait_for


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with open_world(database_url) as world:
        yield world


@pytest.fixture(scope="session")
def counting_server() -> Iterator[embedded.Server]:
    """A server that counts statements."""
    settings = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "all"}
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(own_server(**settings))
        except DatabaseUnavailable as error:
            pytest.skip(f"pg_stat_statements cannot be loaded: {error}")
        yield server


@pytest.fixture
def counting_world(counting_server: embedded.Server) -> Iterator[World]:
    """A database of its own on it."""
    name = f"test_{secrets.token_hex(4)}"
    with psycopg.connect(counting_server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    with open_world(counting_server.url(name)) as world:
        world.session.execute("CREATE EXTENSION pg_stat_statements")
        if world.session.server_version < 15:
            # The collector makes its entry for a database some time later, which looks like a reset to who came before.
            known = "SELECT FROM pg_stat_database WHERE datname = current_database() AND stats_reset IS NOT NULL"
            wait_for(lambda: world.session.query(known), what="the collector knows the database")
        yield world


@pytest.fixture(scope="session")
def template_database(ledger_database: str) -> str:
    return ledger_database
