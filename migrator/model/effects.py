"""What one statement does to those who use the database meanwhile."""

from __future__ import annotations

from msgspec import Struct

from migrator.model.locks import LockMode


class TableLock(Struct, frozen=True, gc=False):
    """A table-level lock a statement takes.

    Attributes:
        mode: the strongest mode taken on ``relation``.
        relation: schema-qualified and quoted where needed, as written in SQL.
    """

    mode: LockMode
    relation: str


class Effects(Struct, frozen=True, gc=False):
    """What one statement does to those who use the database meanwhile.

    Attributes:
        locks: table-level locks, strongest first. Empty: none on an existing table.
        rewrites_table: whether every row is written anew while the lock is held.
        scans_table: whether every row is read while the lock is held.
        transactional: whether it may run in a transaction block.
    """

    locks: tuple[TableLock, ...] = ()
    rewrites_table: bool = False
    scans_table: bool = False
    transactional: bool = True

    @property
    def brief(self) -> bool:
        """Whether the time the lock is held does not depend on the size of the table."""
        return not (self.rewrites_table or self.scans_table)

    @property
    def strongest(self) -> LockMode:
        """The strongest lock mode on any table."""
        return max((lock.mode for lock in self.locks), default=LockMode.NONE)

    @property
    def relation(self) -> str | None:
        """The table that is locked most strongly, or None."""
        return max(self.locks, key=lambda lock: lock.mode).relation if self.locks else None
