"""Pools of psycopg_pool that hand out nothing without a lease.

::

    with LeasedConnectionPool(URL, lease=heartbeat) as pool:        # AsyncLeasedConnectionPool for asyncio
        ...

Their connections carry the application_name that the gate knows, and their cursors send nothing without the lease
either, so that a process that was paused while it held a connection sends no query when it wakes. A pool of another
class takes ``check=lease_check(heartbeat)``: a checkout then waits for the lease, and fails with ``PoolTimeout``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Connection

    from migrator.client.lease import Lease

_SENDING = ("execute", "executemany", "stream", "copy")


def lease_check(lease: Lease, also: Callable[[Any], None] | None = None) -> Callable[[Any], None]:
    """A ``check`` callback of ``ConnectionPool``: no connection without a lease.

    Args:
        lease: the heartbeat.
        also: a further check, such as ``ConnectionPool.check_connection``.
    """

    def check(connection: Connection[Any]) -> None:
        lease.check()
        if also is not None:
            also(connection)

    return check


def async_lease_check(
    lease: Lease, also: Callable[[Any], Awaitable[None]] | None = None
) -> Callable[[Any], Awaitable[None]]:
    """As ``lease_check``, for ``AsyncConnectionPool``."""

    async def check(connection: AsyncConnection[Any]) -> None:
        lease.check()
        if also is not None:
            await also(connection)

    return check


class LeasedConnectionPool(ConnectionPool[Any]):
    """A ``ConnectionPool`` whose checkouts and queries raise ``LeaseLost`` when there is no lease.

    Args:
        conninfo: as for ``ConnectionPool``, like everything but ``lease``.
        lease: the heartbeat, started: a pool cannot be opened before.
    """

    def __init__(self, conninfo: Any = "", *, lease: Lease, **options: Any) -> None:
        if options.get("open") is not False:
            lease.check()
        configure = options.pop("configure", None)

        def configured(connection: Connection[Any]) -> None:
            lease.check()
            if configure is not None:
                configure(connection)
            _lease_cursors(connection, lease)

        self._lease = lease
        options = _options(lease, options, lease_check)
        super().__init__(conninfo, configure=configured, **options)

    def open(self, *arguments: Any, **named: Any) -> None:
        """As in ``ConnectionPool``.

        Raises:
            LeaseLost: the heartbeat is not started.
        """
        self._lease.check()
        super().open(*arguments, **named)

    def getconn(self, timeout: float | None = None) -> Any:
        """As in ``ConnectionPool``.

        Raises:
            LeaseLost: nothing may be sent now.
        """
        self._lease.check()
        try:
            return super().getconn(timeout)
        except PoolTimeout:
            self._lease.check()
            raise


class AsyncLeasedConnectionPool(AsyncConnectionPool[Any]):
    """An ``AsyncConnectionPool`` whose checkouts and queries raise ``LeaseLost`` when there is no lease.

    Args:
        conninfo: as for ``AsyncConnectionPool``, like everything but ``lease``.
        lease: the heartbeat, of either kind, started: a pool cannot be opened before.
    """

    def __init__(self, conninfo: Any = "", *, lease: Lease, **options: Any) -> None:
        if options.get("open"):
            lease.check()
        configure = options.pop("configure", None)

        async def configured(connection: AsyncConnection[Any]) -> None:
            lease.check()
            if configure is not None:
                await configure(connection)
            _lease_cursors(connection, lease)

        self._lease = lease
        options = _options(lease, options, async_lease_check)
        super().__init__(conninfo, configure=configured, **options)

    async def open(self, *arguments: Any, **named: Any) -> None:
        """As in ``AsyncConnectionPool``.

        Raises:
            LeaseLost: the heartbeat is not started.
        """
        self._lease.check()
        await super().open(*arguments, **named)

    async def getconn(self, timeout: float | None = None) -> Any:
        """As in ``AsyncConnectionPool``.

        Raises:
            LeaseLost: nothing may be sent now.
        """
        self._lease.check()
        try:
            return await super().getconn(timeout)
        except PoolTimeout:
            self._lease.check()
            raise


def _options(lease: Lease, options: dict[str, Any], check: Callable[..., Any]) -> dict[str, Any]:
    name = lease._session_name()  # noqa: SLF001 - of the same package
    named = {"application_name": name} if name else {}
    given = options.get("kwargs")
    if callable(given):
        raise TypeError("a leased pool takes its kwargs as a mapping")
    return {**options, "kwargs": {**named, **(given or {})}, "check": check(lease, options.get("check"))}


def _lease_cursors(connection: Any, lease: Lease) -> None:
    for attribute in ("cursor_factory", "server_cursor_factory"):
        setattr(connection, attribute, _leased(getattr(connection, attribute), lease))


def _leased(cursor: type, lease: Lease) -> type:
    """A class of cursors, synchronous or not, that asks the lease before it sends anything."""

    def asking(name: str) -> Callable[..., Any]:
        send: Callable[..., Any] = getattr(cursor, name)

        def ask_and_send(self: Any, *arguments: Any, **named: Any) -> Any:
            lease.check()
            return send(self, *arguments, **named)

        return ask_and_send

    methods = {name: asking(name) for name in _SENDING if hasattr(cursor, name)}
    return type(f"Leased{cursor.__name__}", (cursor,), methods)
