"""What the gate runs in its own transaction: the first group of a contract or a rollback, its journal, the state."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from migrator.errors import Refused
from migrator.execution import transitions
from migrator.execution.run import Run
from migrator.execution.steps import located
from migrator.ledger import journal, state
from migrator.ledger.journal import StepState
from migrator.model.events import StepDone, StepStarted
from migrator.model.plan import Migration, Phase, Step
from migrator.planning.folders import touched_tables
from migrator.postgres.catalog import tables_are_empty
from migrator.postgres.session import Session


class BreakingGroup:
    """What the gate runs in its own transaction: the first group, its journal, the state.

    Args:
        run: the run.
        session: the gate's.
        migration: whose group it is.
        phase: contract or rollback.
        groups: of the phase; the first one is run here unless it is a statement outside a transaction.
        must_be_empty: whether a row in a table the migration touches stops it.
    """

    def __init__(
        self,
        run: Run,
        session: Session,
        migration: Migration,
        phase: Phase,
        groups: Sequence[Sequence[Step]],
        *,
        must_be_empty: bool = False,
    ) -> None:
        self._run, self._session, self._migration, self._phase = run, session, migration, phase
        self._must_be_empty = must_be_empty
        self._total = sum(len(group) for group in groups)
        self._attempts = 0
        self._started = 0.0
        self.steps: Sequence[Step] = groups[0] if groups and groups[0][0].group is not None else ()

    def __call__(self, execute: Callable[[str], None]) -> None:
        """Run it; again when a lock was refused."""
        self._attempts += 1
        self._started = time.monotonic()
        for number, step in enumerate(self.steps, start=1):
            self._run.listener(
                StepStarted(self._migration.id, self._phase.value, step.id, number, self._total, step.sql)
            )
            with located(step, self._migration, self._phase):
                execute(step.sql)
        if self._must_be_empty and not holds_no_rows(self._session, self._migration):
            raise NotFresh(f"{self._migration.id} touches a table that is not empty any more")
        self._mark()
        state.set_state(self._session, self._run.key, self._migration.id, transitions.during(self._phase))

    def committed(self) -> None:
        """Record and tell how long its locks were held: to the commit, past the last look at the evidence."""
        held_ms = (time.monotonic() - self._started) * 1000
        self._mark(held_ms)
        for number, step in enumerate(self.steps, start=1):
            self._run.listener(
                StepDone(self._migration.id, self._phase.value, step.id, number, self._total, held_ms, self._attempts)
            )

    def _mark(self, held_ms: float | None = None) -> None:
        for step in self.steps:
            journal.mark(
                self._session,
                self._run.key,
                self._migration.id,
                self._phase,
                step.id,
                StepState.DONE,
                attempts=self._attempts,
                held_ms=held_ms,
            )


def holds_no_rows(session: Session, migration: Migration) -> bool:
    """Whether no table a migration touches holds a row.

    Where it touches none, and has something to remove all the same, no table of the database may hold one: an extension
    that nobody uses in an empty database is another thing than in one that applications work with.
    """
    return tables_are_empty(session, touched_tables(migration), or_all=bool(migration.phase(Phase.CONTRACT)))


class NotFresh(Refused):
    """A row came in where a fresh database was expected; nothing changed."""
