"""Commands without a TARGET: everything pending in order, with what is blocked passed over, and the worst exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from migrator.errors import MigratorError
from migrator.execution import phases
from migrator.execution.run import Run
from migrator.ledger.install import ensure_installed, is_installed
from migrator.model.events import Event, Note, PhaseDone
from migrator.model.plan import Migration

_WORST_FIRST = (4, 5, 10, 11, 12, 14)
"""Exit codes that say something about one migration only; the worst stands first."""


def for_each(run: Run, migrations: Sequence[Migration], action: Callable[[Migration], None], *, in_order: bool) -> None:
    """Do something to each migration.

    Args:
        run: the run.
        migrations: by level.
        action: raises when it cannot.
        in_order: whether the first failure ends it, because later ones build on earlier ones; else the rest goes on.

    Raises:
        MigratorError: the worst of what was raised, after everything that could go on has.
    """
    failures: list[MigratorError] = []
    for migration in migrations:
        try:
            action(migration)
        except MigratorError as error:
            if in_order or error.exit_code not in _WORST_FIRST or len(migrations) == 1:
                raise
            failures.append(error)
    _raise_worst(run, failures)


def without_repetition(run: Run) -> Run:
    """The same run, with a listener that is not told of phases that were done by an earlier one."""
    listener = run.listener

    def tell(event: Event) -> None:
        if not (isinstance(event, PhaseDone) and event.already):
            listener(event)

    return replace(run, listener=tell)


def expand_all(run: Run, migrations: Sequence[Migration]) -> list[Migration]:
    """Expand every migration in order; in a fresh database, finish each at once.

    Even with nothing to expand, the ledger is there afterwards and knows the configured services, so that applications
    can beat before their first migration.

    Returns:
        Those that were not expanded already.

    Raises:
        MigratorError: the first failure; what comes after it is not tried, since it may build on it.
    """
    with run.database.connect("look") as session:
        fresh = not is_installed(session)
        ensure_installed(session)
        run.gate.sync_services(session)
    expanded = []
    for migration in migrations:
        if phases.expand(run, migration):
            expanded.append(migration)
            fresh = fresh and phases.finish_fresh(run, migration)
    if fresh and expanded:
        run.listener(Note("this database is fresh, no application has used it: backfill and contract ran as well"))
    return expanded


def advance(run: Run, migrations: Sequence[Migration], should_stop: Callable[[], bool]) -> None:
    """Expand, backfill and contract everything as far as it may go now, without waiting.

    Raises:
        MigratorError: the worst of what stood in the way.
    """
    run = without_repetition(run)
    expand_all(run, migrations)

    def finish(migration: Migration) -> None:
        phases.backfill(run, migration, should_stop)
        phases.contract(run, migration, wait_s=0.0, offline=None)

    for_each(run, migrations, finish, in_order=False)


def _raise_worst(run: Run, failures: Sequence[MigratorError]) -> None:
    if not failures:
        return
    worst = min(failures, key=lambda error: _WORST_FIRST.index(error.exit_code))
    for error in failures:
        if error is not worst:
            run.listener(Note(error.message))
    raise worst
