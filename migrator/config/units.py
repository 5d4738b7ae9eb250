"""Durations, sizes and hours as they are written in the configuration."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from migrator.errors import UsageError

Duration = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]+(ms|s|min|h|d)$", description="integer with ms, s, min, h or d")
]
Size = Annotated[
    str, msgspec.Meta(pattern=r"^([0-9]+(kB|MB|GB|TB)|off)$", description="integer with kB, MB, GB or TB, or off")
]
_DAY = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
Hours = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^({_DAY}([-,]{_DAY})* )?{_TIME}-({_TIME}|24:00)$",
        description="HH:MM-HH:MM, in front of it days or ranges of them, as in Mon-Fri 08:00-20:00",
    ),
]
_UNIT_BYTES = {"kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_UNIT_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(duration: str) -> int:
    """A duration such as ``500ms`` or ``15min`` in milliseconds.

    Raises:
        UsageError: it is not an integer with one of the units.
    """
    match = re.fullmatch(r"([0-9]+)(ms|s|min|h|d)", duration)
    if match is None:
        raise UsageError(
            f'"{duration}" is not a duration', hint="write an integer with ms, s, min, h or d, as in 15min"
        )
    return int(match[1]) * _UNIT_MS[match[2]]


def seconds(duration: str) -> float:
    """A duration in seconds; see ``milliseconds``."""
    return milliseconds(duration) / 1000


def size_bytes(size: str) -> int | None:
    """A size such as ``256MB`` in bytes, with PostgreSQL's units; None for ``off``.

    Raises:
        UsageError: it is neither.
    """
    match = re.fullmatch(r"([0-9]+)(kB|MB|GB|TB)", size)
    if match is None and size != "off":
        raise UsageError(f'"{size}" is not a size', hint="write an integer with kB, MB, GB or TB, as in 256MB, or off")
    return int(match[1]) * _UNIT_BYTES[match[2]] if match else None
