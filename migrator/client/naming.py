"""``application_name`` as the gate reads it: whose session this is, and which level its code has."""

from __future__ import annotations

_LONGEST = 63  # bytes the server keeps


def application_name(service: str, *, level: int, version: str) -> str:
    """``service/version/level`` as the gate reads it, at most 62 bytes; a long version is cut, the level never.

    Raises:
        ValueError: the service holds a slash or what is no printable ASCII, which the server replaces, or is too long;
            or the level is negative.
    """
    if level < 0:
        raise ValueError(f"level {level} is negative")
    head, tail = f"{service}/", f"/{level}"
    # One byte less than the server keeps: a name that fills it looks as if its level had been cut.
    room = _LONGEST - 1 - len(head) - len(tail)
    if not service or "/" in service or not (service.isascii() and service.isprintable()) or room < 0:
        raise ValueError(f"{service!r} cannot be part of an application_name")
    printable = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in version)
    return head + printable[:room] + tail
