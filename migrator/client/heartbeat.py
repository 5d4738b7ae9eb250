"""The heartbeat of one process: ``beat`` before the first query, then every third of its ttl, ``bye`` at the end.

The answer is a lease: while it is valid, nothing this code uses is removed. When beats stop arriving, the lease runs
out by this process's own monotonic clock, before anybody may conclude that it is gone. The thread has a connection of
its own, so that a busy pool cannot make the process look dead; nothing here depends on the clock of the day.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Self

Connect = Callable[[], Any]
"""Opens a connection of psycopg to the primary."""

_LONGEST_MARGIN_S = 2.0
_RETRY_S = 1.0
_LONGEST_JOIN_S = 5.0
_STATEMENT_TIMEOUT = "2s"
_LONGEST_APPLICATION_NAME = 63
_BEAT = "SELECT ok, min_level, ttl_s, epoch, why FROM migrator.beat(%s, %s, %s, %s, %s)"
_BYE = "SELECT migrator.bye(%s, %s, %s)"


class Fenced(Exception):
    """The database refuses this code; do not start, or stop. The message says why."""


def application_name(service: str, *, level: int, version: str) -> str:
    """``service/version/level`` as the gate reads it, at most 63 bytes; a long version is cut, the level never.

    Raises:
        ValueError: the service holds a slash or what is no printable ASCII, which the server replaces, or is too long.
    """
    head, tail = f"{service}/", f"/{level}"
    # One byte less than the server keeps: a name that fills it looks as if its level had been cut.
    room = _LONGEST_APPLICATION_NAME - 1 - len(head) - len(tail)
    if not service or "/" in service or not (service.isascii() and service.isprintable()) or room < 0:
        raise ValueError(f"{service!r} cannot be part of an application_name")
    printable = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in version)
    return head + printable[:room] + tail


class Heartbeat:
    """Keeps the database informed that this process runs.

    A context manager: entering beats once, before anything else may use the database, and starts the thread; leaving
    says bye, so leave it after the last query. A forked child has no heartbeat and no valid lease; give it its own.

    Args:
        connect: opens a new connection to the primary; called again whenever the last one broke.
        service: name of the application, as listed in its migrations' configuration.
        level: schema level this code was built at.
        version: for people.
        instance: name of the process for people, a pod's name for example; default: host name and process id.
        on_fenced: called once, from the thread, when the database refuses the running process: stop taking work.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        service: str,
        level: int,
        version: str,
        instance: str | None = None,
        on_fenced: Callable[[str], None] | None = None,
    ) -> None:
        self._connect, self._on_fenced = connect, on_fenced
        self._key = (service, instance or f"{socket.gethostname()}:{os.getpid()}", secrets.token_hex(8))
        self._level, self._version = level, version
        self._owner = os.getpid()
        self._connection: Any = None
        self._lease_until = 0.0
        self._ttl_s = 45.0
        self._refused = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def lease_valid(self) -> bool:
        """Whether queries may be sent: the last beat was accepted and is young enough, in this very process."""
        return not self._refused and self._is_ours() and time.monotonic() < self._lease_until

    @property
    def refused(self) -> str:
        """Why the database refused the running process; empty while it did not."""
        return self._refused

    def start(self) -> None:
        """Beat once and go on beating.

        Raises:
            Fenced: this code must not start.
            Exception: whatever the driver raises; the code must not start either.
        """
        try:
            self._beat()
            if self._refused:
                # A service that is not listed was recorded all the same: say that it did not start.
                self._bye()
                raise Fenced(self._refused)
        except BaseException:
            self._close()
            raise
        self._thread = threading.Thread(target=self._run, name="migrator-heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Say bye; to be called after the last query. In a forked child it does nothing."""
        if not self._is_ours():
            return
        self._stop.set()
        self._lease_until = 0.0
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(timeout=_LONGEST_JOIN_S)
            if thread.is_alive():
                return  # it hangs in the network, and so would a bye
        with contextlib.suppress(Exception):
            # Without a bye the row goes stale and counts as running: tedious, never wrong.
            self._bye()
        self._close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _is_ours(self) -> bool:
        return os.getpid() == self._owner

    def _run(self) -> None:
        pause_s = self._period()
        while not self._stop.wait(pause_s):
            try:
                self._beat()
            except Exception:  # noqa: BLE001 - a lost beat is made up for while the lease lasts
                self._close()
                pause_s = _RETRY_S * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
                continue
            if self._refused:
                if self._on_fenced is not None:
                    self._on_fenced(self._refused)
                # Still running until its owner stops it, so it goes on saying so.
                self._on_fenced = None
            pause_s = self._period()

    def _period(self) -> float:
        return self._ttl_s / 3 * random.uniform(0.9, 1.1)  # noqa: S311 - jitter

    def _beat(self) -> None:
        connection = self._open()
        sent = time.monotonic()
        row = connection.execute(_BEAT, (*self._key, self._level, self._version)).fetchone()
        if row is None:
            self._refused = "the database did not answer the beat"
            return
        ok, _, ttl_s, _, why = row
        self._ttl_s = float(ttl_s)
        self._refused = "" if ok else str(why)
        if ok:
            self._lease_until = sent + ttl_s - min(_LONGEST_MARGIN_S, ttl_s / 3)

    def _bye(self) -> None:
        self._open().execute(_BYE, self._key)

    def _open(self) -> Any:
        if self._connection is None or self._connection.closed:
            from psycopg.rows import tuple_row

            connection = self._connect()
            connection.autocommit = True
            connection.row_factory = tuple_row
            connection.execute("SELECT set_config('statement_timeout', %s, false)", (_STATEMENT_TIMEOUT,))
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()
