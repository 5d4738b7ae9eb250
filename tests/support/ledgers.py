"""A ledger that was made once, in databases that are copies of that one."""

from __future__ import annotations

import psycopg

from migrator.ledger.install import ensure_installed
from migrator.postgres.connect import Database


def make_ledger(url: str) -> None:
    with Database(url, command="test").connect("test") as session:
        ensure_installed(session)


def move_in(url: str) -> None:
    """Let the ledger that came with the template be that of this database."""
    with psycopg.connect(url, autocommit=True) as connection:
        here = "(SELECT oid FROM pg_database WHERE datname = current_database())"
        connection.execute(f"UPDATE migrator.home SET database_oid = {here}")
