"""What expand would do, without doing it: the checks run against the database in read-only transactions."""

from __future__ import annotations

from migrator.errors import MigratorError
from migrator.execution import preflight, transitions
from migrator.execution.run import Run, about
from migrator.execution.transitions import Shape, Standing
from migrator.ledger import files, journal, state
from migrator.ledger.install import is_installed
from migrator.ledger.journal import StepState
from migrator.ledger.state import State
from migrator.model.events import Note, PhaseDone
from migrator.model.plan import Migration, Phase


def show_expand(run: Run, migration: Migration) -> None:
    """Check a migration as expand would, and tell the listener every statement that would run.

    Raises:
        MigratorError: what expand would raise before its first statement.
    """
    with run.database.connect("dry-run") as session:
        session.set("default_transaction_read_only", "on")
        try:
            installed = is_installed(session)
            record = state.find(session, run.key, migration.id) if installed else None
            done = journal.steps(session, run.key, migration.id, Phase.EXPAND) if record else {}
            if record is not None:
                files.check(session, run.key, migration)
                if transitions.standing(record.state, Phase.EXPAND, Shape.of(migration)) is Standing.ALREADY:
                    run.listener(PhaseDone(migration.id, Phase.EXPAND.value, already=True))
                    return
            if record is None or record.state is not State.EXPANDING:
                for note in preflight.before_expand(run, session, migration):
                    run.listener(Note(f"{migration.id}: {note}"))
        except MigratorError as error:
            raise about(migration, error)  # noqa: B904 - the same error, its message completed
        for step in migration.phase(Phase.EXPAND):
            if done.get(step.id) is not StepState.DONE:
                where = f"in transaction {step.group}" if step.group else "outside a transaction"
                run.listener(Note(f"{migration.id}: would run {step.id} {where}\n{step.sql};"))
