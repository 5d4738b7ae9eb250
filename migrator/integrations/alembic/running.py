"""``migrator expand`` on a project of revisions: one revision for each run of Alembic.

Alembic's default is one transaction for all revisions of a run: locks of the first are held to the end of the last,
and a failure takes the version of those before it back, though what ran outside the transaction stays. One revision for
each run has neither, whatever ``transaction_per_migration`` says.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script

import migrator.alembic as phased
from migrator.errors import BudgetSpent, UsageError
from migrator.integrations.alembic.apply import FRESH, SEEN
from migrator.integrations.alembic.later import KEEP_HINT, never_kept
from migrator.integrations.alembic.project import AlembicProject, translated
from migrator.integrations.alembic.revision import later_of
from migrator.ledger.install import is_installed
from migrator.ledger.state import all_records
from migrator.postgres.session import Session

_LOCK = "SELECT pg_catalog.pg_try_advisory_lock(hashtextextended(%(key)s, 0)) AS held"
_UNLOCK = "SELECT pg_catalog.pg_advisory_unlock(hashtextextended(%(key)s, 0))"
_LOOK_EVERY_S = 0.2


def expand(
    project: AlembicProject, session: Session, *, key: str, target: str | None, budget_s: float,
    tell: Callable[[str], None],
) -> list[str]:  # fmt: skip
    """Run what the database lacks, one revision after the other.

    Args:
        project: opened.
        session: on the same database, for the lock that keeps two runners apart; polled, since a session that waits
            for a lock is one that CREATE INDEX CONCURRENTLY waits for.
        key: of the project in the ledger.
        target: a revision, or the beginning of its id, that is the last one to run; None: all.
        budget_s: how long another runner is waited for.
        tell: notes for people.

    Returns:
        Ids of the revisions that ran.

    Raises:
        BudgetSpent: another runner is busy.
        UsageError: there is no such revision, or Alembic refuses.
        StatementFailed: a statement of a revision failed; what ran before it stays.
        MigratorError: as the phased operation of a revision.
    """
    lock = {"key": f"migrator alembic {key}"}
    _take(session, lock, budget_s)
    fresh = not is_installed(session)
    ran: list[str] = []
    try:
        last = project.revision(target).revision if target else None
        while True:
            current = project.connection()[1]
            if not ran:
                _tell_of_rebased(project, session, current, key, tell)
            pending = project.pending(current)
            wanted = in_order(pending)
            if not wanted or (last is not None and last not in wanted):
                return ran
            with translated(project.file):
                _run(project, wanted[0], fresh=fresh)
            ran.append(wanted[0])
    finally:
        session.execute(_UNLOCK, lock)


def _run(project: AlembicProject, revision: str, *, fresh: bool) -> None:
    """As ``alembic upgrade``, and hold each revision to what stands beside its ``upgrade()``."""

    def steps(current: Any, context: MigrationContext) -> Sequence[Any]:
        context.opts[FRESH] = fresh
        found = project.script._upgrade_revs(revision, current)  # noqa: SLF001 - as alembic.command.upgrade does
        for step in found:
            step.migration_fn = _held(step.migration_fn, step.revision, context)
        return found

    with EnvironmentContext(project.config, project.script, fn=steps, destination_rev=revision):
        project.script.run_env()


def _held(function: Callable[..., Any], revision: Script, context: MigrationContext) -> Callable[..., None]:

    @functools.wraps(function)  # Alembic says its name
    def run(**arguments: Any) -> None:
        function(**arguments)
        later = later_of(vars(revision.module))
        if later and revision.revision not in context.opts.get(SEEN, ()):
            raise UsageError(never_kept(later), at=str(revision.path), hint=KEEP_HINT)

    return run


def in_order(pending: Sequence[Script]) -> list[str]:
    """Ids of revisions in the order in which to run them: Alembic's, but of two branches the lower level first.

    Args:
        pending: in Alembic's order, in which each comes after those it builds on.
    """
    waiting = {revision.revision: revision for revision in pending}
    ordered: list[str] = []
    while waiting:
        ready = [each for each in waiting.values() if not waiting.keys() & each._all_down_revisions]  # noqa: SLF001
        chosen = min(ready, key=lambda each: getattr(each.module, "schema_level", None) or 0)
        ordered.append(chosen.revision)
        del waiting[chosen.revision]
    return ordered


def is_phased(module: ModuleType) -> bool:
    """Whether the ``upgrade()`` of a revision names phased operations, or it has functions for later phases."""
    if later_of(vars(module)):
        return True
    code = getattr(getattr(module, "upgrade", None), "__code__", None)
    values = (vars(module).get(name) for name in (code.co_names if code else ()))
    return any(value is phased or getattr(value, "__module__", "") == _OPERATIONS for value in values)


_OPERATIONS = "migrator.integrations.alembic.operations"


def _take(session: Session, lock: dict[str, str], budget_s: float) -> None:
    deadline = time.monotonic() + budget_s
    while not session.one(_LOCK, lock).held:
        if time.monotonic() >= deadline:
            raise BudgetSpent(
                "another runner upgrades this database", hint="run the same command again when it is done"
            )
        time.sleep(_LOOK_EVERY_S)


def _tell_of_rebased(
    project: AlembicProject, session: Session, current: tuple[str, ...], key: str, tell: Callable[[str], None]
) -> None:
    """Say which phased revisions the database is past without ever having run them: Alembic never will."""
    known = {record.id for record in all_records(session, key)} if is_installed(session) else set()
    for revision in project.below(current):
        if revision.revision not in known and is_phased(revision.module):
            tell(f"{never_ran(revision)}; {how_it_runs(project, revision)}")


def never_ran(revision: Script) -> str:
    """What is to be said of a phased revision that lies below the current one and is not in the ledger."""
    later = " and ".join(f"{phase}()" for phase in later_of(vars(revision.module)))
    return (
        f"revision {revision.revision} lies below the current one and was never run here: it was put in later, or the"
        " database was stamped; Alembic will not run it"
        + (f". Or its upgrade() kept nothing of {later}: a new revision can take it over" if later else "")
    )


def how_it_runs(project: AlembicProject, revision: Script) -> str:
    """How such a revision comes to run after all."""
    head = ", ".join(project.script.get_heads())
    return (
        f'to have it run, put it on top: down_revision = "{head}" in it, and {revision.down_revision!r} instead of it'
        " in the revisions that build on it now"
    )
