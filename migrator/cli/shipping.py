"""What the commands that run phases share: the run, the migrations chosen, showing what happens, stopping."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING

import click

from migrator.cli.options import F, actor, emit_json, load_project, require_database
from migrator.errors import BudgetSpent, Interrupted, UsageError

if TYPE_CHECKING:
    from migrator.execution.run import Run
    from migrator.model.plan import Migration


@contextlib.contextmanager
def shipping(command: str, url_env: str | None, wait_db: str | None, *, as_json: bool) -> Iterator[Run]:
    """A run for one command; with ``--json``, what happened is written as one document at the end."""
    from migrator.execution.kept import migrations_of
    from migrator.execution.run import Run
    from migrator.reporting.events_json import Recorder
    from migrator.reporting.events_text import TextListener

    project = load_project()
    database = require_database(project, url_env, wait_db, command)
    migrations = migrations_of(project, database)
    if as_json:
        recorder = Recorder()
        yield Run(database, project, migrations, actor(), command, recorder)
        emit_json(recorder.document(command))
        return
    listener = TextListener()
    try:
        yield Run(database, project, migrations, actor(), command, listener)
    finally:
        listener.close()


def chosen(run: Run, target: str | None) -> list[Migration]:
    """The migration meant by TARGET, or all of them by level.

    Raises:
        UsageError: TARGET fits none or several.
    """
    from migrator.planning.folders import find

    if target is not None:
        return [find(run.migrations, target)]
    if not run.migrations:
        where = run.project.migrations if run.project.alembic is None else "the ledger"
        click.echo(f"no migrations in {where}", err=True)
    return list(run.migrations)


class _Terminated(KeyboardInterrupt):
    """SIGTERM. Like Ctrl-C it makes the driver cancel the statement in progress before it goes on."""


def yet_to_expand(run: Run, migrations: Sequence[Migration]) -> str:
    """For a command that found nothing to do: what it may have been meant for; empty where all is expanded."""
    from migrator.execution.phases import not_expanded

    waiting = not_expanded(run, migrations)
    if not waiting:
        return ""
    names = f"{waiting[0].id} is" if len(waiting) == 1 else f"{len(waiting)} migrations are"
    return f'; {names} not expanded yet: "migrator expand"'


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """While inside, SIGTERM cancels the statement in progress and ends the command with exit code 14; state is kept.

    Raises:
        BudgetSpent: SIGTERM came.
    """

    def stop(signum: int, frame: FrameType | None) -> None:
        del signum, frame
        raise _Terminated

    with _handling({signal.SIGTERM: stop}):
        try:
            yield
        except _Terminated:
            raise BudgetSpent("asked to end by SIGTERM", hint="state is kept; run the same command again") from None


@contextlib.contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """A function that says whether to stop after the current batch, because of Ctrl-C or SIGTERM.

    A second Ctrl-C interrupts at once.

    Raises:
        Interrupted: it stopped because of Ctrl-C, before its end.
    """
    asked, interrupted = threading.Event(), threading.Event()

    def stop(signum: int, frame: FrameType | None) -> None:
        del frame
        if signum == signal.SIGINT and asked.is_set():
            raise KeyboardInterrupt
        if signum == signal.SIGINT:
            interrupted.set()
        asked.set()

    with _handling({signal.SIGTERM: stop, signal.SIGINT: stop}):
        try:
            yield asked.is_set
        except BudgetSpent as error:
            if not interrupted.is_set():
                raise
            raise Interrupted(error.message, detail=error.detail, hint=error.hint) from None


@contextlib.contextmanager
def _handling(handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def passage_options(*, waits_for: str) -> Callable[[F], F]:
    """``--wait`` and ``--offline`` of the commands that pass the gate; arrive as ``wait`` and ``offline``.

    Args:
        waits_for: completes "Wait so long for …".
    """

    def add(function: F) -> F:
        function = click.option(
            "--offline",
            metavar="REASON",
            default=None,
            help="No evidence about services is needed: accepted only while no other session is connected.",
        )(function)
        return click.option("--wait", metavar="TIME", default=None, help=f"Wait so long for {waits_for}.")(function)

    return add


def wait_seconds(wait: str | None) -> float:
    """The value of ``--wait`` in seconds; 0 when it is not given."""
    from migrator.config import seconds

    return seconds(wait) if wait else 0.0


def confirm(question: str, *, yes: bool, as_json: bool) -> None:
    """Ask on a terminal; where nobody can answer, as in a deploy job, the command itself is the answer.

    Raises:
        UsageError: the answer is no.
    """
    import sys

    if yes or as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    if not click.confirm(question, default=False, err=True):
        raise UsageError("not confirmed; nothing changed")
