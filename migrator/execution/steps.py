"""Running the steps of a phase, group by group, each recorded where it commits; a re-run goes on where it stopped."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from migrator.errors import MigratorError
from migrator.execution import partitioned_constraint, partitioned_index
from migrator.execution.run import Run
from migrator.ledger import journal
from migrator.ledger.journal import StepState
from migrator.ledger.lease import RunnerLock
from migrator.model.events import Note, StepDone, StepRetried, StepStarted
from migrator.model.plan import Migration, Phase, Step
from migrator.model.schema import TableName
from migrator.postgres.catalog import index_is_valid, partition_state, unfinished_rebuilds
from migrator.postgres.locks import Refusal, WallClock, retry_short_locks
from migrator.postgres.queries import load
from migrator.postgres.session import DEADLOCK_DETECTED, ServerError, Session
from migrator.sql.compose import qualified
from migrator.sql.parser import Statement, parse_script
from migrator.sql.subjects import added_key, built_index, detached_partition, dropped_index, rebuilt_index

_BUILDS = load("migrator.postgres.queries", "progress.sql")
_REPORT_EVERY_S = 10.0
_BUILD_ATTEMPTS = 5
"""A concurrent build that meets a deadlock is begun anew this often; each one waits for other transactions first."""


def run_groups(
    run: Run,
    session: Session,
    lock: RunnerLock,
    migration: Migration,
    phase: Phase,
    groups: Sequence[Sequence[Step]],
    *,
    told: int = 0,
) -> None:
    """Run groups of steps in order; those that are done already are passed over.

    Args:
        run: the run.
        session: to run them on.
        lock: the right to.
        migration: whose steps they are.
        phase: of which phase.
        groups: in order.
        told: how many of the first steps the listener was told of already.

    Raises:
        BudgetSpent: a lock was refused for the whole budget.
        ServerError: a statement failed; what was done before it is recorded.
    """
    total = sum(len(group) for group in groups)
    number = 1
    for group in groups:
        lock.check()
        states = journal.steps(session, run.key, migration.id, phase)
        if all(states.get(step.id) is StepState.DONE for step in group):
            for place, step in enumerate(group, start=number):
                if place > told:
                    run.listener(StepDone(migration.id, phase.value, step.id, place, total, 0.0, 0, skipped=True))
        elif group[0].group is not None:
            run_group(run, session, migration, phase, group, number, total)
        else:
            _run_alone(run, session, migration, phase, group[0], number, total, states.get(group[0].id))
        number += len(group)


def run_group(
    run: Run, session: Session, migration: Migration, phase: Phase, group: Sequence[Step], number: int, total: int
) -> None:
    """Run one transaction group under its wall limit, again after a refused lock."""
    held_ms = 0.0
    attempts = 0

    def attempt(limit_ms: int) -> None:
        nonlocal held_ms, attempts
        attempts += 1
        started = time.monotonic()
        with session.transaction():
            clock = WallClock(session, limit_ms)
            for offset, step in enumerate(group):
                run.listener(StepStarted(migration.id, phase.value, step.id, number + offset, total, step.sql))
                with located(step, migration, phase):
                    clock.execute(step.sql)
            held_ms = (time.monotonic() - started) * 1000
            for step in group:
                journal.mark(
                    session, run.key, migration.id, phase, step.id, StepState.DONE, attempts=attempts, held_ms=held_ms
                )
        held_ms = (time.monotonic() - started) * 1000

    retry_short_locks(run.database, session, attempt, run.policy, refusal_reporter(run, migration, phase, group[0].id))
    for offset, step in enumerate(group):
        run.listener(StepDone(migration.id, phase.value, step.id, number + offset, total, held_ms, attempts))


def refusal_reporter(run: Run, migration: Migration, phase: Phase, step: str) -> Callable[[Refusal], None]:
    """A function that reports refused locks of a group, named by one of its steps."""

    def report(refusal: Refusal) -> None:
        if refusal.next_limit_ms > run.policy.limit_ms:
            run.listener(
                Note(
                    f"{step}: only autovacuum is in the way and could not be cancelled: the next attempt may hold "
                    f"others up for {refusal.next_limit_ms} ms, after which it steps aside (deadlock_timeout)"
                )
            )
        run.listener(
            StepRetried(
                migration.id, phase.value, step, refusal.attempt, refusal.pause_s, refusal.reason, refusal.blocked_by
            )
        )

    return report


@contextlib.contextmanager
def located(step: Step, migration: Migration, phase: Phase) -> Iterator[None]:
    """Give errors of a step its place, and those about rows the way on."""
    try:
        yield
    except ServerError as error:
        error.at = error.at or step.at
        if error.is_about_rows and error.hint is None:
            error.hint = "correct the rows and run the same command again: it goes on here"
            if phase is Phase.EXPAND:
                error.hint += f'; or undo it: "migrator rollback {migration.id}"'
        raise


def _run_alone(
    run: Run,
    session: Session,
    migration: Migration,
    phase: Phase,
    step: Step,
    number: int,
    total: int,
    state: StepState | None,
) -> None:
    """Run a statement outside a transaction: concurrent builds and drops, validation.

    It may wait for other transactions as long as it takes, since nobody waits for it: such statements take SHARE UPDATE
    EXCLUSIVE at most while they wait (PostgreSQL documentation, section 13.3.1). What an author wants to run so and
    takes more has the wall limit of a group.
    """
    run.listener(StepStarted(migration.id, phase.value, step.id, number, total, step.sql))
    session.set("lock_timeout", "0")
    session.set("statement_timeout", "0")
    started = time.monotonic()
    attempts = 1
    if not _is_done(session, step, state):
        journal.mark(session, run.key, migration.id, phase, step.id, StepState.RUNNING)
        with located(step, migration, phase), _reporting(run, session, step):
            statement = parse_script(step.sql).statements[0]
            if _goes_by_partitions(session, statement):
                _execute_by_partitions(run, session, migration, phase, step, statement)
            elif _holds_others_up(step, statement):
                attempts = _execute_briefly(run, session, migration, phase, step)
            else:
                attempts = _execute_alone(run, session, step)
    held_ms = (time.monotonic() - started) * 1000
    journal.mark(session, run.key, migration.id, phase, step.id, StepState.DONE, attempts=attempts)
    run.listener(StepDone(migration.id, phase.value, step.id, number, total, held_ms, attempts))


def _holds_others_up(step: Step, statement: Statement) -> bool:
    """Whether others wait for a statement that its author wants outside a transaction, and while it waits itself.

    Those that are there to run so take no such lock, or, as a view is filled, on what nobody else knows.
    """
    return (
        statement.kind != "refresh_mat_view_stmt"
        and " CONCURRENTLY" not in step.sql.upper()
        and (
            any(lock.mode.blocks_writes for lock in step.effects.locks)
            # Of every table of a database or schema.
            or (not step.effects.locks and (step.effects.rewrites_table or statement.kind == "reindex_stmt"))
        )
    )


def _execute_briefly(run: Run, session: Session, migration: Migration, phase: Phase, step: Step) -> int:
    """Run a statement outside a transaction, within the wall limit of a group."""

    def attempt(limit_ms: int) -> None:
        for setting in ("lock_timeout", "statement_timeout"):
            session.set(setting, f"{limit_ms}ms")
        session.execute(step.sql)

    try:
        reporter = refusal_reporter(run, migration, phase, step.id)
        return retry_short_locks(run.database, session, attempt, run.policy, reporter)
    finally:
        for setting in ("lock_timeout", "statement_timeout"):
            session.set(setting, "0")


def _goes_by_partitions(session: Session, statement: Statement) -> bool:
    """Whether a statement is about a partitioned table, where the server does not do it while others read and write."""
    return partitioned_index.is_partitioned(session, statement) or partitioned_constraint.is_partitioned(
        session, statement
    )


def _is_done(session: Session, step: Step, state: StepState | None) -> bool:
    """Whether an earlier run that was cut off got to the end of this statement; removes what a broken one left."""
    if state is None:
        return False
    statement = parse_script(step.sql).statements[0]
    index = built_index(statement)
    if index is not None:
        valid = index_is_valid(session, *index)
        if valid is False and not partitioned_index.is_partitioned(session, statement):
            _drop_invalid(session, *index)
        return valid is True
    rebuilt = rebuilt_index(statement)
    if rebuilt is not None:
        for left in unfinished_rebuilds(session, *rebuilt):
            _drop_invalid(session, left.schema, left.name)
        return False
    detached = detached_partition(statement)
    if detached is not None:
        return _is_detached(session, TableName(*detached[0]), TableName(*detached[1]))
    dropped = dropped_index(statement)
    return dropped is not None and index_is_valid(session, *dropped) is None


def _is_detached(session: Session, parent: TableName, partition: TableName) -> bool:
    """Whether a concurrent detach that was cut off is over; finishes one that had begun."""
    state = partition_state(session, parent, partition)
    if state == "pending":
        table, detached = qualified(parent.schema, parent.name), qualified(partition.schema, partition.name)
        session.execute(f"ALTER TABLE {table} DETACH PARTITION {detached} FINALIZE")
    return state != "attached"


def _execute_by_partitions(
    run: Run, session: Session, migration: Migration, phase: Phase, step: Step, statement: Statement
) -> None:
    """Build or drop an index of a partitioned table, or add a key, which the server does while others wait."""

    def briefly(statements: Sequence[str]) -> None:
        def attempt(limit_ms: int) -> None:
            with session.transaction():
                clock = WallClock(session, limit_ms)
                for sql in statements:
                    clock.execute(sql)

        reporter = refusal_reporter(run, migration, phase, step.id)
        retry_short_locks(run.database, session, attempt, run.policy, reporter)

    means = partitioned_index.Means(
        session,
        briefly,
        lambda sql: _execute_alone(run, session, replace(step, sql=sql)),
        lambda text: run.listener(Note(f"{step.id}: {text}")),
    )
    dropped = dropped_index(statement)
    if dropped is not None:
        partitioned_index.drop(means, TableName(*dropped))
    elif (key := added_key(statement)) is not None:
        partitioned_constraint.add(means, TableName(*key[0]), key[1])
    else:
        partitioned_index.build(means, statement.node)


def _execute_alone(run: Run, session: Session, step: Step) -> int:
    index = built_index(parse_script(step.sql).statements[0])
    for attempt in range(1, _BUILD_ATTEMPTS + 1):
        try:
            session.execute(step.sql)
        except ServerError as error:
            if index is not None and index_is_valid(session, *index) is False:
                _drop_invalid(session, *index)
            if index is None or error.sqlstate != DEADLOCK_DETECTED or attempt == _BUILD_ATTEMPTS:
                raise
            run.listener(Note(f"{step.id}: met a deadlock, building anew"))
        else:
            return attempt
    raise MigratorError("unreachable: the last attempt returns or raises")


def _drop_invalid(session: Session, schema: str, name: str) -> None:
    session.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {qualified(schema, name)}")


@contextlib.contextmanager
def _reporting(run: Run, session: Session, step: Step) -> Iterator[None]:
    """While a long statement runs, say every ten seconds how far it is and whom it waits for."""
    ended = threading.Event()
    pid = session.pid

    def watch() -> None:
        with contextlib.suppress(MigratorError):
            started = time.monotonic()
            while not ended.wait(_REPORT_EVERY_S):
                with run.database.connect("progress") as watcher:
                    row = watcher.maybe(_BUILDS["build_progress"], {"pid": pid})
                text = f": {row.phase}{row.share}{row.waits_for}" if row else ""
                run.listener(Note(f"{step.id}: running for {time.monotonic() - started:.0f} s{text}"))

    thread = threading.Thread(target=watch, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=15)


def undone_steps(run: Run, session: Session, migration: Migration) -> Sequence[Sequence[Step]]:
    """The groups of the rollback phase that have something to undo: steps that were run, or begun."""
    states = journal.steps(session, run.key, migration.id, Phase.EXPAND)
    ran = {step for step, state in states.items() if state is not StepState.UNDONE}
    wanted = tuple(step for step in migration.phase(Phase.ROLLBACK) if step.undoes is None or step.undoes in ran)
    return replace(migration, steps=wanted).groups(Phase.ROLLBACK)
