"""Our own connection to the database that Alembic is connected to.

Steps run on it, with its own timeouts and retries, while Alembic's connection holds no transaction: a lock that is
refused can be tried again only where nothing else is held.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import URL, Connection

from migrator import __version__
from migrator.errors import Refused, UsageError
from migrator.postgres.connect import Database
from migrator.postgres.session import Session

_OVERRIDE = "MIGRATOR_DATABASE_URL"
_IDENTITY = """
SELECT d.oid::bigint AS database, pg_catalog.pg_postmaster_start_time()::text AS started
FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
"""
_PATH = "SELECT pg_catalog.current_schemas(false)::text[] AS path"


def database_at(url: URL, command: str) -> Database:
    """The database of a SQLAlchemy URL, reached by our own driver.

    ``MIGRATOR_DATABASE_URL`` goes before it: for engines that are made in another way than by their URL.
    """
    override = os.environ.get(_OVERRIDE)
    if override:
        return Database(override.replace("+psycopg2://", "://").replace("+psycopg://", "://"), command=command)
    query = dict(url.query)
    if "ssl" in query:  # the name that asyncpg has for it
        query["sslmode"] = query.pop("ssl")
    for ours in ("prepared_statement_cache_size", "async_fallback", "client_encoding"):
        query.pop(ours, None)
    plain = url.set(drivername="postgresql", query=query)
    return Database(plain.render_as_string(hide_password=False), command=command)


@contextlib.contextmanager
def beside(context: MigrationContext, command: str) -> Iterator[tuple[Database, Session]]:
    """Our database and a session on it, while Alembic's connection is outside a transaction and marked as ours.

    What the revision did before is committed.

    Raises:
        Refused: Alembic's connection is in a transaction that is not its own, or the two are not the same database.
        UsageError: it is not connected to PostgreSQL.
    """
    connection = context.connection
    if connection is None:
        raise UsageError("Alembic has no connection")
    if connection.dialect.name != "postgresql":
        raise UsageError(f"phased operations work on PostgreSQL, this is {connection.dialect.name}")
    refuse_foreign_transaction(context)
    with context.autocommit_block():
        database = database_at(connection.engine.url, command)
        with database.connect("alembic") as session, _marked(connection):
            theirs = connection.exec_driver_sql(_IDENTITY).one()
            ours = session.one(_IDENTITY)
            if (theirs.database, theirs.started) != (ours.database, ours.started):
                raise Refused(
                    "the URL of Alembic's engine leads to another database than its connection",
                    hint=f"set {_OVERRIDE} to the one that env.py connects to",
                )
            yield database, session


def refuse_foreign_transaction(context: MigrationContext) -> None:
    """Make sure that Alembic can commit.

    Raises:
        Refused: env.py began a transaction before Alembic did. Without phased operations such a run ends with exit
            code 0 and nothing changed, because nobody commits.
    """
    if getattr(context, "_in_external_transaction", False):
        raise Refused(
            "env.py began a transaction before context.configure(): Alembic cannot commit in it",
            detail="either env.py opens the connection with engine.begin(), or it executes something on it first.",
            hint="use engine.connect(), and connection.commit() after what is executed before context.configure()",
        )


def search_paths_differ(context: MigrationContext, session: Session) -> bool:
    """Whether an unqualified name may lead elsewhere on our connection than on Alembic's."""
    connection = context.connection
    theirs = connection.exec_driver_sql(_PATH).scalar_one() if connection is not None else ""
    return list(theirs) != list(session.one(_PATH)[0])


@contextlib.contextmanager
def _marked(connection: Connection) -> Iterator[None]:
    """Alembic's connection under a name by which the gate knows that it is no application's."""
    before: Any = connection.exec_driver_sql("SHOW application_name").scalar_one()
    _name(connection, f"migrator/{__version__}/alembic")
    try:
        yield
    finally:
        _name(connection, str(before))


def _name(connection: Connection, name: str) -> None:
    from sqlalchemy import text

    connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": name})
