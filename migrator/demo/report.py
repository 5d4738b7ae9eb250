"""The end of the story: one table of all parts, the promises, what to do next; or one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.demo.look import Filled
from migrator.demo.measure import Phase
from migrator.demo.promises import Promise, broken
from migrator.demo.screen import Screen
from migrator.demo.story import Naive
from migrator.errors import Refused

_HEAD = ("(times in ms)", "code", "ops", "failed", "p50", "p99", "max", "lock", "rows/s")
_MARKS = {True: "kept", False: "BROKEN", None: "-"}


@dataclass(frozen=True, slots=True)
class Report:
    """Everything measured.

    Attributes:
        server_version: as the server says it.
        rows: orders at the beginning.
        workers: processes of each version.
        seed: of the shop's random choices.
        seconds: how long the whole story took.
        folder: what was left to look at.
    """

    server_version: str
    rows: int
    workers: int
    seed: int
    seconds: float
    folder: Path
    phases: Sequence[Phase]
    naive: Naive | None
    filled: Filled | None
    promises: Sequence[Promise]

    @property
    def kept(self) -> bool:
        """Whether no promise was broken."""
        return not broken(self.promises)

    @property
    def exit_code(self) -> int:
        """0, or that of a failed check."""
        return 0 if self.kept else Refused.exit_code

    def document(self) -> dict[str, Any]:
        """As JSON."""
        naive, filled = self.naive, self.filled
        return {
            "kept": self.kept,
            "server_version": self.server_version,
            "rows": self.rows,
            "workers": self.workers,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "folder": str(self.folder),
            "phases": [phase.document() for phase in self.phases],
            "naive": naive
            and {
                "operations": naive.numbers.operations,
                "failed": naive.numbers.failed,
                "errors": naive.numbers.errors,
                "seconds": round(naive.seconds, 3),
            },
            "backfill": filled
            and {"rows": filled.rows, "seconds": round(filled.seconds, 3), "rows_per_s": round(filled.rows_per_s)},
            "promises": [
                {"promise": each.key, "text": each.text, "kept": each.kept, "evidence": each.evidence}
                for each in self.promises
            ],
        }

    def show(self, screen: Screen) -> None:
        """As text."""
        screen.heading("The whole story in numbers")
        rows = [_row(phase) for phase in self.phases]
        bad = [number for number, phase in enumerate(self.phases) if phase.numbers.failed]
        if self.naive:
            numbers = self.naive.numbers
            cells = (numbers.p50_ms, numbers.p99_ms, numbers.max_ms)
            rows.append(
                ("copy after ALTER", "v1", f"{numbers.operations:,}", f"{numbers.failed:,}",
                 *(f"{cell:.1f}" for cell in cells), "-", "-")
            )  # fmt: skip
            bad.append(len(rows) - 1)
        screen.table(_HEAD, rows, bad=bad)
        screen.heading("What was promised")
        for promise in self.promises:
            screen.verdict(_MARKS[promise.kept], promise.text, promise.evidence, good=promise.kept)
        screen.heading("What you saw")
        screen.say(self._summary())
        screen.blank()
        screen.say(f"The files it used: {self.folder}")
        screen.say('Next, in your own project: "migrator init", then "migrator new"; "migrator --help" shows the rest.')

    def _summary(self) -> str:
        operations = sum(phase.numbers.operations for phase in self.phases)
        failed = sum(phase.numbers.failed for phase in self.phases)
        if not self.kept:
            failures = {promise.key: promise for promise in broken(self.promises)}
            stopped = failures.pop("to-the-end", None)
            if stopped is not None and not failures:
                return f"The story stopped before its end: {stopped.evidence}. Please report it with the output above."
            texts = "; ".join(promise.text for promise in failures.values())
            return f"A promise was broken, which must not happen: {texts}. Please report it with the output above."
        longest = max((phase.longest_lock_ms or 0.0 for phase in self.phases), default=0.0)
        naive = f" The same rename as one ALTER TABLE broke {self.naive.numbers.failed:,} queries" if self.naive else ""
        within = f" in {self.naive.seconds:.1f} s on a copy." if self.naive else ""
        return (
            f"A column of a table with {self.rows:,} rows was renamed while two versions of an application read and"
            f" wrote it: {operations:,} operations, {failed} failed, and every write is in the database. No lock was"
            f" held longer than {longest:.0f} ms. The old name was removed only when its last user had left, and an"
            f" attempt before that changed nothing.{naive}{within}"
        )


def _row(phase: Phase) -> tuple[str, ...]:
    numbers = phase.numbers
    lock = "-" if phase.longest_lock_ms is None else f"{phase.longest_lock_ms:.1f}"
    rate = "-" if phase.rows_per_s is None else f"{phase.rows_per_s:,.0f}"
    return (
        phase.title,
        phase.running,
        f"{numbers.operations:,}",
        f"{numbers.failed:,}",
        f"{numbers.p50_ms:.1f}",
        f"{numbers.p99_ms:.1f}",
        f"{numbers.max_ms:.1f}",
        lock,
        rate,
    )
