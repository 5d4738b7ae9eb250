"""A worker: runs batches on a connection of its own until it is told to stop."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from dataclasses import dataclass, field

from migrator.backfill import checkpoint
from migrator.backfill.batch import Batcher, Outcome, Result
from migrator.backfill.checkpoint import JobKey
from migrator.backfill.connection import MOST_LOSSES
from migrator.backfill.sizing import Limits
from migrator.backfill.statements import BackfillStatement
from migrator.backfill.target import Target
from migrator.postgres.connect import Database
from migrator.postgres.queries import load
from migrator.postgres.session import ConnectionLost, ServerError, Session

_SQL = load("migrator.backfill.queries", "worker.sql")
_IDLE_S = 0.05
_LONGEST_REST_S = 5.0


@dataclass(frozen=True, slots=True)
class Work:
    """A job as all its workers in this process see it.

    Attributes:
        parts: how many segments a leaf is cut into.
        deadlock_timeout_ms: of the server; the times of a batch follow from it.
    """

    database: Database
    key: JobKey
    statement: BackfillStatement
    target: Target
    parts: int
    deadlock_timeout_ms: int


@dataclass(slots=True)
class Pace:
    """How our workers work; changed by the director while they do.

    Attributes:
        workers: those with a number from this on end.
        limits: times of a batch.
        max_rejected: rows that may be set aside.
        share: of its time that each may spend in batches.
    """

    workers: int
    limits: Limits
    max_rejected: int
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Switchboard:
    """What workers and the one who directs them tell each other.

    Attributes:
        stop: end after the current batch.
        go: cleared: pause before the next batch.
        idle: a worker found nothing to claim; cleared by the director.
        pace: how to work.
        notes: what people should know.
    """

    pace: Pace
    stop: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    idle: threading.Event = field(default_factory=threading.Event)
    notes: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)


def run(work: Work, switchboard: Switchboard, name: str, number: int) -> None:
    """Run batches until told to stop, or until there are to be fewer workers.

    A lost connection is replaced; whatever the batch had done was rolled back by the server.

    Raises:
        StatementFailed: a batch cannot succeed.
        DatabaseUnavailable: the server does not come back, or connections break again and again.
    """

    def wanted() -> bool:
        return not switchboard.stop.is_set() and number < switchboard.pace.workers

    losses = 0
    while wanted():
        try:
            with work.database.connect("backfill") as session:
                prepare(session)
                batcher = Batcher(session, work.key, work.statement, switchboard.pace.limits, name)
                while wanted():
                    if switchboard.go.wait(timeout=0.1) and _one(session, batcher, work, switchboard):
                        losses = 0
        except ConnectionLost:
            losses += 1
            if losses > MOST_LOSSES:
                raise
            switchboard.stop.wait(0.1 * losses)


def prepare(session: Session) -> None:
    """Set what a worker's session has for itself, where the server, its operating system and the role allow it.

    What runs on the server for a client that is gone only holds locks. And much of a backfill's WAL are images of pages
    that are changed for the first time after a checkpoint: with lz4 there were 156 MB of WAL instead of 195 MB, in the
    same CPU time (PostgreSQL 15, 400,000 rows); pglz takes 30 % more of it.
    """
    with contextlib.suppress(ServerError):
        session.set("client_connection_check_interval", "1s")
    if session.server_version >= 15:
        session.query(_SQL["compress_wal"])


def _one(session: Session, batcher: Batcher, work: Work, switchboard: Switchboard) -> bool:
    """Attempt one batch; whether it was committed."""
    pace, started = switchboard.pace, time.monotonic()
    batcher.aim(pace.limits, pace.max_rejected)
    outcome = batcher.run()
    match outcome.result:
        case Result.DONE:
            if pace.share < 1:
                took_s = time.monotonic() - started
                switchboard.stop.wait(min(_LONGEST_REST_S, took_s * (1 / pace.share - 1)))
            return True
        case Result.IDLE:
            switchboard.idle.set()
            switchboard.stop.wait(_IDLE_S)
        case Result.REFUSED:
            switchboard.stop.wait(outcome.pause_s)
        case Result.REWRITTEN:
            _replan(session, outcome, work, switchboard)
    return False


def _replan(session: Session, outcome: Outcome, work: Work, switchboard: Switchboard) -> None:
    try:
        if checkpoint.replan_leaf(session, work.key, work.target, outcome.leaf, work.parts):
            switchboard.notes.put(f"{outcome.leaf} was rewritten or replaced meanwhile: its sweep starts again")
    except ServerError as error:
        if not error.is_lock_refusal:
            raise
        switchboard.stop.wait(_IDLE_S)
