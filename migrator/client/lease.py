"""The lease: until when this process may send queries, by its own clock and nobody else's.

Each accepted beat grants one, from the moment it was sent until two seconds before the database calls the row stale. So
it runs out here before anybody may conclude there that the process is gone, however long it was paused. What both
heartbeats share is in this module, and it does no I/O; the guards of pools and engines need nothing but ``check``.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from migrator.client.naming import application_name

LONGEST_BEAT_S = 5.0
"""A beat that takes longer hangs: the server cancels it after 2 s, the rest is the network's."""

_LONGEST_MARGIN_S = 2.0
_LONGEST_RETRY_S = 1.0
_DEFAULT_TTL_S = 45.0
# Goes on while the machine is suspended, which time.monotonic() does not on Linux.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

log = logging.getLogger("migrator.client")


class Fenced(Exception):
    """The database refuses this code; do not start, or stop. The message says why."""


class LeaseLost(Exception):
    """No query may be sent now: the lease ran out, was refused, or was never granted. The message says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What ``migrator.beat`` answered."""

    ok: bool
    ttl_s: float
    why: str

    @classmethod
    def of(cls, row: tuple[Any, ...] | None, ttl_s: float) -> Answer:
        """The row ``ok, min_level, ttl_s, epoch, why``; no row is a refusal."""
        if row is None:
            return cls(False, ttl_s, "the database did not answer the beat")
        ok, _, ttl_s, _, why = row
        return cls(ok is True, float(ttl_s), str(why))


def now() -> float:
    """Seconds on a clock that nobody sets."""
    return time.clock_gettime(_CLOCK)


class LeaseOptions(TypedDict):
    """What ``Lease`` takes, for those that pass it on."""

    service: str
    level: int
    version: str
    instance: NotRequired[str | None]
    on_lost: NotRequired[Callable[[str], None] | None]
    on_fenced: NotRequired[Callable[[str], None] | None]


class Lease:
    """What the beats of one process came to. Use ``Heartbeat`` or ``AsyncHeartbeat``, which fill it.

    Args:
        service: name of the application, as listed in its migrations' configuration.
        level: schema level this code was built at.
        version: for people.
        instance: name of the process for people, a pod's name for example; default: host name and process id.
        on_lost: called with the reason each time the lease ends while the process runs: not ready. It may be granted
            again, when the database answers again or its fence is lowered, so readiness is best read off
            ``lease_valid``.
        on_fenced: called once with the reason when the database refuses the running process: stop taking work.
    """

    def __init__(
        self,
        *,
        service: str,
        level: int,
        version: str,
        instance: str | None = None,
        on_lost: Callable[[str], None] | None = None,
        on_fenced: Callable[[str], None] | None = None,
    ) -> None:
        self._service, self._level, self._version, self._named = service, level, version, instance
        self._on_lost, self._on_fenced = on_lost, on_fenced
        self._ttl_s = _DEFAULT_TTL_S
        self._lock = threading.Lock()
        self._new_boot()

    @property
    def lease_valid(self) -> bool:
        """Whether queries may be sent: the last beat was accepted and is young enough, in this very process."""
        return now() < self._until and not self._refused and self._is_ours()

    @property
    def refused(self) -> str:
        """Why the database refused the running process; empty while it did not."""
        return self._refused

    @property
    def application_name(self) -> str:
        """What the sessions of this process should be called, so that the gate knows them.

        Raises:
            ValueError: the service cannot be part of one.
        """
        return application_name(self._service, level=self._level, version=self._version)

    def check(self) -> None:
        """To be called before a query.

        Raises:
            LeaseLost: it must not be sent.
        """
        if not self.lease_valid:
            raise LeaseLost(f"{self._service} must not use the database: {self._why_not()}")

    def _session_name(self) -> str:
        """The application_name of the heartbeat's own session; empty: the one its owner gave it."""
        try:
            return self.application_name
        except ValueError:
            return ""

    def _why_not(self) -> str:
        if not self._is_ours():
            return "this process was forked and has no heartbeat of its own; start() gives it one"
        if self._refused:
            return self._refused
        if self._stopped:
            return "the heartbeat was stopped"
        if not self._granted:
            return "no beat was accepted yet: start the heartbeat before anything uses the database"
        cause = f"; the last one failed: {self._last_error}" if self._last_error else ""
        return f"its lease ran out {max(now() - self._until, 0):.1f} s ago without a beat{cause}"

    def _is_ours(self) -> bool:
        return os.getpid() == self._owner

    def _new_boot(self) -> None:
        """Be another process for the database; the row of the one before is none of ours."""
        self._owner = os.getpid()
        name = self._named or f"{socket.gethostname()}:{self._owner}"
        self._key = (self._service, name, secrets.token_hex(8))
        self._lock = threading.Lock()
        self._until = float("-inf")
        self._refused = self._last_error = ""
        self._granted = self._stopped = False
        self._told_lost = self._told_fenced = False

    def _take(self, answer: Answer, sent: float) -> None:
        """Note what a beat sent at this moment was answered."""
        with self._lock:
            if self._stopped:
                return
            self._ttl_s, self._last_error = answer.ttl_s, ""
            self._refused = "" if answer.ok else answer.why or "the database gave no reason"
            if answer.ok:
                self._until = sent + answer.ttl_s - min(_LONGEST_MARGIN_S, answer.ttl_s / 3)
                self._granted, self._told_lost = True, False
                return
        self._tell_lost()
        if self._granted and not self._told_fenced:
            # Still running until its owner stops it, so it goes on beating.
            self._told_fenced = True
            _call(self._on_fenced, self._refused)

    def _failed(self, error: BaseException) -> None:
        """Note that a beat was lost; it is made up for while the lease lasts."""
        self._last_error = next(iter(str(error).splitlines()), "") or type(error).__name__
        log.warning("%s: a beat was lost: %s", self._service, self._last_error)

    def _tell_lost(self) -> None:
        """Call ``on_lost`` if the lease has ended and nobody was told."""
        with self._lock:
            if self._told_lost or self._stopped or not self._granted or self.lease_valid:
                return
            self._told_lost = True
        reason = self._why_not()
        log.warning("%s: the lease has ended: %s", self._service, reason)
        _call(self._on_lost, reason)

    def _end(self) -> None:
        """No query from here on."""
        with self._lock:
            self._stopped, self._until = True, float("-inf")

    def _fenced(self) -> Fenced:
        return Fenced(f"{self._service} at level {self._level} must not start: {self._refused}")

    def _period_s(self) -> float:
        return self._ttl_s / 3 * random.uniform(0.9, 1.1)  # noqa: S311 - jitter

    def _retry_s(self) -> float:
        # Several times within the shortest lease.
        return min(_LONGEST_RETRY_S, self._ttl_s / 10) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter


def _call(callback: Callable[[str], None] | None, reason: str) -> None:
    if callback is None:
        return
    try:
        callback(reason)
    except Exception:
        # Beats go on: who cannot be told is still running.
        log.exception("a callback of the heartbeat failed")
