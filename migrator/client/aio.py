"""The heartbeat of an asyncio program, as a task of its loop.

A loop that is blocked does not beat, so its lease runs out; ``Heartbeat``, with its thread, is the choice for programs
that block theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Self, Unpack

from migrator.client import drivers
from migrator.client.lease import LONGEST_BEAT_S, Answer, Lease, LeaseOptions, now

AsyncConnect = Callable[[], Awaitable[Any]]
"""Opens a connection of psycopg (``AsyncConnection``) or asyncpg to the primary; not through a pooler."""


class AsyncHeartbeat(Lease):
    """Keeps the database informed that this process runs, from a task.

    An asynchronous context manager: entering beats once, before anything else may use the database; leaving says bye,
    also when the task that leaves is cancelled. A loop that ends without leaving says no bye, because nobody knows
    which of its tasks asked last. Forked children and the arguments are as for ``Heartbeat``.

    Args:
        connect: opens a new connection to the primary; called again whenever the last one broke.
        lease: as ``Lease`` takes them.
    """

    def __init__(self, connect: AsyncConnect, **lease: Unpack[LeaseOptions]) -> None:
        super().__init__(**lease)
        self._connect = connect
        self._connection: Any = None
        self._sent = False
        self._task: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Beat once and go on beating. After ``stop`` or a fork it is a new process for the database.

        Raises:
            Fenced: this code must not start.
            RuntimeError: it was started already.
            Exception: whatever the driver raises; the code must not start either.
        """
        if self._is_ours() and self._task is not None:
            raise RuntimeError("the heartbeat was started already")
        if not self._is_ours():
            self._connection = self._expiry = None  # the parent's, which goes on using them
        self._new_boot()
        self._sent = False
        try:
            await self._beat()
            if self._refused:
                raise self._fenced()
        except BaseException as error:
            drivers.explain(error)
            if self._sent:
                # It may have been recorded, an unlisted service is: say that nothing runs.
                await _finish(self._leave())
            else:
                await self._close()
            raise
        self._task = asyncio.create_task(self._run(), name="migrator-heartbeat")

    async def stop(self) -> None:
        """Say bye; to be called after the last query. In a forked child it does nothing."""
        task, self._task = self._task, None
        if not self._is_ours() or task is None:
            return
        self._end()
        if self._expiry is not None:
            self._expiry.cancel()
        task.cancel()
        await _finish(self._leave(task))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _run(self) -> None:
        pause_s = self._period_s()
        while True:
            await asyncio.sleep(pause_s)
            try:
                await self._beat()
                pause_s = self._period_s()
            except Exception as error:  # noqa: BLE001 - whatever the driver raises
                self._failed(error)
                await self._close()
                pause_s = self._retry_s()

    async def _beat(self) -> None:
        connection = await self._open()
        sent, self._sent = now(), True
        row = await drivers.ask_async(connection, drivers.BEAT, (*self._key, self._level, self._version))
        self._take(Answer.of(row, self._ttl_s), sent)
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = asyncio.get_running_loop().call_later(max(self._until - now(), 0.0), self._tell_lost)

    async def _leave(self, task: asyncio.Task[None] | None = None) -> None:
        if task is not None:
            # No beat may follow the bye.
            await asyncio.wait({task}, timeout=LONGEST_BEAT_S)
        with contextlib.suppress(Exception):
            try:
                await drivers.ask_async(await self._open(), drivers.BYE, self._key)
            except Exception:  # noqa: BLE001 - the connection broke since, or when its beat was cancelled
                await self._close()
                await drivers.ask_async(await self._open(), drivers.BYE, self._key)
        await self._close()

    async def _open(self) -> Any:
        if self._connection is None or drivers.is_closed(self._connection):
            connection = await self._connect()
            try:
                await drivers.prepare_async(connection, self._session_name())
            except BaseException:
                drivers.cut(connection)
                await connection.close()
                raise
            self._connection = connection
        return self._connection

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(LONGEST_BEAT_S):
                    await connection.close()


async def _finish(work: Any) -> None:
    """Wait for a coroutine; a cancellation meanwhile is passed on when it is done."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=4 * LONGEST_BEAT_S)
        raise
