"""A plan for people: every step with its lock, whom it makes wait, its SQL and what undoes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from migrator.model.plan import Migration, Phase, Step
from migrator.planning.phase_file import describe_locks

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
    for phase in phases:
        steps = migration.phase(phase)
        if not steps:
            continue
        yield ""
        yield f"{phase.value}: {_WHEN[phase]}"
        for number, step in enumerate(steps, start=1):
            yield from _step(number, step, rows)


def sql_lines(migration: Migration, phases: tuple[Phase, ...]) -> Iterator[str]:
    """Only the statements, ready to be read or piped."""
    for phase in phases:
        for step in migration.phase(phase):
            yield f"-- {phase.value}: {step.id}"
            yield f"{step.sql};"


def _step(number: int, step: Step, rows: Mapping[str, int]) -> Iterator[str]:
    yield f"  {number}. {step.id}" + (f": {step.reason}" if step.reason else "")
    if step.phase is Phase.BACKFILL:
        yield "     locks: only the rows of one batch, for as long as the batch takes"
    else:
        yield f"     locks: {describe_locks(step.effects) or 'no existing table'}"
    relation = step.effects.relation
    if relation is not None and relation in rows and (step.phase is Phase.BACKFILL or not step.effects.brief):
        yield f"     rows: about {rows[relation]:,}"
    yield f"     transaction: {step.group or 'none'}"
    yield from (f"     | {line}" for line in step.sql.splitlines())
    if step.undo:
        yield from (f"     undo | {line}" for line in step.undo.splitlines())
