"""How far a backfill is, over all processes and runs: for ``status``, and for whoever watches it run."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.backfill import control, job_progress
from migrator.backfill.checkpoint import JobKey
from migrator.backfill.control import Orders
from migrator.backfill.job_progress import JobProgress
from migrator.model.events import BackfillProgress
from migrator.postgres.session import Session


@dataclass(frozen=True, slots=True)
class BackfillStatus:
    """How far the backfill of a migration is, for ``status``.

    Attributes:
        rows_done: rows updated, over all steps, passes and runs.
        rows_total: rows of the tables by the planner's statistics; None: not known.
        percent: of the first pass over the blocks of all steps that were started, 0 to 100.
        rows_per_s: just now, by all processes; 0 while nobody is at it.
        eta_s: seconds to the end of the current pass at the cost per block so far, which does not count the time in
            which nothing ran; None: not known, or nobody is at it.
        state: ``running``, ``verifying``, ``throttled``, ``paused``, ``stopped`` (nobody is at it) or ``done``.
        reason: what it waits for; empty: nothing.
        rejected: rows set aside because they cannot be updated.
        rows_per_s_overall: rows for each second in which batches ran.
        hot_share: share of the rows whose update wrote no index entry, where it was counted; None: nowhere.
        wal_bytes: WAL the server wrote meanwhile, by everybody on it.
        growth_bytes: by how much the tables have grown; None: not measured.
        throttled_s: time in which batches were held back by signals.
        workers: of all processes, right now.
        processes: right now.
        notice: what people should know besides.
    """

    rows_done: int
    rows_total: int | None
    percent: float
    rows_per_s: float
    eta_s: float | None
    state: str
    reason: str
    rejected: int = 0
    rows_per_s_overall: float = 0.0
    hot_share: float | None = None
    wal_bytes: int = 0
    growth_bytes: int | None = None
    throttled_s: float = 0.0
    workers: int = 0
    processes: int = 0
    notice: str = ""


def progress(session: Session, project: str, migration_id: str) -> BackfillStatus | None:
    """How far the backfill of a migration is; None: it was never started."""
    jobs = job_progress.read(session, project, migration_id)
    if not jobs:
        return None
    orders = control.orders(session, project, migration_id)
    current = next((job for job in jobs if job.state != "done"), jobs[-1])
    at_work = current.alive and current.state != "done"
    estimated = sum(job.rows_estimated for job in jobs)
    rows_done = sum(job.rows_done for job in jobs)
    state, reason = _state(current, orders)
    return BackfillStatus(
        rows_done=rows_done,
        rows_total=estimated or None,
        percent=_percent(jobs),
        rows_per_s=orders.rows_per_s if orders and at_work and state not in ("throttled", "paused") else 0.0,
        eta_s=_eta_s(current, orders) if current.state == "done" or current.alive else None,
        state=state,
        reason=reason,
        rejected=sum(job.rejected for job in jobs),
        rows_per_s_overall=_overall(rows_done, orders),
        hot_share=_hot_share(jobs),
        wal_bytes=orders.wal_bytes if orders else 0,
        growth_bytes=_growth(jobs),
        throttled_s=orders.throttled_ms / 1000 if orders else 0.0,
        workers=orders.workers_at_work if orders and at_work else 0,
        processes=orders.processes if orders and at_work else 0,
        notice=orders.notice if orders and at_work else "",
    )


def event(key: JobKey, job: JobProgress, orders: Orders, kind: str) -> BackfillProgress:
    """How far one step is, for a listener.

    Args:
        key: the step's job.
        job: its progress.
        orders: of the backfill.
        kind: why our workers wait, ``paused``, ``quiet`` or ``throttled``; empty: they do not.
    """
    held = {"paused": "paused", "quiet": "paused", "throttled": "throttled"}.get(kind, job.state)
    return BackfillProgress(
        migration=key.migration,
        step=key.step,
        state="done" if job.state == "done" else held,
        rows_done=job.rows_done,
        blocks_done=job.blocks_done,
        blocks_total=job.blocks_total,
        rows_per_s=orders.rows_per_s,
        eta_s=_eta_s(job, orders),
        reason=job.reason,
        rows_total=job.rows_estimated or None,
        rows_per_s_overall=_overall(job.rows_done, orders),
        hot_share=_hot_share([job]),
        wal_bytes=orders.wal_bytes,
        growth_bytes=_growth([job]),
        throttled_s=orders.throttled_ms / 1000,
        workers=orders.workers_at_work,
        rejected=job.rejected,
    )


def _state(job: JobProgress, orders: Orders | None) -> tuple[str, str]:
    if job.state == "done":
        return "done", ""
    if orders is not None and orders.paused_by is not None:
        return "paused", f"paused by {orders.paused_by}"
    if not job.alive:
        return "stopped", ""
    if job.reason.startswith("throttled"):
        return "throttled", job.reason
    return ("paused" if job.reason.startswith("quiet hours") else job.state), job.reason


def _eta_s(job: JobProgress, orders: Orders | None) -> float | None:
    if job.state == "done":
        return 0.0
    if not job.blocks_done:
        return None
    left_s = (job.blocks_total - job.blocks_done) * job.busy_s_per_block
    return left_s / max(1, orders.workers_at_work if orders else 1) / (orders.share if orders else 1.0)


def _overall(rows_done: int, orders: Orders | None) -> float:
    return rows_done / orders.worked_ms * 1000 if orders and orders.worked_ms else 0.0


def _hot_share(jobs: list[JobProgress]) -> float | None:
    """Where a table gets one pass only, HOT rows are not counted, and nothing can be said."""
    hot = sum(job.rows_hot for job in jobs)
    return hot / max(1, sum(job.rows_done for job in jobs if job.rows_hot)) if hot else None


def _growth(jobs: list[JobProgress]) -> int | None:
    measured = [job.growth_bytes for job in jobs if job.growth_bytes is not None]
    return sum(measured) if measured else None


def _percent(jobs: list[JobProgress]) -> float:
    total = sum(max(job.blocks_total, 1) for job in jobs)
    done = sum(
        job.blocks_done if job.state == "running" and job.sweep == 1 else max(job.blocks_total, 1) for job in jobs
    )
    return 100.0 * done / total
