"""The phases of one migration: expand, backfill, contract, rollback. Each may be run again at any time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from migrator.backfill import engine, rejects
from migrator.errors import (
    BudgetSpent,
    DatabaseUnavailable,
    GateBlocked,
    GateUnknown,
    MigratorError,
    OutOfOrder,
    Refused,
)
from migrator.execution import preflight, transitions, way_back
from migrator.execution.breaking import BreakingGroup, NotFresh, holds_no_rows
from migrator.execution.run import Run, about
from migrator.execution.steps import refusal_reporter, run_groups, undone_steps
from migrator.execution.transitions import Shape, Standing
from migrator.ledger import files, journal, services, state
from migrator.ledger.decisions import append as append_decision
from migrator.ledger.install import ensure_installed, is_installed
from migrator.ledger.lease import RunnerLock
from migrator.ledger.state import GateState, MigrationRecord, State
from migrator.model.counts import counted
from migrator.model.events import Note, PhaseDone
from migrator.model.evidence import Direction
from migrator.model.plan import Migration, Phase
from migrator.postgres.locks import retry_short_locks
from migrator.postgres.session import Session


def expand(run: Run, migration: Migration) -> bool:
    """Add the new shape, and let code of this level start.

    Returns:
        Whether there was anything to do.

    Raises:
        Refused: preflight found something; nothing was touched.
        OutOfOrder: it is being rolled back.
        FilesDiffer: a file was changed after it ran.
        BudgetSpent: a lock was refused for the whole budget, or another runner is busy.
        StatementFailed: a statement failed; a re-run goes on there.
    """
    with _phase(run, migration, Phase.EXPAND) as (session, lock):
        record = state.find(session, run.key, migration.id)
        if record and _already(run, session, migration, record, Phase.EXPAND):
            return False
        if record is None or record.state is not State.EXPANDING:
            notes = preflight.before_expand(run, session, migration)
            for note in notes:
                run.listener(Note(f"{migration.id}: {note}"))
        with session.transaction():
            run.gate.sync_services(session)
            state.register(session, run.key, migration)
            # Without a folder there is nothing to read the later phases from but the ledger.
            frozen = tuple(Phase) if migration.origin else (Phase.EXPAND, Phase.ROLLBACK)
            files.freeze(session, run.key, migration, *frozen)
            state.set_state(session, run.key, migration.id, State.EXPANDING)
        run_groups(run, session, lock, migration, Phase.EXPAND, migration.groups(Phase.EXPAND))
        _finish(run, session, migration, Phase.EXPAND)
    return True


def backfill(run: Run, migration: Migration, should_stop: Callable[[], bool]) -> None:
    """Move the data and verify it; any number of processes may do it together.

    Raises:
        OutOfOrder: it is not expanded.
        BudgetSpent: ``should_stop`` said so before it was done, or a runner that changes the schema is busy.
        StatementFailed: a row cannot be written.
    """
    with _phase(run, migration, Phase.BACKFILL, shared=True) as (session, _):
        record = _require_record(run, session, migration)
        if _already(run, session, migration, record, Phase.BACKFILL):
            return
        if record.state is not State.BACKFILLING:
            # What is refused can be corrected: its file is not frozen yet.
            engine.check(run.database, migration, should_stop)
        with session.transaction():
            state.lock(session, run.key, migration.id)
            files.freeze(session, run.key, migration, Phase.BACKFILL)
            state.set_state(session, run.key, migration.id, State.BACKFILLING)
        done = engine.run(run.database, run.project.settings.backfill, run.key, migration, run.listener, should_stop)
        if not done:
            raise BudgetSpent("stopped before all data was moved", hint="progress is kept; run the same command again")
        with session.transaction():
            if state.lock(session, run.key, migration.id).state is State.BACKFILLING:
                state.set_state(session, run.key, migration.id, transitions.after(Phase.BACKFILL, Shape.of(migration)))
        run.listener(PhaseDone(migration.id, Phase.BACKFILL.value))


def finish_fresh(run: Run, migration: Migration) -> bool:
    """Backfill and contract at once where there is nothing to protect: a database no application has used yet.

    Never an instance that beat, no row in any table the migration touches (looked at under the locks), and no other
    session while they are held.

    Returns:
        Whether it was so; if not, nothing changed.
    """
    with run.database.connect("fresh") as session:
        if services.ever_beat(session) or not holds_no_rows(session, migration):
            return False
    try:
        backfill(run, migration, lambda: False)
        contract(run, migration, wait_s=0.0, offline="fresh database", must_be_empty=True)
    except (GateBlocked, GateUnknown, NotFresh) as error:
        run.listener(Note(f"{error.message}: backfill and contract are left for later"))
        return False
    return True


def contract(
    run: Run, migration: Migration, *, wait_s: float, offline: str | None, must_be_empty: bool = False
) -> None:
    """Pass the gate, and remove the old shape.

    Args:
        run: the run.
        migration: what to contract.
        wait_s: how long to wait for old code to leave and for the soak.
        offline: why no evidence is needed; accepted only while nobody else is connected.
        must_be_empty: whether a row in a table the migration touches stops it.

    Raises:
        GateBlocked: old code runs. Nothing changed, no fence stands.
        GateUnknown: there is no proof. Nothing changed, no fence stands.
        GateWaiting: the soak is not over. Nothing changed, no fence stands.
        OutOfOrder: an earlier phase is missing, or another migration comes first.
        Refused: something came to depend on what goes, or rows violate what is added.
        BudgetSpent: a lock was refused for the whole budget, or another runner is busy.
    """
    with _session(run, migration, Phase.CONTRACT) as session, contextlib.ExitStack() as held:
        record = _require_record(run, session, migration)
        _require_no_rejected_rows(run, session, record)
        if _already(run, session, migration, record, Phase.CONTRACT):
            return
        runner = _Runner(run, session, record, held)
        groups = migration.groups(Phase.CONTRACT)
        told = 0
        if record.gate is not GateState.APPLIED:
            preflight.before_contract(run, session, migration)
            for note in preflight.around_contract(run, session, migration):
                run.listener(Note(f"{migration.id}: {note}"))
            with session.transaction():
                files.freeze(session, run.key, migration, Phase.CONTRACT)
            work = BreakingGroup(run, session, migration, Phase.CONTRACT, groups, must_be_empty=must_be_empty)
            run.gate.pass_through(
                session,
                migration,
                Direction.CONTRACT,
                work,
                wait_s=wait_s,
                offline=offline,
                # The soak may have been long, and something built meanwhile on what goes.
                hold_runner=lambda: runner.hold(lambda: preflight.before_contract(run, session, migration)),
            )
            work.committed()
            told = len(work.steps)
        else:
            runner.hold()
        run_groups(run, session, runner.lock, migration, Phase.CONTRACT, groups, told=told)
        _finish(run, session, migration, Phase.CONTRACT)


def rollback(run: Run, migration: Migration, *, wait_s: float, offline: str | None, yes: bool) -> None:
    """Undo expand and what the backfill wrote, once no code needs the new shape.

    Args:
        run: the run.
        migration: what to undo.
        wait_s: how long to wait for new code to leave.
        offline: as ``contract``.
        yes: whether rows whose data exists only in the new shape may be lost.

    Raises:
        OutOfOrder: it is contracted, a later migration is expanded, or what it names is gone with another contract.
        Refused: data would be lost and ``yes`` is not given.
        GateBlocked: new code runs. Nothing changed, no fence stands.
        GateUnknown: there is no proof. Nothing changed, no fence stands.
        BudgetSpent: a lock was refused for the whole budget, or another runner is busy.
    """
    with _session(run, migration, Phase.ROLLBACK) as session, contextlib.ExitStack() as held:
        record = state.find(session, run.key, migration.id) if is_installed(session) else None
        if record is None or record.state is State.PENDING:
            run.listener(Note(f"{migration.id} was never expanded here: there is nothing to undo"))
            return
        if _already(run, session, migration, record, Phase.ROLLBACK):
            return
        records = state.all_records(session, run.key)
        way_back.require_newest(record, records)
        way_back.require_names(migration, record, records)
        way_back.require_indexes(session, migration, record)
        runner = _Runner(run, session, record, held)
        told = 0
        if record.state is State.EXPANDING or record.state is State.ROLLING_BACK:
            # Code of this level was never let in, or is kept out already: nobody needs the new shape.
            runner.hold()
            groups = undone_steps(run, session, migration)
            with session.transaction():
                state.set_state(session, run.key, migration.id, State.ROLLING_BACK)
        else:
            groups = undone_steps(run, session, migration)
            lost = preflight.before_rollback(run, session, migration)
            if lost and not yes:
                raise Refused(
                    counted(sum(lost.values()), "rows hold data that exists only in the new shape"),
                    detail="\n".join(f"{step}: {counted(count, 'rows')}" for step, count in lost.items()),
                    hint=f'to lose it: "migrator rollback {migration.id} --yes"',
                )
            work = BreakingGroup(run, session, migration, Phase.ROLLBACK, groups)
            run.gate.pass_through(
                session,
                migration,
                Direction.ROLLBACK,
                work,
                wait_s=wait_s,
                offline=offline,
                hold_runner=runner.hold,
            )
            work.committed()
            told = len(work.steps)
            if lost:
                append_decision(session, run.key, migration.id, "data lost", None, ["--yes"], dict(lost), run.actor)
        run_groups(run, session, runner.lock, migration, Phase.ROLLBACK, groups, told=told)
        with session.transaction():
            engine.forget(session, run.key, migration.id)
            journal.forget(session, run.key, migration.id)
            files.thaw(session, run.key, migration.id)
            state.set_state(session, run.key, migration.id, State.ROLLED_BACK)
        if migration.phase(Phase.EXPAND) and not migration.phase(Phase.ROLLBACK):
            run.listener(Note(f"{migration.id}: nothing is written that undoes its expand: what that did stays"))
        run.listener(PhaseDone(migration.id, Phase.ROLLBACK.value))


def ready_for_backfill(run: Run, migrations: Sequence[Migration]) -> list[Migration]:
    """Those whose data can be moved now: expanded, with a backfill that is not done."""
    return _in_states(run, migrations, {State.EXPANDED, State.BACKFILLING}, Phase.BACKFILL)


def ready_for_contract(run: Run, migrations: Sequence[Migration]) -> list[Migration]:
    """Those that are expanded and not contracted; the ones whose data is not moved are among them, to be named."""
    waiting = {State.EXPANDED, State.BACKFILLING, State.BACKFILLED, State.CONTRACTING}
    return _in_states(run, migrations, waiting, Phase.CONTRACT)


def not_expanded(run: Run, migrations: Sequence[Migration]) -> list[Migration]:
    """Those whose expand is still to run, or not through."""
    with run.database.connect("look") as session:
        records = state.all_records(session, run.key) if is_installed(session) else []
    through = {record.id for record in records if record.state not in (State.PENDING, State.EXPANDING)}
    return [migration for migration in migrations if migration.id not in through]


def _in_states(run: Run, migrations: Sequence[Migration], wanted: set[State], phase: Phase) -> list[Migration]:
    with run.database.connect("look") as session:
        records = state.all_records(session, run.key) if is_installed(session) else []
    ids = {record.id for record in records if record.state in wanted}
    return [migration for migration in migrations if migration.id in ids and migration.phase(phase)]


class _Runner:
    """The right to run for a phase that waits first: taken at the fence, kept to the end of the phase.

    Args:
        run: the run.
        session: that of the phase.
        record: the migration as it was when the phase decided what to do.
        held: ends with the phase.
    """

    def __init__(self, run: Run, session: Session, record: MigrationRecord, held: contextlib.ExitStack) -> None:
        self._run, self._session, self._record, self._held = run, session, record, held
        self._lock: RunnerLock | None = None

    @property
    def lock(self) -> RunnerLock:
        """The lock, once it is held."""
        if self._lock is None:
            raise MigratorError("the runner lock is used before it is held")
        return self._lock

    def hold(self, check: Callable[[], None] | None = None) -> contextlib.AbstractContextManager[object]:
        """Take the lock, and make sure that what was decided without it still holds.

        Args:
            check: what else must hold now.

        Raises:
            OutOfOrder: another command ran a phase of this migration meanwhile; nothing changed.
            BudgetSpent: another runner is busy.
        """
        self._lock = self._held.enter_context(self._run.lock())
        self._lock.register(self._session)
        now = state.find(self._session, self._run.key, self._record.id)
        if now is None or now.state is not self._record.state:
            raise OutOfOrder(
                f"it was {self._record.state} when this command began and is {now.state if now else 'gone'} now",
                hint='another command ran meanwhile; nothing changed. Look at "migrator status", and decide anew',
            )
        if check is not None:
            check()
        return contextlib.nullcontext()


@contextlib.contextmanager
def _session(run: Run, migration: Migration, phase: Phase) -> Iterator[Session]:
    """A session for a phase; errors name the migration, and those of a phase in progress are kept in the ledger."""
    with run.database.connect(phase.value) as session:
        try:
            yield session
        except MigratorError as error:
            _keep_error(run, migration, error)
            raise about(migration, error)  # noqa: B904 - the same error, its message completed


@contextlib.contextmanager
def _phase(
    run: Run, migration: Migration, phase: Phase, *, shared: bool = False
) -> Iterator[tuple[Session, RunnerLock]]:
    """A session and the runner lock for a phase that needs it from the start."""
    with _session(run, migration, phase) as session:
        if phase is Phase.EXPAND:
            ensure_installed(session)
        else:
            _require_record(run, session, migration)
        with run.lock(shared=shared) as lock:
            lock.register(session)
            yield session, lock


def _keep_error(run: Run, migration: Migration, error: MigratorError) -> None:
    """Record why a phase stopped, on a connection of its own: the one that failed may be gone."""
    if error.exit_code not in (4, 70):
        return
    with contextlib.suppress(DatabaseUnavailable), run.database.connect("record-error") as session:
        if is_installed(session):
            state.set_error(session, run.key, migration.id, error.message)


def _require_no_rejected_rows(run: Run, session: Session, record: MigrationRecord) -> None:
    """What such rows hold is only in the old shape.

    Raises:
        OutOfOrder: there are some.
    """
    if record.gate is GateState.APPLIED:
        return
    if count := rejects.count(session, run.key, record.id):
        raise OutOfOrder(
            f"{counted(count, 'rows')} could not be backfilled: the contract would lose their data",
            detail="\n".join(
                f"{row.name}: {row.message} (SQLSTATE {row.sqlstate})"
                for row in rejects.listed(session, run.key, record.id, 5)
            ),
            hint=f'correct them, then: "migrator backfill retry {record.id}"',
        )


def _require_record(run: Run, session: Session, migration: Migration) -> MigrationRecord:
    record = state.find(session, run.key, migration.id) if is_installed(session) else None
    if record is None:
        raise OutOfOrder("it was never expanded in this database", hint='run "migrator expand" first')
    return record


def _already(run: Run, session: Session, migration: Migration, record: MigrationRecord, phase: Phase) -> bool:
    """Whether nothing is left to do, once the files were found to be those that ran."""
    files.check(session, run.key, migration)
    if transitions.standing(record.state, phase, Shape.of(migration)) is Standing.RUN:
        return False
    run.listener(PhaseDone(migration.id, phase.value, already=True))
    return True


def _finish(run: Run, session: Session, migration: Migration, phase: Phase) -> None:

    def attempt(limit_ms: int) -> None:
        with session.transaction(lock_timeout_ms=limit_ms):
            # Services before the migration's row: the order in which the gate locks them too.
            if phase is Phase.EXPAND:
                run.gate.raise_ceiling(session, migration.level)
            state.lock(session, run.key, migration.id)
            state.set_state(session, run.key, migration.id, transitions.after(phase, Shape.of(migration)))

    steps = migration.phase(phase)
    name = steps[-1].id if steps else "end"
    retry_short_locks(run.database, session, attempt, run.policy, refusal_reporter(run, migration, phase, name))
    run.listener(PhaseDone(migration.id, phase.value))
