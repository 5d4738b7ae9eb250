"""Engines that send nothing without a lease.

::

    engine = create_engine(URL)
    guard(engine, heartbeat)     # an Engine or an AsyncEngine; the heartbeat may be either kind

New connections carry the application_name that the gate knows, unless the URL has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from migrator.client.lease import Lease

__all__ = ["guard"]


def guard(engine: Engine | AsyncEngine, lease: Lease) -> None:
    """Make an engine raise ``LeaseLost`` from connecting, from checkouts and before each statement.

    A transaction that began under the lease may still be rolled back or committed when it has run out.
    """
    synchronous: Any = getattr(engine, "sync_engine", engine)

    def connecting(dialect: Any, _: Any, __: Any, parameters: dict[str, Any]) -> None:
        lease.check()
        _name(dialect.driver, parameters, lease)

    def checkout(*_: Any) -> None:
        lease.check()

    def before_cursor_execute(*_: Any) -> None:
        lease.check()

    event.listen(synchronous, "do_connect", connecting)
    event.listen(synchronous, "checkout", checkout)
    event.listen(synchronous, "before_cursor_execute", before_cursor_execute)


def _name(driver: str, parameters: dict[str, Any], lease: Lease) -> None:
    name = lease._session_name()  # noqa: SLF001 - of the same package
    if not name:
        return
    if driver.startswith("psycopg") or driver == "pg8000":
        parameters.setdefault("application_name", name)
    elif driver == "asyncpg":
        parameters["server_settings"] = {"application_name": name, **(parameters.get("server_settings") or {})}
