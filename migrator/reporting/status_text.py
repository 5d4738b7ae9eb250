"""Status for people: a line for each migration, and below it what it waits for."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.execution.status import Overview, Standing
from migrator.model.evidence import Verdict
from migrator.reporting import backfill_text

_MARKS = {"done": "done", "running": "running", "pending": "-", "none": ""}


def lines(overview: Overview) -> Iterator[str]:
    """The lines of a status."""
    if not overview.migrations:
        yield "no migrations, neither here nor in the database"
        return
    width = max(len("MIGRATION"), *(len(each.id) for each in overview.migrations))
    yield f"{'MIGRATION':<{width}}  LEVEL  {'EXPAND':<8} {'BACKFILL':<14} {'CONTRACT':<9} STATE"
    for each in overview.migrations:
        backfill = _backfill(each)
        yield (
            f"{each.id:<{width}}  {each.level:>5}  {_mark(each, 'expand'):<8} {backfill:<14} "
            f"{_mark(each, 'contract'):<9} {each.state}"
        )
        yield from (f"    {line}" for line in _below(each))


def _mark(standing: Standing, phase: str) -> str:
    """What is said of a phase; one that failed goes on only when somebody runs it again."""
    mark = _MARKS[standing.phases[phase]]
    return "stopped" if mark == "running" and standing.problem else mark


def _backfill(standing: Standing) -> str:
    if standing.phases["backfill"] == "running" and standing.backfill is not None:
        return f"{standing.backfill.percent:.0f} % {standing.backfill.state}"
    return _MARKS[standing.phases["backfill"]]


def _below(standing: Standing) -> Iterator[str]:
    if standing.problem:
        yield f"stopped: {standing.problem}"
    yield from standing.notes
    if not standing.in_folder:
        yield "its files are not in this folder"
    if standing.phases["backfill"] == "running" and standing.backfill is not None:
        status = standing.backfill
        yield backfill_text.speed(status) + (f"; {status.reason}" if status.reason else "")
        if cost := backfill_text.cost(status):
            yield cost
        if status.notice:
            yield status.notice
    if standing.report is None:
        return
    if standing.report.verdict is Verdict.PASS:
        yield f'ready: "migrator contract {standing.id}"'
        return
    for reason in standing.report.reasons[:3]:
        yield f"contract waits: {reason}"
    for observation in standing.report.observations:
        for item in observation.items[:5]:
            yield f"  {item.instance}: {item.why}"
