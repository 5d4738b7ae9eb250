"""Numbers from operations: how many failed, how long they took; pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from migrator.demo.records import Operation


@dataclass(frozen=True, slots=True)
class Numbers:
    """What operations came to; latencies are those of all, failed ones included.

    Attributes:
        errors: how often each error was met, by SQLSTATE and message.
        unfilled: reads of version 2 that met a column not filled yet.
    """

    operations: int
    failed: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: dict[str, int]
    unfilled: int

    @classmethod
    def of(cls, operations: Iterable[Operation]) -> Numbers:
        """Count and sort."""
        done = list(operations)
        latencies = sorted(each.ms for each in done)
        errors = Counter(each.error for each in done if each.error is not None)
        return cls(
            operations=len(done),
            failed=sum(errors.values()),
            p50_ms=percentile(latencies, 50),
            p99_ms=percentile(latencies, 99),
            max_ms=latencies[-1] if latencies else 0.0,
            errors=dict(errors.most_common()),
            unfilled=sum(1 for each in done for read in each.reads if read.total is None),
        )


@dataclass(slots=True)
class Phase:
    """A part of the story: from its start to the start of the next one.

    Attributes:
        key: for machines.
        title: for people.
        started: seconds of the monotonic clock.
        ended: likewise; infinite: it goes on.
        running: how many processes of which version answered meanwhile, for people.
        longest_lock_ms: longest time our statements held locks that block others; None: none were taken.
        rows_per_s: of the backfill; None: there was none.
        numbers: what the shop's operations came to.
    """

    key: str
    title: str
    started: float
    ended: float = math.inf
    running: str = ""
    longest_lock_ms: float | None = None
    rows_per_s: float | None = None
    numbers: Numbers = field(default_factory=lambda: Numbers.of(()))

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started

    def measure(self, operations: Sequence[Operation]) -> None:
        """Take in the operations that were started within it."""
        self.numbers = Numbers.of(each for each in operations if self.started <= each.started < self.ended)

    def document(self) -> dict[str, Any]:
        """For the JSON document."""
        numbers = self.numbers
        return {
            "phase": self.key,
            "title": self.title,
            "running": self.running,
            "seconds": round(self.seconds, 3),
            "operations": numbers.operations,
            "failed": numbers.failed,
            "errors": numbers.errors,
            "unfilled_reads": numbers.unfilled,
            "p50_ms": round(numbers.p50_ms, 3),
            "p99_ms": round(numbers.p99_ms, 3),
            "max_ms": round(numbers.max_ms, 3),
            "longest_lock_ms": None if self.longest_lock_ms is None else round(self.longest_lock_ms, 3),
            "rows_per_s": None if self.rows_per_s is None else round(self.rows_per_s),
        }


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of sorted values; 0 when there are none.

    Args:
        values: in ascending order.
        share: above 0, up to 100.
    """
    if not values:
        return 0.0
    return values[max(0, math.ceil(len(values) * share / 100) - 1)]
