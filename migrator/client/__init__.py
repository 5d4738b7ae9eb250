"""For applications: say that this process runs, and learn in time that it must not.

::

    from migrator.client import Heartbeat
    from migrator.client.pool import LeasedConnectionPool     # or sqlalchemy.guard(engine, heartbeat)

    heartbeat = Heartbeat(lambda: psycopg.connect(URL, connect_timeout=5), service="web", level=SCHEMA_LEVEL,
                          version="1.42.0")
    with heartbeat:                                           # raises Fenced: this code must not start
        with LeasedConnectionPool(URL, lease=heartbeat) as pool:
            ...                                               # LeaseLost from checkouts and queries without a lease

It needs the driver the application has, and nothing else of this package:

- ``heartbeat``: from a thread, for psycopg and psycopg2;   ``aio``: as an asyncio task, for psycopg and asyncpg
- ``pool``: pools of psycopg_pool;   ``sqlalchemy``: engines;   ``naming``: application_name
- ``compatible``: does the database have what the models use;   ``recorder``: which statements an application sends
- ``entrypoint``, and ``python -m migrator.client start-check``: may this code start, for entrypoints
- ``sigterm``: ends the process as ``sys.exit`` does, so that bye is said

The protocol is one SQL statement, so other languages need no client: ``examples/clients``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrator.client.heartbeat import Connect, Heartbeat
from migrator.client.lease import Fenced, Lease, LeaseLost
from migrator.client.naming import application_name

if TYPE_CHECKING:
    from migrator.client.aio import AsyncHeartbeat
    from migrator.client.entrypoint import start_check
    from migrator.client.sigterm import exit_on_sigterm

_LATER = {"AsyncHeartbeat": "aio", "exit_on_sigterm": "sigterm", "start_check": "entrypoint"}

__all__ = [
    "AsyncHeartbeat",
    "Connect",
    "Fenced",
    "Heartbeat",
    "Lease",
    "LeaseLost",
    "application_name",
    "exit_on_sigterm",
    "start_check",
]


def __getattr__(name: str) -> Any:
    """What not every application needs is imported when it is asked for: asyncio is slow to import."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
