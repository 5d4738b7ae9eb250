"""What is checked before the first statement runs: everything that speaks against it, all at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from migrator.backfill.reading import read_step
from migrator.backfill.target import check_rules
from migrator.changes.kind import Expression
from migrator.errors import DatabaseUnavailable, OutOfOrder, Refused
from migrator.execution import others, surroundings
from migrator.execution.lacking import lacking
from migrator.execution.run import Run
from migrator.execution.steps import refusal_reporter
from migrator.ledger import state
from migrator.ledger.install import is_installed
from migrator.ledger.state import State
from migrator.model.counts import counted
from migrator.model.plan import Migration, Phase
from migrator.model.schema import Schema
from migrator.planning import facts, in_step, names, planner, touching
from migrator.planning.folders import changes_of
from migrator.planning.leaving import filled_by, keys_needed_by
from migrator.planning.named_beside import named_before, names_objects
from migrator.planning.objections import objections
from migrator.planning.planner import Change
from migrator.postgres.catalog import (
    count_violations,
    objection_to,
)
from migrator.postgres.locks import retry_short_locks
from migrator.postgres.names import holders
from migrator.postgres.session import ServerError, Session
from migrator.sql.parser import parse_script
from migrator.sql.subjects import (
    built_index,
    unchecked_condition,
    validated_constraints,
)

_FoundT = TypeVar("_FoundT")


def before_expand(run: Run, session: Session, migration: Migration) -> list[str]:
    """Check a migration against the database; notes for people.

    Raises:
        Refused: privileges are missing, tables are not as assumed, or another pending migration is in the way.
        BudgetSpent: others held a lock that reading needs for the whole budget.
    """
    return _looked(run, session, migration, Phase.EXPAND, lambda: _before_expand(run, session, migration))


def _looked(run: Run, session: Session, migration: Migration, phase: Phase, look: Callable[[], _FoundT]) -> _FoundT:
    """What a look comes to; it waits no longer for a lock than a step does, and is taken anew within the budget.

    Functions of the catalog such as ``pg_get_expr`` lock the table for reading, as counting rows does: behind an
    ACCESS EXCLUSIVE lock they wait for as long as it is held.
    """
    found: list[_FoundT] = []

    def attempt(limit_ms: int) -> None:
        session.set("lock_timeout", f"{limit_ms}ms")
        try:
            found.append(look())
        except ServerError as error:
            if error.is_lock_refusal:
                error.statement = f"the checks before {phase.value}, which read the tables and what depends on them"
            raise

    try:
        retry_short_locks(run.database, session, attempt, run.policy, refusal_reporter(run, migration, phase, "checks"))
    finally:
        with contextlib.suppress(DatabaseUnavailable):
            session.execute("RESET lock_timeout")
    return found[-1]


def _before_expand(run: Run, session: Session, migration: Migration) -> list[str]:
    refusals: list[Refused] = []
    notes: list[str] = []
    changes = changes_of(migration)
    schema = others.schema_of(session, changes)
    for check in (_check_level, _check_others) if is_installed(session) else ():
        try:
            check(run, session, migration, changes)
        except Refused as refusal:
            refusals.append(refusal)
    absent, missing = lacking(session, migration)
    if absent:
        refusals.append(
            Refused(
                "the migration needs what is not in this database",
                detail="\n".join(absent),
                hint="correct the files, unless it is the wrong database or search_path",
            )
        )
    if missing:
        refusals.append(
            Refused(
                "this role may not run the migration",
                detail="\n".join(missing),
                hint="run it as the role that owns the tables, or as a member of it",
            )
        )
    try:
        about = {"migration": migration.id, "contract_sql": _text(migration, Phase.CONTRACT)}
        notes += planner.check(changes, level=migration.level, schema=schema, **about)
        _check_facts(migration, changes, schema)
        taken = names.of_migration(migration)
        names.refuse_taken_twice(taken)
        names.refuse_taken(taken, lambda asked: holders(session, asked))
        expressions = planner.expressions_of(changes, migration=migration.id, level=migration.level, schema=schema)
        refused = objections(
            expressions, lambda each: objection_to(session, each.query, each.search_path, each.sample, each.trial)
        )
        refusals += refused
        if not refused:
            _refuse_obstacles(session, migration, changes, schema, Phase.EXPAND)
            notes += _at_the_edges(session, expressions)
    except Refused as refusal:
        refusals.append(refusal)
    for step in migration.phase(Phase.BACKFILL):
        try:
            check_rules(session, read_step(step))
        except Refused as refusal:
            refusals.append(refusal)
    planner.raise_all(refusals)
    for record in others.pending(session, run.key, migration) if is_installed(session) else ():
        needing = others.relied_on_by(session, changes, others.recorded_changes(record))
        if needing:
            notes.append(f"contract has to come behind that of {record.id}, which relies on {needing} until then")
    return [*notes, *surroundings.notes(session, migration, changes, Phase.EXPAND, Phase.BACKFILL)]


def _text(migration: Migration, phase: Phase) -> str:
    return "\n".join(step.sql for step in migration.phase(phase))


def _at_the_edges(session: Session, expressions: Sequence[tuple[Change, Expression]]) -> Iterator[str]:
    """Values of their types that expressions fail for: rows may hold them later."""
    for _, each in expressions:
        failing = [
            f"{called} ({objection})"
            for called, query in each.extremes
            if (objection := objection_to(session, query, each.search_path, sample=query)) is not None
        ]
        if failing:
            yield (
                f"{each.text} fails for {'; '.join(failing)}: a write goes through, and rows like that are counted "
                "before contract"
            )


def around_contract(run: Run, session: Session, migration: Migration) -> list[str]:
    """What people should know of what goes on around a contract.

    Raises:
        BudgetSpent: as ``before_expand``.
    """
    return _looked(
        run,
        session,
        migration,
        Phase.CONTRACT,
        lambda: list(surroundings.notes(session, migration, changes_of(migration), Phase.CONTRACT)),
    )


def before_contract(run: Run, session: Session, migration: Migration) -> None:
    """Check that contract removes nothing that came to be used since expand, and violates no row.

    Raises:
        Refused: it would.
        OutOfOrder: another migration must be contracted first.
        BudgetSpent: as ``before_expand``.
    """
    _looked(run, session, migration, Phase.CONTRACT, lambda: _before_contract(run, session, migration))


def _before_contract(run: Run, session: Session, migration: Migration) -> None:
    changes = changes_of(migration)
    _check_contract_order(run, session, migration, changes)
    schema = others.schema_of(session, changes)
    in_step.require_all_seen(changes, schema)
    built = (built_index(parse_script(step.sql).statements[0]) for step in migration.phase(Phase.EXPAND))
    planner.check_before_contract(
        changes,
        migration=migration.id,
        level=migration.level,
        schema=schema,
        built=frozenset(index[1] for index in built if index),
        contract_sql=_text(migration, Phase.CONTRACT),
    )
    _refuse_obstacles(session, migration, changes, schema, Phase.CONTRACT)
    steps = [(step, parse_script(step.sql).statements[0]) for step in migration.phase(Phase.CONTRACT)]
    validated = {constraint for _, statement in steps for constraint in validated_constraints(statement)}
    for step, statement in steps:
        condition = unchecked_condition(statement)
        if condition is None or condition[:2] not in validated:
            continue
        table, _, check = condition
        count = count_violations(session, table, check)
        if count:
            raise Refused(
                f"{counted(count, f'rows of {table} violate')} CHECK ({check})",
                at=step.at,
                hint=f"repair them first; they are those WHERE NOT ({check})",
            )


def before_rollback(run: Run, session: Session, migration: Migration) -> dict[str, int]:
    """Check that no row makes the undoing fail.

    Returns:
        By rollback step, how many rows hold data that exists only in the new shape; steps that lose nothing left out.

    Raises:
        Refused: one would.
        BudgetSpent: as ``before_expand``.
    """
    changes = changes_of(migration)

    def look() -> dict[str, int]:
        schema = others.schema_of(session, changes)
        in_step.require_all_seen(changes, schema)
        _refuse_obstacles(session, migration, changes, schema, Phase.ROLLBACK)
        return _rows_lost(session, migration)

    return _looked(run, session, migration, Phase.ROLLBACK, look)


def _refuse_obstacles(
    session: Session, migration: Migration, changes: Sequence[Change], schema: Schema, phase: Phase
) -> None:
    obstacles = planner.obstacles_of(
        changes,
        migration=migration.id,
        level=migration.level,
        schema=schema,
        rollback_sql=_text(migration, Phase.ROLLBACK),
    )
    for change, obstacle in obstacles:
        if obstacle.phase is not phase:
            continue
        try:
            with session.transaction(read_only=True):
                count = int(session.one(obstacle.count)[0])
        except ServerError as error:
            if not error.is_about_data:
                raise
            raise Refused(
                obstacle.problem,
                at=change.at or None,
                detail=f"for example: {error.server_message}",
                hint=obstacle.hint,
            ) from None
        if count:
            raise Refused(counted(count, obstacle.problem), at=change.at or None, hint=obstacle.hint)


def _rows_lost(session: Session, migration: Migration) -> dict[str, int]:
    counts = {}
    for step in migration.phase(Phase.ROLLBACK):
        if step.loses is not None:
            with session.transaction(read_only=True):
                counts[step.id] = int(session.one(step.loses)[0])
    return {step: count for step, count in counts.items() if count}


def _check_level(run: Run, session: Session, migration: Migration, changes: Sequence[Change]) -> None:
    del changes
    highest = state.highest_level(session, run.key)
    record = state.find(session, run.key, migration.id)
    if migration.level <= highest and (record is None or record.state in (State.PENDING, State.ROLLED_BACK)):
        raise Refused(
            f"level {migration.level} is not above level {highest}, which is expanded here already: "
            f"code built at level {highest} may lack this migration and would pass its gate",
            at=_file_of(migration, "migration.toml"),
            hint=f'"migrator renumber {migration.id}" moves it up; then build the new code with the level it gets',
        )


def _file_of(migration: Migration, name: str) -> str | None:
    return f"{migration.folder}/{name}" if migration.folder else None


def _check_others(run: Run, session: Session, migration: Migration, changes: Sequence[Change]) -> None:
    for record in others.pending(session, run.key, migration):
        others.check_beside(session, migration, changes, record.id, others.recorded_changes(record), run.migrations)


def _check_contract_order(run: Run, session: Session, migration: Migration, changes: Sequence[Change]) -> None:
    for earlier in migration.after_contract:
        record = state.find(session, run.key, earlier)
        if record is None or record.state not in (State.CONTRACTED, State.COMPLETE):
            raise OutOfOrder(
                f"after_contract names {earlier}, which is not contracted",
                hint=f'contract it first: "migrator contract {earlier}"',
            )
    for record in others.pending(session, run.key, migration):
        its = others.recorded_changes(record)
        shared = _shared(session, changes, its) if record.level < migration.level else set()
        needing = "" if shared else others.relied_on_by(session, changes, its)
        if shared or needing:
            raise OutOfOrder(
                f"{record.id} changes {', '.join(sorted(shared))} too, and comes before it"
                if shared
                else f"{record.id} relies on {needing} until it is contracted",
                hint=f'contract it first: "migrator contract {record.id}"',
            )


def _shared(session: Session, changes: Sequence[Change], its: Sequence[Change]) -> set[str]:
    """What an earlier migration is about, too."""
    tables = touching.touched_by(changes)
    touched = {(table, column) for table, columns in tables.items() for column in columns}
    pairs = [(each.kind, each.spec) for each in its]
    needed = (filled_by(pairs) & tables.keys()) | keys_needed_by(pairs, [each.spec for each in changes])
    shared = {str(table) for table in needed}
    shared |= {
        f"{table}.{column}"
        for table, columns in touching.touched_by(its).items()
        for column in columns
        if (table, column) in touched
    }
    if not shared and names_objects([*changes, *its]):
        shared = set(named_before(changes, its, others.schema_of(session, [*changes, *its])))
    return shared


def _check_facts(migration: Migration, changes: Sequence[Change], schema: Schema) -> None:
    if migration.assumed:
        differing = facts.differences(migration.assumed, facts.facts_of(schema, changes))
        if differing:
            raise Refused(
                "the database is not as the plan assumes",
                at=_file_of(migration, "migration.toml"),
                detail="\n".join(differing),
                hint=f'plan it again for this database: "migrator new --refresh {migration.id}"',
            )
    elif changes:
        planned = planner.plan(changes, migration=migration.id, level=migration.level, schema=schema)
        written = {step.id for step in migration.phase(Phase.EXPAND)}
        missing = [draft for draft in planned.drafts[Phase.EXPAND] if draft.id not in written]
        if missing:
            raise Refused(
                "expand.sql was written without a database and lacks what this one needs",
                at=_file_of(migration, "expand.sql"),
                detail="\n".join(f"{draft.id}: {draft.why}" for draft in missing),
                hint=f'plan it again for this database: "migrator new --refresh {migration.id}"',
            )
