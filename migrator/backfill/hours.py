"""Quiet hours: when a backfill leaves the server alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from migrator.errors import UsageError

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FORM = re.compile(r"(?:(?P<days>\S+) )?(?P<from>\d\d:\d\d)-(?P<to>\d\d:\d\d)")
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A time of the day at which nothing is moved.

    Attributes:
        days: on which it begins, 0 for Monday.
        start: in minutes of the day.
        length: in minutes, 1 to 1440.
    """

    days: frozenset[int]
    start: int
    length: int

    def end(self, now: datetime) -> datetime | None:
        """When the quiet hours that are now end; None: it is not within them."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        for back in (0, 1):
            day = midnight - timedelta(days=back)
            start = day + timedelta(minutes=self.start)
            end = start + timedelta(minutes=self.length)
            if day.weekday() in self.days and start <= now < end:
                return end
        return None


def read(text: str) -> QuietHours:
    """``08:00-20:00``, ``Mon-Fri 08:00-20:00``, ``Sat,Sun 22:00-04:00``; an end before its start is of the next day.

    Raises:
        UsageError: it is not of this form.
    """
    match = _FORM.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        start, stop = (_minutes(match[part]) for part in ("from", "to"))
        days = _days(match["days"]) if match["days"] else frozenset(range(7))
    except ValueError:
        raise UsageError(
            f'"{text}" are no quiet hours', hint='write "08:00-20:00" or "Mon-Fri 08:00-20:00", days in English'
        ) from None
    return QuietHours(days, start, (stop - start) % _DAY_MINUTES or _DAY_MINUTES)


def quiet_until(windows: Sequence[QuietHours], now: datetime) -> datetime | None:
    """When the quiet hours that are now end, the latest of them; None: it is not within any.

    Args:
        windows: the quiet hours.
        now: in the time zone they are meant in.
    """
    return max((end for window in windows if (end := window.end(now)) is not None), default=None)


def _minutes(text: str) -> int:
    hours, minutes = (int(part) for part in text.split(":"))
    if minutes > 59 or hours * 60 + minutes > _DAY_MINUTES:
        raise ValueError(text)
    return (hours * 60 + minutes) % _DAY_MINUTES


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, separator, last = part.partition("-")
        start, stop = _DAYS.index(first), _DAYS.index(last if separator else first)
        days |= {day % 7 for day in range(start, stop + 1 + (7 if stop < start else 0))}
    return frozenset(days)
