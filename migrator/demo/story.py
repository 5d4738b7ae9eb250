"""The order of events: author, expand, deploy, backfill, a contract that is refused, one that passes.

Every command is run by a process of its own, as a user would run it; the shop answers requests from the first to the
last moment. A part that does not go as it should ends the story, and what was measured until then is reported.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from migrator.config import milliseconds
from migrator.demo import look, stage
from migrator.demo.commands import Finished, Running, neutral_environment
from migrator.demo.crew import Crew, Worker, WorkerFailed
from migrator.demo.history import Findings, History, Moments
from migrator.demo.measure import Numbers, Phase
from migrator.demo.promises import Facts
from migrator.demo.screen import Screen
from migrator.demo.stage import CUSTOMERS, NAIVE_SQL, Stage
from migrator.errors import Fenced, GateBlocked, Refused
from migrator.postgres.connect import Database

_RESTART_OPERATIONS = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the parts take that only wait for the shop to do something; seconds.

    Attributes:
        alone: version 1 alone.
        copy_before: version 1 on the copy before the ALTER.
        copy_after: and after it.
        together: both versions, between deploy and backfill.
        refused: how long the contract that is refused waits.
        after: version 2 alone.
        soak: of the gate, a duration.
    """

    alone: float = 8
    copy_before: float = 1.5
    copy_after: float = 4
    together: float = 6
    refused: int = 6
    after: float = 6
    soak: str = "4s"


QUICK = Pace(alone=0.6, copy_before=0.3, copy_after=0.8, together=0.6, refused=2, after=0.6, soak="1s")


@dataclass(frozen=True, slots=True)
class Naive:
    """What the plain ALTER TABLE broke on the copy.

    Attributes:
        numbers: of version 1 from the ALTER on.
        seconds: how long it was looked at.
    """

    numbers: Numbers
    seconds: float


class Stopped(Exception):
    """The story cannot go on; the argument says why."""


class Story:
    """Plays once.

    Args:
        scene: what it is played on.
        screen: where it is told.
        pace: how long it takes.
        workers: processes of each version.
        seed: of the shop's random choices.

    Attributes:
        phases: the parts played so far.
        naive: what the plain ALTER broke; None: not measured.
        filled: what the backfill did; None: it did not run.
    """

    def __init__(self, scene: Stage, screen: Screen, pace: Pace, workers: int, seed: int) -> None:
        self._stage, self._screen, self._pace, self._count = scene, screen, pace, workers
        self._crew = Crew(scene.scratch, scene.shop_url(), scene.rows, CUSTOMERS, seed)
        self._copy_crew = Crew(scene.scratch, scene.shop_url(stage.COPY), scene.rows, CUSTOMERS, seed, prefix="copy")
        self._environment = neutral_environment(scene.tool_url)
        self._expanded = self._backfilled = math.inf
        self._refused_exit: int | None = None
        self._restarted: bool | None = None
        self._fences = 0
        self.phases: list[Phase] = []
        self.naive: Naive | None = None
        self.filled: look.Filled | None = None

    def play(self) -> Facts:
        """From the first process to the last; nothing it started runs afterwards."""
        stopped_at = ""
        with self._copy_crew, self._crew:
            try:
                for part in (
                    self.alone, self.author, self.naive_on_a_copy, self.expand, self.deploy, self.backfill,
                    self.refused_contract, self.contract, self.after,
                ):  # fmt: skip
                    part()
                    self._require_no_failure()
            except (Stopped, WorkerFailed) as reason:
                stopped_at = str(reason)
                self._screen.figures(stopped_at, good=False)
            died = self._crew.died()
        self._end_phase(time.monotonic())
        # Operations that were under way when a part ended were recorded after it.
        operations = self._crew.operations()
        for phase in self.phases:
            phase.measure(operations)
        return self._facts(stopped_at, died)

    def alone(self) -> None:
        """Version 1 as it runs every day."""
        self._begin("before", "version 1 alone")
        self._screen.heading("1  Version 1 of the shop is running")
        self._screen.say(
            f"{self._count} processes place orders, change totals, move amounts between orders in transactions, upsert"
            " carts, read by key and sum up customers. Nothing is tried twice: every error counts."
        )
        self._crew.start(1, self._count)
        time.sleep(self._pace.alone)

    def author(self) -> None:
        """Write the migration, and see what lint says about the plain statement."""
        self._begin("author", "new, lint")
        self._screen.heading("2  Author the change")
        self._run("new", "rename orders.total", "--sql", NAIVE_SQL)
        self._screen.say("Lint on what was written, and on the statement as it would usually be shipped:")
        self._run("lint", "migrations")
        self._run("lint", "naive.sql", expected=Refused.exit_code)

    def naive_on_a_copy(self) -> None:
        """What the plain statement breaks."""
        self._begin("copy", "copy measured")
        self._screen.heading("3  What that statement would have broken, measured on a copy of the database")
        workers = self._copy_crew.start(1, self._count)
        time.sleep(self._pace.copy_before)
        with Database(self._stage.server.url(stage.COPY)).connect("naive") as session:
            session.execute(NAIVE_SQL)
        altered = time.monotonic()
        time.sleep(self._pace.copy_after)
        seconds = time.monotonic() - altered
        self._copy_crew.stop(workers)
        numbers = Numbers.of(each for each in self._copy_crew.operations() if each.started >= altered)
        self.naive = Naive(numbers, seconds)
        stage.remove_copy(self._stage)
        examples = ", ".join(f"{count:,} x {error}" for error, count in list(numbers.errors.items())[:2])
        self._screen.figures(
            f"in the {seconds:.1f} s after the ALTER, {numbers.failed:,} of {numbers.operations:,} operations of"
            f" version 1 failed: {examples}",
            good=False,
        )
        if not numbers.failed:
            raise Stopped("the plain ALTER broke nothing on the copy: this measures nothing")

    def expand(self) -> None:
        """Add the new shape."""
        self._begin("expand", "expand")
        self._screen.heading("4  Expand: add the new column beside the old one, and keep both equal")
        self._run("expand")
        self._expanded = time.monotonic()

    def deploy(self) -> None:
        """Start version 2 next to version 1."""
        self._begin("deploy", "version 2 starts")
        self._screen.heading("5  Deploy version 2 next to version 1")
        self._screen.say(
            f"{self._count} processes that know only orders.total_cents join. Until the backfill has been there, orders"
            " that nobody has written since are NULL for them, and they are written to expect that."
        )
        self._crew.start(2, self._count)
        time.sleep(self._pace.together)

    def backfill(self) -> None:
        """Fill the rows from before."""
        self._begin("backfill", "backfill")
        self._screen.heading("6  Backfill: fill the rows that were there before")
        self._run("backfill", "--workers", "2")
        self._backfilled = time.monotonic()
        with self._stage.database.connect("demo") as session:
            self.filled = look.filled(session, self._stage.project.settings.project)
        self.phases[-1].rows_per_s = self.filled.rows_per_s

    def refused_contract(self) -> None:
        """The point of it all: old code still runs, so nothing is removed, and old code may go on as before."""
        self._begin("refused", "contract refused")
        self._screen.heading("7  Contract, too early: one process of version 1 still runs")
        self._crew.stop(self._crew.running(1)[1:])
        fences = self._count_fences()
        with ExitStack() as stack:
            command = self._launch("contract", "--yes", "--wait", f"{self._pace.refused}s")
            stack.callback(command.stop)
            [restarted] = self._crew.start(1, 1)
            self._restarted = restarted.wait_until_working(_RESTART_OPERATIONS)
            when = "right after it" if command.ended else "while it waited"
            done = len(restarted.operations())
            self._crew.stop([restarted])
            finished = command.wait()
        self._refused_exit = finished.code
        self._fences = self._count_fences() - fences
        self._show(finished, GateBlocked.exit_code)
        self._screen.say(
            f"Nothing was fenced or changed: {when}, {restarted.name} was started as version 1, answered {done}"
            " requests and stopped again. That is what a crashed pod or a scale-up does in the middle of a deploy."
        )

    def contract(self) -> None:
        """The last old process ends, and the old shape goes."""
        self._begin("contract", "contract")
        self._screen.heading("8  Version 1 has left: contract")
        self._crew.stop(self._crew.running(1))
        self._run("contract", "--yes", "--wait", "1min")

    def after(self) -> None:
        """Version 2 goes on; version 1 is told not to start."""
        self._begin("after", "version 2 alone")
        self._screen.heading("9  Version 2 goes on alone")
        old = self._crew.launch(1)
        if old.wait_until_working() or old.exit_code != Fenced.exit_code:
            raise Stopped(f"version 1 could start after the contract, exit code {old.exit_code}: {old.said}")
        old.ask_to_stop()
        self._screen.say(f"A process of version 1 that starts now is stopped before its first query: {_reason(old)}.")
        self._run("status")
        time.sleep(self._pace.after)

    def _begin(self, key: str, title: str) -> None:
        """The part before ends here."""
        now = time.monotonic()
        self._end_phase(now)
        self.phases.append(Phase(key, title, now))

    def _end_phase(self, now: float) -> None:
        if not self.phases:
            return
        phase = self.phases[-1]
        phase.ended = now
        operations = self._crew.operations()
        phase.measure(operations)
        versions = sorted({each.version for each in operations if phase.started <= each.started < phase.ended})
        phase.running = "+".join(f"v{version}" for version in versions)
        phase.longest_lock_ms = self._longest_locks().get(phase.key)
        self._screen.figures(_line(phase), good=not phase.numbers.failed)

    def _require_no_failure(self) -> None:
        failed = [each for each in self._crew.operations() if each.error is not None]
        if failed:
            raise Stopped(f"a query of the shop failed: {failed[0].kind} of {failed[0].worker}: {failed[0].error}")
        if died := self._crew.died():
            raise Stopped(f"a process of the shop ended by itself: {', '.join(died)}")

    def _launch(self, *arguments: str) -> Running:
        return Running(arguments, self._stage.folder, self._environment)

    def _run(self, *arguments: str, expected: int = 0) -> None:
        with ExitStack() as stack:
            command = self._launch(*arguments)
            stack.callback(command.stop)
            finished = command.wait()
        self._show(finished, expected)

    def _show(self, finished: Finished, expected: int) -> None:
        self._screen.command(finished.line)
        self._screen.output(finished.output)
        if finished.code:
            self._screen.output(f"(exit code {finished.code})")
        if finished.code != expected:
            raise Stopped(f'"{finished.line}" ended with exit code {finished.code}, expected was {expected}')

    def _longest_locks(self) -> dict[str, float]:
        with self._stage.database.connect("demo") as session:
            return look.longest_locks(session)

    def _count_fences(self) -> int:
        with self._stage.database.connect("demo") as session:
            return look.fences(session)

    def _facts(self, stopped_at: str, died: Sequence[str]) -> Facts:
        operations = self._crew.operations()
        numbers = Numbers.of(operations)
        with self._stage.database.connect("demo") as session:
            history = History(self._stage.rows, operations)
            history.compare_rows(look.orders(session))
            history.compare_missing()
            history.compare_reads(Moments(self._expanded, self._backfilled))
            alive = look.alive_at_contract(session)
            locks = look.longest_locks(session)
        findings: Findings = history.findings
        return Facts(
            operations=numbers.operations,
            failed=numbers.failed,
            errors=numbers.errors,
            findings=findings,
            longest_lock_ms=max(locks.values(), default=None),
            lock_timeout_ms=milliseconds(self._stage.project.settings.lock_timeout),
            refused_exit=self._refused_exit,
            restarted=self._restarted,
            fences=self._fences,
            alive_at_contract=alive,
            died=died,
            stopped_at=stopped_at,
        )


def _line(phase: Phase) -> str:
    numbers = phase.numbers
    text = (
        f"the shop meanwhile: {numbers.operations:,} operations, {numbers.failed} failed;"
        f" p50 {numbers.p50_ms:.1f} ms, p99 {numbers.p99_ms:.1f} ms, longest {numbers.max_ms:.0f} ms"
    )
    if phase.longest_lock_ms is not None:
        text += f"; longest lock held {phase.longest_lock_ms:.0f} ms"
    if phase.rows_per_s is not None:
        text += f"; {phase.rows_per_s:,.0f} rows/s filled and verified"
    if numbers.unfilled:
        text += f"; version 2 met an order not filled yet {numbers.unfilled:,} times"
    return text


def _reason(worker: Worker) -> str:
    return worker.said.rsplit(": ", 1)[-1] if worker.said else "it said nothing"
