"""A plan for people: every step with its lock, whom it makes wait, its SQL and what undoes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from migrator.model.plan import Migration, Phase, Step
from migrator.planning.phase_file import describe_locks
from migrator.sql.compose import qualified
from migrator.sql.parser import parse_script
from migrator.sql.subjects import created_relation

_WHEN = {
    Phase.EXPAND: "before the new code is deployed",
    Phase.BACKFILL: "any time after expand; in small batches",
    Phase.CONTRACT: "through the gate, when no running code needs the old shape",
    Phase.ROLLBACK: "only on request, until contracted",
}


def lines(migration: Migration, phases: tuple[Phase, ...], rows: Mapping[str, int]) -> Iterator[str]:
    """The lines of a plan.

    Args:
        migration: what to show.
        phases: which phases of it.
        rows: estimated rows by relation as written in the steps; empty when no database was asked.
    """
    level = f"level {migration.level}" if migration.level else "no level"
    yield f"{migration.id}  {level}  {migration.title}"
    made = tuple(_made(migration))
    for phase in phases:
        steps = migration.phase(phase)
        if not steps:
            continue
        yield ""
        yield f"{phase.value}: {_WHEN[phase]}"
        for number, step in enumerate(steps, start=1):
            yield from _step(number, step, rows, _unknown(made, phase, number))


def sql_lines(migration: Migration, phases: tuple[Phase, ...]) -> Iterator[str]:
    """Only the statements, ready to be read or piped."""
    for phase in phases:
        for step in migration.phase(phase):
            yield f"-- {phase.value}: {step.id}"
            yield f"{step.sql};"


def _made(migration: Migration) -> Iterator[tuple[int, str, str]]:
    """Tables and materialized views that expand makes: the number of the step, the name as SQL, the bare name."""
    for number, step in enumerate(migration.phase(Phase.EXPAND), start=1):
        for statement in parse_script(step.sql, step.at).statements:
            made = created_relation(statement)
            if made and statement.kind in ("create_stmt", "create_table_as_stmt") and not statement.node.if_not_exists:
                yield number, qualified(*made), made[1]


def _unknown(made: Sequence[tuple[int, str, str]], phase: Phase, number: int) -> frozenset[str]:
    """Those of them that nobody else knows when a step runs.

    While expand runs, what it has made; once it is over, what has a name of the tool's own.
    """
    return frozenset(
        table
        for since, table, name in made
        if (since < number if phase is Phase.EXPAND else name.startswith("migrator_"))
    )


def _step(number: int, step: Step, rows: Mapping[str, int], unknown: frozenset[str]) -> Iterator[str]:
    yield f"  {number}. {step.id}" + (f": {step.reason}" if step.reason else "")
    if step.phase is Phase.BACKFILL:
        yield "     locks: only the rows of one batch, for as long as the batch takes"
    else:
        yield f"     locks: {step.locks or describe_locks(step.effects, unknown) or 'no existing table'}"
    relation = step.effects.relation
    if relation is not None and relation in rows and (step.phase is Phase.BACKFILL or not step.effects.brief):
        yield f"     rows: about {rows[relation]:,}"
    yield f"     transaction: {step.group or 'none'}"
    yield from (f"     | {line}" for line in step.sql.splitlines())
    if step.undo:
        yield from (f"     undo | {line}" for line in step.undo.splitlines())
