"""What the server reports about itself that a bulk job should know: standbys, slots, sessions, WAL, vacuum.

Only queries; what follows from the answers is decided elsewhere. Without ``pg_monitor`` the server hides some of it:
each reading says so by leaving it out.
"""

from __future__ import annotations

from typing import Any

from migrator.postgres.queries import load
from migrator.postgres.session import INSUFFICIENT_PRIVILEGE, ServerError, Session

_SQL = load("migrator.postgres.queries", "pressure.sql")


def clock(session: Session) -> Any:
    """``at_s`` (the server's time, seconds of the epoch) and ``written`` (its WAL position in bytes)."""
    return session.one(_SQL["clock"])


def standbys(session: Session) -> list[Any]:
    """Physical standbys: ``name, hidden, replayed, replay_lag_s``."""
    return session.query(_SQL["standbys"])


def slots(session: Session) -> list[Any]:
    """Replication slots that keep WAL: ``name, wal_status, room, retained, most_kept`` (bytes; None: no limit)."""
    return session.query(_SQL["slots"])


def archiver(session: Session) -> Any:
    """``archives, archived, failed, fails, writing, segment_bytes``."""
    return session.one(_SQL["archiver"])


def sessions(session: Session) -> Any:
    """Sessions of others: ``active, stalled, waiting, blocked_by_us, max_connections``."""
    return session.one(_SQL["sessions"])


def checkpoints(session: Session) -> Any:
    """``requested`` since the statistics began, and ``max_wal_bytes``."""
    return session.one(_SQL["checkpoints" if session.server_version >= 17 else "checkpoints_before_17"])


def horizon(session: Session) -> Any | None:
    """Who holds the oldest snapshot: ``who, age_s, xids``; None: nobody."""
    return session.maybe(_SQL["horizon"])


def wraparound(session: Session) -> Any:
    """``age`` of the database in transactions, and ``vacuumed``, tables under a vacuum to prevent wraparound."""
    return session.one(_SQL["wraparound"])


def wal_directory_bytes(session: Session) -> int | None:
    """Size of ``pg_wal``; None: this role may not look."""
    try:
        size: int = session.one(_SQL["wal_directory"]).size
    except ServerError as error:
        if error.sqlstate != INSUFFICIENT_PRIVILEGE:
            raise
        return None
    return size
