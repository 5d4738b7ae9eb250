"""The figures of a backfill for people, the same in progress lines and in ``status``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrator.backfill.progress import BackfillStatus
    from migrator.model.events import BackfillProgress

    Figures = BackfillProgress | BackfillStatus

_MB = 1 << 20


def speed(figures: Figures) -> str:
    """How far and how fast: ``1,200 rows, 480 rows/s (overall 430), 2 min 5 s left, 1 set aside so far``."""
    return ", ".join(_speed(figures))


def cost(figures: Figures) -> str:
    """What it took: ``12 MB of WAL, table +3 MB, 71 % HOT, throttled for 12 s``; empty: nothing yet."""
    parts = []
    if figures.wal_bytes >= _MB:
        parts.append(f"{figures.wal_bytes // _MB:,} MB of WAL")
    if figures.growth_bytes is not None and abs(figures.growth_bytes) >= _MB:
        parts.append(f"table {figures.growth_bytes / _MB:+,.0f} MB")
    if figures.hot_share is not None:
        parts.append(f"{100 * figures.hot_share:.0f} % HOT")
    if figures.throttled_s >= 1:
        parts.append(f"throttled for {duration(figures.throttled_s)}")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """``45 s``, ``2 min 5 s``, ``3 h 20 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _speed(figures: Figures) -> Iterator[str]:
    yield f"{figures.rows_done:,} row{'s' if figures.rows_done != 1 else ''}"
    overall = f"{figures.rows_per_s_overall:,.0f}" if figures.rows_per_s_overall else ""
    if round(figures.rows_per_s) or (overall and figures.state != "done"):
        yield f"{figures.rows_per_s:,.0f} rows/s" + (f" (overall {overall})" if overall else "")
    elif overall:
        yield f"{overall} rows/s"
    if figures.eta_s is not None and figures.state in ("running", "throttled"):
        yield f"{duration(figures.eta_s)} left"
    if figures.workers > 1:
        yield f"{figures.workers} workers"
    if figures.rejected:
        # Until the end a row may still be put right, by its application or by the statement that changes it.
        yield f"{figures.rejected:,} {'rejected' if figures.state == 'done' else 'set aside so far'}"
