"""The heartbeat of one process: ``beat`` before the first query, then every third of its ttl, ``bye`` at the end.

The answer is a lease: while it is valid, nothing this code uses is removed. When beats stop arriving, the lease runs
out by this process's own clock, before anybody may conclude that it is gone. The thread has a connection of its own, so
that a busy pool cannot make the process look dead; nothing here depends on the clock of the day.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections.abc import Callable
from typing import Any, Self, Unpack

from migrator.client import drivers
from migrator.client.lease import LONGEST_BEAT_S, Answer, Lease, LeaseOptions, now

Connect = Callable[[], Any]
"""Opens a connection of psycopg or psycopg2 to the primary, best with a ``connect_timeout``; not through a pooler."""


class Heartbeat(Lease):
    """Keeps the database informed that this process runs, from a thread.

    A context manager: entering beats once, before anything else may use the database, and starts the thread; leaving
    says bye, so leave it after the last query. An ordinary end of the interpreter says bye as well, after all
    threads but daemons have ended; for SIGTERM see ``exit_on_sigterm``. It serves asyncio programs too.

    A forked child has no heartbeat and no valid lease, and leaves its parent's alone. ``start()`` in the child gives it
    its own, under a boot of its own; guards need not be told.

    Args:
        connect: opens a new connection to the primary; called again whenever the last one broke.
        lease: as ``Lease`` takes them.
    """

    def __init__(self, connect: Connect, **lease: Unpack[LeaseOptions]) -> None:
        super().__init__(**lease)
        self._connect = connect
        self._connection: Any = None
        self._sent = False
        self._stop = threading.Event()
        self._threads: tuple[threading.Thread, ...] = ()

    def start(self) -> None:
        """Beat once and go on beating. After ``stop`` or a fork it is a new process for the database.

        Raises:
            Fenced: this code must not start.
            RuntimeError: it was started already.
            Exception: whatever the driver raises; the code must not start either.
        """
        if any(thread.is_alive() for thread in self._threads):
            raise RuntimeError("the heartbeat was started already")
        if not self._is_ours():
            self._connection = None  # the parent's, which goes on using it
        self._new_boot()
        self._stop, self._sent = threading.Event(), False
        try:
            self._beat()
            if self._refused:
                raise self._fenced()
        except BaseException as error:
            drivers.explain(error)
            if self._sent:
                # It may have been recorded, an unlisted service is: say that nothing runs.
                self._leave()
            self._close()
            raise
        self._threads = tuple(
            threading.Thread(target=target, name=f"migrator-{name}", daemon=True)
            for name, target in (("heartbeat", self._run), ("lease", self._watch))
        )
        for thread in self._threads:
            thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Say bye; to be called after the last query. In a forked child it does nothing."""
        if not self._is_ours() or not self._threads or self._stopped:
            return
        atexit.unregister(self.stop)
        self._end()
        self._stop.set()
        # The thread says bye. If it hangs in the network, the row goes stale and counts as running: tedious, not wrong.
        self._threads[0].join(timeout=LONGEST_BEAT_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        stop, pause_s = self._stop, self._period_s()
        while not stop.wait(pause_s):
            try:
                self._beat()
                pause_s = self._period_s()
            except Exception as error:  # noqa: BLE001 - whatever the driver raises
                self._failed(error)
                self._close()
                pause_s = self._retry_s()
        self._leave()
        self._close()

    def _watch(self) -> None:
        """Tell when the lease ends, also while the other thread waits for the network."""
        stop = self._stop
        while not stop.wait(max(self._until - now(), 0.0) or self._retry_s()):
            self._tell_lost()

    def _beat(self) -> None:
        connection = self._open()
        sent, self._sent = now(), True
        row = drivers.ask(connection, drivers.BEAT, (*self._key, self._level, self._version))
        self._take(Answer.of(row, self._ttl_s), sent)

    def _leave(self) -> None:
        with contextlib.suppress(Exception):
            try:
                drivers.ask(self._open(), drivers.BYE, self._key)
            except Exception:  # noqa: BLE001 - the connection broke since the last beat
                self._close()
                drivers.ask(self._open(), drivers.BYE, self._key)

    def _open(self) -> Any:
        if self._connection is None or drivers.is_closed(self._connection):
            connection = self._connect()
            try:
                drivers.prepare(connection, self._session_name())
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()
