"""The admin console of a PgBouncer: who is connected to it, whichever server connection serves them at the moment.

The console speaks the simple query protocol only and knows no transactions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from migrator.errors import DatabaseUnavailable


@dataclass(frozen=True, slots=True)
class PooledClient:
    """A client of the pooler.

    Attributes:
        user: the role it logged in with.
        application_name: its own, not that of whoever used the server connection last.
        database: name of the database on the server.
    """

    user: str
    application_name: str
    database: str
    address: str
    state: str


@dataclass(frozen=True, slots=True)
class Console:
    """What one PgBouncer shows.

    Attributes:
        clients: everybody connected to it, consoles aside.
        server_pids: server processes its connections to the servers belong to, with the role of each.
    """

    clients: tuple[PooledClient, ...]
    server_pids: frozenset[tuple[int, str]]


def read(url: str, *, timeout_s: int = 5) -> Console:
    """Ask a PgBouncer for its clients and server connections.

    Raises:
        DatabaseUnavailable: it cannot be reached, refuses the user, or does not answer as a PgBouncer does.
    """
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=timeout_s, row_factory=dict_row, prepare_threshold=None
        ) as console:
            databases = {row["name"]: row["database"] for row in _show(console, "DATABASES")}
            servers = _show(console, "SERVERS")
            clients = _show(console, "CLIENTS")
    except (psycopg.Error, KeyError) as error:
        raise DatabaseUnavailable(f"the console of PgBouncer cannot be read: {' '.join(str(error).split())}") from None
    if not any(row.get("database") == "pgbouncer" for row in clients):
        # Our own console is a client of that database: a list without it is not the whole list.
        raise DatabaseUnavailable("SHOW CLIENTS does not show our own console: this is not a PgBouncer's console")
    return Console(
        tuple(
            PooledClient(
                user=row["user"],
                application_name=row.get("application_name") or "",
                database=databases.get(row["database"], row["database"]),
                address=f"{row['addr']}:{row['port']}",
                state=row["state"],
            )
            for row in clients
            if row["database"] != "pgbouncer"
        ),
        frozenset((int(row["remote_pid"]), row["user"]) for row in servers if row.get("remote_pid")),
    )


def _show(console: psycopg.Connection[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    with console.cursor() as cursor:
        cursor.execute(f"SHOW {what}".encode())
        return cursor.fetchall()
