"""Reading how large the relations are and how busy: estimates and counters, never a row of data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from migrator.model.stats import Database, RelationStats, Scans, Stats, Writes
from migrator.postgres.queries import load
from migrator.postgres.session import ServerError, Session

_SQL = load("migrator.postgres.queries", "statistics.sql")
_LONGEST_WAIT_MS = 1_000
"""For a table that somebody locks: ``pg_total_relation_size`` opens it."""


def read_stats(session: Session) -> tuple[Stats, bool]:
    """The statistics of every relation, and whether their sizes are exact.

    Where a table stays locked for longer than a second, all sizes are those of the last VACUUM or ANALYZE.

    Args:
        session: outside a transaction block; on a standby the server's counters are left out, for it has others.
    """
    counting = session.one(_SQL["counting"])
    is_exact = True
    try:
        rows = _relations(session, exact=True)
    except ServerError as error:
        if not error.is_lock_refusal:
            raise
        is_exact, rows = False, _relations(session, exact=False)
    since: datetime | None = counting.counted_since
    passed_s = (counting.taken_at - since).total_seconds() if since and not counting.is_standby else 0.0
    return Stats(
        schema_version=1,
        taken_at=_iso(counting.taken_at),
        database=Database(session.server_version_text, session.system_identifier),
        search_path=tuple(counting.search_path),
        relations=tuple(_relation(row, passed_s) for row in rows),
        counted_since=_iso(since) if since and passed_s else "",
    ), is_exact


def _relations(session: Session, *, exact: bool) -> list[Any]:
    with session.transaction(read_only=True, lock_timeout_ms=_LONGEST_WAIT_MS):
        return session.query(_SQL["relations"], {"exact": exact})


def _relation(row: Any, passed_s: float) -> RelationStats:
    counts = passed_s > 0
    return RelationStats(
        schema=row.schema,
        name=row.name,
        kind=row.kind,
        rows=row.rows,
        table_bytes=row.table_bytes,
        index_bytes=row.index_bytes,
        toast_bytes=row.toast_bytes,
        total_bytes=row.table_bytes + row.index_bytes + row.toast_bytes,
        writes_per_s=Writes(
            _rate(row.inserted, passed_s), _rate(row.updated, passed_s), _rate(row.deleted, passed_s)
        ) if counts else None,
        scans_per_s=Scans(_rate(row.sequential, passed_s), _rate(row.index, passed_s)) if counts else None,
    )  # fmt: skip


def _rate(count: float, passed_s: float) -> float:
    return round(count / passed_s, 4)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
