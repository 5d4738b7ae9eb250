"""What happens, for people, on stderr: a bar on a terminal, a line at least every ten seconds elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from migrator.model.events import BackfillProgress, Event, Note, PhaseDone, StepDone, StepRetried, StepStarted
from migrator.reporting import backfill_text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY_S = 10.0


class TextListener:
    """Writes events as they come.

    Args:
        stream: where to; default: stderr.
        verbose: whether statements are shown before they run.
        clock: seconds that only grow.
    """

    def __init__(
        self, stream: TextIO | None = None, *, verbose: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream or sys.stderr
        self._verbose = verbose
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._clock = clock
        self._last_line_at = -math.inf
        self._ended: set[tuple[str, str]] = set()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, BackfillProgress):
            self._progress(event)
            return
        if isinstance(event, StepStarted):
            if self._verbose:
                self._write(f"{event.phase} {event.number}/{event.total} {event.step}\n{event.sql};")
            return
        self._write(_line(event))

    def close(self) -> None:
        """End the bar, if one is drawn."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None

    def _write(self, text: str) -> None:
        self.close()
        print(text, file=self._stream, flush=True)

    def _progress(self, event: BackfillProgress) -> None:
        if (event.migration, event.step) in self._ended:
            return
        if event.state == "done":
            self._ended.add((event.migration, event.step))
        if not self._stream.isatty():
            now = self._clock()
            if event.state == "done" or now - self._last_line_at >= _LINE_EVERY_S:
                self._last_line_at = now
                print(progress_line(event), file=self._stream, flush=True)
            return
        if self._bar is None:
            self._bar, self._task = _bar(self._stream)
        if self._task is not None:
            self._bar.update(
                self._task,
                total=max(event.blocks_total, 1),
                completed=event.blocks_done,
                description=f"{event.step} {event.state}",
                detail=_detail(event),
            )
        if event.state == "done":
            self.close()


def progress_line(event: BackfillProgress) -> str:
    """One line about a backfill."""
    if event.blocks_total:
        share = f"{100 * event.blocks_done / event.blocks_total:.0f} %, "
    else:  # an empty table, or one whose blocks are not counted yet
        share = "100 %, " if event.state == "done" else ""
    return f"backfill {event.step} {event.state}: {share}{_detail(event)}"


def _detail(event: BackfillProgress) -> str:
    return "; ".join(part for part in (backfill_text.speed(event), backfill_text.cost(event), event.reason) if part)


def _line(event: Note | StepDone | StepRetried | PhaseDone) -> str:
    if isinstance(event, Note):
        return f"note: {event.text}"
    if isinstance(event, StepRetried):
        blocked = f", held by {event.blocked_by}" if event.blocked_by else ""
        return (
            f"{event.phase} {event.step}: lock refused ({event.reason}{blocked}), "
            f"attempt {event.attempt + 1} in {event.wait_s:.1f} s"
        )
    if isinstance(event, StepDone):
        if event.skipped:
            return f"{event.phase} {event.number}/{event.total} {event.step}: done by an earlier run"
        again = f", attempt {event.attempts}" if event.attempts > 1 else ""
        return f"{event.phase} {event.number}/{event.total} {event.step}: {event.held_ms:.0f} ms{again}"
    return f"{event.migration}: {event.phase} {'was done already' if event.already else 'done'}"


def _bar(stream: TextIO) -> tuple[Progress, TaskID]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[detail]}"),
        console=Console(file=stream),
        transient=False,
    )
    bar.start()
    return bar, bar.add_task("", total=1, detail="")
