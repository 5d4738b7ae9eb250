"""How far the jobs of a migration are, read from the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.backfill.passes import WINDOW
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.backfill.queries", "job_progress.sql")


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is, over all processes and runs.

    Attributes:
        alive: whether a process reported within the last 10 s.
        rows_done: rows updated.
        rows_hot: those of them whose new version fitted on the page of the old one.
        rows_skipped: how often a row was passed over because it was locked.
        rejected: rows set aside because they cannot be updated.
        busy_ms: time spent in batches, added up over workers.
        blocks_done: blocks of the current pass that are done.
        blocks_total: blocks of the current pass.
        busy_s_per_block: time of one worker that a block of the current pass has cost so far.
        growth_bytes: by how much its tables have grown; None: not measured.
        rows_estimated: rows of the table by the planner's statistics; 0: not known.
    """

    step: str
    state: str
    reason: str
    sweep: int
    alive: bool
    rows_done: int
    rows_hot: int
    rows_skipped: int
    rejected: int
    batches: int
    busy_ms: float
    blocks_done: int
    blocks_total: int
    workers: int
    busy_s_per_block: float
    growth_bytes: int | None
    rows_estimated: int


def read(session: Session, project: str, migration: str, step: str | None = None) -> list[JobProgress]:
    """Progress of the jobs of a migration that were started, in order."""
    rows = session.query(_SQL["read"], {"project": project, "migration": migration, "step": step, "window": WINDOW})
    return [JobProgress(**row._asdict()) for row in rows]
