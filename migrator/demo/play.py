"""One demonstration from beginning to end: set up, play, judge, report, clean up."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from migrator.demo.promises import judge
from migrator.demo.report import Report
from migrator.demo.screen import Screen
from migrator.demo.stage import staged
from migrator.demo.story import QUICK, Pace, Story
from migrator.errors import Interrupted


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may choose.

    Attributes:
        rows: orders at the beginning.
        workers: processes of each version of the shop.
        seed: of the shop's random choices.
        folder: for the files left behind, empty or not there yet; None: a fresh one.
        quick: for tests: every part as short as it can be.
    """

    rows: int
    workers: int
    seed: int
    folder: Path | None
    quick: bool


def play(options: Options, screen: Screen, story_class: type[Story] = Story) -> Report:
    """Play it; no process and no server runs afterwards, whatever happens.

    Raises:
        UsageError: there is no PostgreSQL to start, or the folder cannot be used.
        Interrupted: Ctrl-C or SIGTERM.
    """
    started = time.monotonic()
    pace = QUICK if options.quick else Pace()
    with _interruptible(), staged(options.rows, pace.soak, options.folder) as scene:
        screen.say(
            f"Started PostgreSQL {scene.server.version} on data of its own, without fsync, in"
            f" {time.monotonic() - started:.1f} s; nothing else on this machine is touched. Table orders has"
            f" {scene.rows:,} rows. The task: rename orders.total to orders.total_cents while version 1 and version 2"
            " of an application both run."
        )
        screen.say(
            f"The project is {scene.folder}; its migrator.toml lists the service and shortens the soak to {pace.soak}"
            " (default: 15min). DATABASE_URL names the database."
        )
        story = story_class(scene, screen, pace, options.workers, options.seed)
        facts = story.play()
        return Report(
            server_version=scene.server.version,
            rows=scene.rows,
            workers=options.workers,
            seed=options.seed,
            seconds=time.monotonic() - started,
            folder=scene.folder,
            phases=story.phases,
            naive=story.naive,
            filled=story.filled,
            promises=judge(facts),
        )


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does: everything that was started is stopped."""

    def stop(signum: int, frame: FrameType | None) -> None:
        del signum, frame
        raise KeyboardInterrupt

    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, stop) if in_main_thread else None
    try:
        yield
    except KeyboardInterrupt:
        hint = "everything it started is stopped; the next run starts afresh"
        raise Interrupted("interrupted", hint=hint) from None
    finally:
        if in_main_thread:
            signal.signal(signal.SIGTERM, before)
