from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.backfill.hours import quiet_until, read
from migrator.errors import UsageError

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "until"),
    [
        ("08:00-20:00", "Mon 07:59", None),
        ("08:00-20:00", "Mon 08:00", "Mon 20:00"),
        ("08:00-20:00", "Mon 20:00", None),
        ("22:00-04:00", "Mon 23:00", "Tue 04:00"),
        ("22:00-04:00", "Tue 03:59", "Tue 04:00"),
        ("Mon 22:00-04:00", "Tue 03:59", "Tue 04:00"),
        ("Mon 22:00-04:00", "Mon 03:59", None),
        ("Mon-Fri 08:00-20:00", "Fri 12:00", "Fri 20:00"),
        ("Mon-Fri 08:00-20:00", "Sat 12:00", None),
        ("Fri-Mon 08:00-20:00", "Sun 12:00", "Sun 20:00"),
        ("Sat,Sun 00:00-24:00", "Sun 23:59", "Mon 00:00"),
    ],
)
def test_when_it_is_quiet(text, now, until):
    def moment(written: str) -> datetime:
        day, time = written.split()
        hours, minutes = time.split(":")
        days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun").index(day)
        return MONDAY + timedelta(days=7 + days, hours=int(hours), minutes=int(minutes))

    found = quiet_until([read(text)], moment(now))
    if until is None:
        assert found is None
    else:
        assert found is not None
        assert f"{found:%a %H:%M}" == until


def test_the_latest_end_counts():
    windows = [read("08:00-12:00"), read("10:00-14:00")]
    assert quiet_until(windows, MONDAY + timedelta(hours=11)) == MONDAY + timedelta(hours=14)


@pytest.mark.parametrize("text", ["", "8-20", "08:00", "25:00-26:00", "08:61-09:00", "Foo 08:00-09:00", "24:01-03:00"])
def test_what_are_no_hours_is_refused(text):
    with pytest.raises(UsageError, match="no quiet hours"):
        read(text)


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 7 * 24 * 60))
def test_every_minute_is_quiet_or_not_and_its_end_is_the_one_written(start, stop, minute):
    def time(minutes: int) -> str:
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    now = MONDAY + timedelta(minutes=minute)
    end = quiet_until([read(f"{time(start)}-{time(stop)}")], now)
    length = (stop - start) % 1440 or 1440
    assert (end is not None) == ((now.hour * 60 + now.minute - start) % 1440 < length)
    if end is not None:
        assert (end.hour * 60 + end.minute) == stop
        assert timedelta(0) < end - now <= timedelta(minutes=length)
