"""PostgreSQL's table-level lock modes and which of them wait for one another.

Source: PostgreSQL 18 documentation, section 13.3.1 "Table-Level Locks", table 13.2; unchanged since 14.
"""

from __future__ import annotations

from enum import IntEnum


class LockMode(IntEnum):
    """A table-level lock mode, ordered by strength; ``NONE`` is a statement that locks no table."""

    NONE = 0
    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @property
    def title(self) -> str:
        """PostgreSQL's own spelling, ``ACCESS EXCLUSIVE``; an empty string for ``NONE``."""
        return _TITLES[self]

    @property
    def blocks_reads(self) -> bool:
        """Whether a plain SELECT waits for a holder of this lock."""
        return conflicts(self, LockMode.ACCESS_SHARE)

    @property
    def blocks_writes(self) -> bool:
        """Whether INSERT, UPDATE and DELETE wait for a holder of this lock."""
        return conflicts(self, LockMode.ROW_EXCLUSIVE)

    @property
    def blocks(self) -> str:
        """Whom a holder makes wait, for people: ``reads and writes``, ``writes``, ``nobody``."""
        return _BLOCKED[self]


_CONFLICTS: dict[LockMode, frozenset[LockMode]] = {
    LockMode.NONE: frozenset(),
    LockMode.ACCESS_SHARE: frozenset({LockMode.ACCESS_EXCLUSIVE}),
    LockMode.ROW_SHARE: frozenset({LockMode.EXCLUSIVE, LockMode.ACCESS_EXCLUSIVE}),
    LockMode.ROW_EXCLUSIVE: frozenset(
        {LockMode.SHARE, LockMode.SHARE_ROW_EXCLUSIVE, LockMode.EXCLUSIVE, LockMode.ACCESS_EXCLUSIVE}
    ),
    LockMode.SHARE_UPDATE_EXCLUSIVE: frozenset(mode for mode in LockMode if mode >= LockMode.SHARE_UPDATE_EXCLUSIVE),
    LockMode.SHARE: frozenset(
        {
            LockMode.ROW_EXCLUSIVE,
            LockMode.SHARE_UPDATE_EXCLUSIVE,
            LockMode.SHARE_ROW_EXCLUSIVE,
            LockMode.EXCLUSIVE,
            LockMode.ACCESS_EXCLUSIVE,
        }
    ),
    LockMode.SHARE_ROW_EXCLUSIVE: frozenset(mode for mode in LockMode if mode >= LockMode.ROW_EXCLUSIVE),
    LockMode.EXCLUSIVE: frozenset(mode for mode in LockMode if mode >= LockMode.ROW_SHARE),
    LockMode.ACCESS_EXCLUSIVE: frozenset(mode for mode in LockMode if mode >= LockMode.ACCESS_SHARE),
}


def conflicts(held: LockMode, wanted: LockMode) -> bool:
    """Whether a session that wants ``wanted`` waits for another that holds ``held``."""
    return wanted in _CONFLICTS[held]


def _blocked(mode: LockMode) -> str:
    if mode.blocks_reads:
        return "reads and writes"
    if mode.blocks_writes:
        return "writes"
    return "other schema changes and vacuum" if mode >= LockMode.SHARE_UPDATE_EXCLUSIVE else "nobody"


_TITLES = tuple("" if mode is LockMode.NONE else mode.name.replace("_", " ") for mode in LockMode)
_BLOCKED = tuple(map(_blocked, LockMode))
