"""Whether every write is in the database, and every read was right: compared by revision; pure.

Every write of an order adds one to its revision under the row's lock, so the writes of all processes of both versions
have one order per row, and both columns must show the total that the latest of them wrote.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from migrator.demo.records import Operation, Seen

_EXAMPLES = 5


@dataclass(slots=True)
class Findings:
    """What was compared and what was wrong.

    Attributes:
        writes: how many writes of how many orders were compared.
        orders: likewise.
        reads: how many reads were compared.
        lost: writes that are not in the database as they should be, a few as text.
        lost_count: how many.
        wrong: reads of something nobody wrote, a few as text.
        wrong_count: how many.
    """

    writes: int = 0
    orders: int = 0
    reads: int = 0
    lost: list[str] = field(default_factory=list)
    lost_count: int = 0
    wrong: list[str] = field(default_factory=list)
    wrong_count: int = 0

    def add_lost(self, text: str) -> None:
        """Note a lost write."""
        self.lost_count += 1
        if len(self.lost) < _EXAMPLES:
            self.lost.append(text)

    def add_wrong(self, text: str) -> None:
        """Note a wrong read."""
        self.wrong_count += 1
        if len(self.wrong) < _EXAMPLES:
            self.wrong.append(text)


@dataclass(frozen=True, slots=True)
class Moments:
    """When version 2 had to find the column filled; seconds of the monotonic clock, infinite: not yet.

    Attributes:
        expanded: rows written from here on are filled at once.
        backfilled: every row is.
    """

    expanded: float
    backfilled: float


@dataclass(frozen=True, slots=True)
class _Write:
    total: int | None
    started: float
    by: str


class History:
    """Every write of every process, by order and revision.

    Args:
        seeded: how many orders there were before the first process started, ids from 1, revision 0.
        operations: of all processes.
    """

    def __init__(self, seeded: int, operations: Iterable[Operation]) -> None:
        self._seeded = seeded
        self._operations = list(operations)
        self._writes: dict[int, dict[int, _Write]] = {}
        self._compared: set[int] = set()
        self.findings = Findings()
        for operation in self._operations:
            for seen in operation.writes:
                self._add(seen, operation)

    def _add(self, seen: Seen, operation: Operation) -> None:
        self.findings.writes += 1
        revisions = self._writes.setdefault(seen.order, {})
        if seen.revision in revisions:
            other = revisions[seen.revision].by
            self.findings.add_lost(f"order {seen.order}: {other} and {operation.worker} both wrote {_revision(seen)}")
        if seen.total is None:
            self.findings.add_lost(f"order {seen.order}: {operation.worker} wrote {_revision(seen)}, it came out NULL")
        revisions[seen.revision] = _Write(seen.total, operation.started, operation.worker)

    def compare_rows(self, rows: Iterable[Seen]) -> None:
        """Compare orders as they are in the database with the latest write of each.

        Call it for all orders, in any number of parts, then ``compare_missing``.
        """
        for row in rows:
            self.findings.orders += 1
            self._compared.add(row.order)
            revisions = self._writes.get(row.order, {})
            latest = max(revisions, default=0)
            expected = revisions[latest].total if revisions.get(latest) else self._original(row.order)
            if row.revision != latest:
                self.findings.add_lost(
                    f"order {row.order}: revision {latest} was written, the database has {row.revision}"
                )
            elif row.total != expected:
                self.findings.add_lost(
                    f"order {row.order}: total {expected} was written, the database has {row.total} ({_revision(row)})"
                )

    def compare_missing(self) -> None:
        """Whatever was written and is in no row that was compared."""
        for order in sorted(self._writes.keys() - self._compared):
            self.findings.add_lost(f"order {order} was written and is not in the database")

    def compare_reads(self, moments: Moments) -> None:
        """Compare every read with the write of the revision it saw."""
        for operation in self._operations:
            for seen in operation.reads:
                self.findings.reads += 1
                write = self._writes.get(seen.order, {}).get(seen.revision)
                expected = write.total if write else self._original(seen.order) if seen.revision == 0 else None
                if seen.total is None and self._may_be_unfilled(operation, write, moments):
                    continue
                if seen.total is None or seen.total != expected:
                    self.findings.add_wrong(
                        f"order {seen.order}: {operation.worker} read {seen.total} in {_revision(seen)},"
                        f" {'nobody wrote that' if expected is None else f'written was {expected}'}"
                    )

    def _original(self, order: int) -> int | None:
        return seeded_total(order) if order <= self._seeded else None

    def _may_be_unfilled(self, operation: Operation, write: _Write | None, moments: Moments) -> bool:
        """Whether version 2 may have found nothing: the row was last written before expand, and not backfilled yet."""
        early = write is None or write.started < moments.expanded
        return operation.version == 2 and operation.started < moments.backfilled and early


def seeded_total(order: int) -> int:
    """The total of an order that was there from the beginning, as ``queries/shop_schema.sql`` makes it."""
    return order * 7919 % 100_000


def _revision(seen: Seen) -> str:
    return f"revision {seen.revision}"
