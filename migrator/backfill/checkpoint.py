"""Job and segments in the ledger: what is to be done, who does it, and what a finished pass leads to.

A job goes through passes. ``fill`` passes update rows; when one has passed over locked rows, another follows over the
blocks they are in. When nothing was passed over, a ``verify`` pass counts the rows that are still wrong; if there are
any, they are filled again, else the job is done. Any number of processes work on one job: a segment's row lock is the
lease on it, and the job's row lock is held by whoever moves the job from one pass to the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from migrator.backfill import target as catalog
from migrator.backfill.keys import KeySpan, KeyValue
from migrator.backfill.passes import Parting, Place, Tally
from migrator.backfill.segments import Span, split
from migrator.backfill.statements import AnySpan
from migrator.backfill.target import Leaf, LeafState, Target
from migrator.errors import MigratorError
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.backfill.queries", "checkpoint.sql")

LOCK_WAIT_MS = 2_000
"""Longest wait of planning for a batch of another worker, or for the lock to read a size."""

PASSES_WITHOUT_PROGRESS = 2
"""Verifications in a row that may find no fewer wrong rows than the one before."""


class Stage(Enum):
    """What ``move_on`` found or did."""

    WORKING = "segments are unfinished"
    LOCKED = "rows were locked: another pass over them begins after a pause"
    VERIFYING = "a verification begins"
    SWEEPING = "the verification found wrong rows: another pass over them begins"
    STALLED = "passes no longer reduce the number of wrong rows"
    VERIFIED = "the verification found nothing"
    DONE = "the job is done"


@dataclass(frozen=True, slots=True)
class JobKey:
    """Names a job in the ledger."""

    project: str
    migration: str
    step: str

    def parameters(self, **more: Any) -> dict[str, Any]:
        """As parameters of a query."""
        return {"project": self.project, "migration": self.migration, "step": self.step, **more}


@dataclass(frozen=True, slots=True)
class Claim:
    """A segment that this transaction has to itself.

    Attributes:
        leaf: the leaf's name as SQL.
        verifies: whether rows are to be counted, not updated.
        place: where it is.
        sweep: number of the sweep, from 1.
        has_rejected: whether rows of the job are set aside.
        hot_before: what ``rows_hot`` would have said before the batch.
        key_after: where the leaf is gone through by a key: the last one done; None: none yet.
        key_last: likewise the last of the segment; None: it goes to the end.
        parting: by what passes part the rows; None: by a hash of their places.
    """

    leaf: str
    segment: int
    verifies: bool
    place: Place
    sweep: int
    has_rejected: bool = False
    hot_before: int = 0
    key_after: KeyValue | None = None
    key_last: KeyValue | None = None
    parting: Parting | None = None


def make_job(session: Session, key: JobKey, target: Target) -> None:
    """Make the job unless there is one; without segments yet."""
    session.execute(_SQL["open_job"], key.parameters(relation=target.name.sql))


def is_untouched(session: Session, key: JobKey) -> bool:
    """Whether no segment of it is under way and no row set aside; locks the job for the rest of the transaction."""
    job = session.one(_SQL["lock_job"], key.parameters())
    if session.one(_SQL["has_rejected"], key.parameters()).has_rejected:
        return False
    return bool(job.state == "done" or not session.query(_SQL["planned"], key.parameters()))


def finish_at_once(session: Session, key: JobKey, target: Target, rows_done: int, busy_ms: float) -> None:
    """Record that this transaction did and verified all of the job."""
    _drop(session, key, None)
    more = {"relation": target.name.sql, "rows_done": rows_done, "busy_ms": busy_ms}
    session.execute(_SQL["finish_at_once"], key.parameters(**more))


def open_job(session: Session, key: JobKey, target: Target, parts: int) -> None:
    """Plan the job, made if there is none. One that was done is verified again: it may have been undone since.

    Args:
        parts: how many segments a leaf is cut into.
    """
    with session.transaction(lock_timeout_ms=LOCK_WAIT_MS):
        session.execute(_SQL["open_job"], key.parameters(relation=target.name.sql))
        job = session.one(_SQL["lock_job"], key.parameters())
        planned = session.query(_SQL["planned"], key.parameters())
        moved = job.relation != target.name.sql
        if moved:
            session.execute(_SQL["retarget"], key.parameters(relation=target.name.sql))
        if not planned or moved or job.state == "done":
            verifies = job.state == "done" and not moved
            _plan(session, key, target, parts, verifies=verifies)
            _set_job(session, key, "verifying" if verifies else "running", job.sweep)
        else:
            _set_job(session, key, job.state, job.sweep, rows_wrong=job.rows_wrong)


def move_on(session: Session, key: JobKey, target: Target, parts: int) -> Stage:
    """Begin the next pass if every segment of this one is finished."""
    with session.transaction(lock_timeout_ms=LOCK_WAIT_MS):
        job = session.one(_SQL["lock_job"], key.parameters())
        if job.state == "done":
            return Stage.DONE
        planned = session.query(_SQL["planned"], key.parameters())
        if any(row.unfinished for row in planned):
            return Stage.WORKING
        left = sum(row.rows_left for row in planned)
        if job.state == "running":
            if left:
                _again(session, key, pause_s=min(5.0, 0.1 * 2 ** min(job.sweep, 6)))
                _set_job(session, key, "running", job.sweep + 1, rows_wrong=job.rows_wrong, stalled=job.stalled)
                return Stage.LOCKED
            _plan(session, key, target, parts, verifies=True)
            _set_job(session, key, "verifying", job.sweep, rows_wrong=job.rows_wrong, stalled=job.stalled)
            return Stage.VERIFYING
        # Tables may have been attached, rewritten or detached while the verification ran.
        known = {row.leaf: row.file_node for row in planned}
        now = _leaves_by_name(session, target)
        unseen = [leaf for name, leaf in now.items() if known.get(name) != leaf.file_node]
        for name in [*(leaf.name.sql for leaf in unseen), *(name for name in known if name not in now)]:
            _drop(session, key, name)
        if unseen:
            _add(session, key, target, unseen, parts, verifies=True)
            return Stage.VERIFYING
        if not left:
            return Stage.VERIFIED
        stalled = job.stalled + 1 if job.rows_wrong is not None and left >= job.rows_wrong else 0
        if stalled >= PASSES_WITHOUT_PROGRESS:
            return Stage.STALLED
        _again(session, key, pause_s=0.0)
        _set_job(session, key, "running", job.sweep + 1, rows_wrong=left, stalled=stalled)
        return Stage.SWEEPING


def finish(session: Session, key: JobKey) -> None:
    """Record that the job is done, unless another process has begun a further pass since it was verified."""
    with session.transaction(lock_timeout_ms=LOCK_WAIT_MS):
        job = session.one(_SQL["lock_job"], key.parameters())
        planned = session.query(_SQL["planned"], key.parameters())
        if job.state == "verifying" and not any(row.unfinished or row.rows_left for row in planned):
            _set_job(session, key, "done", job.sweep, rows_wrong=0)


def replan_leaf(session: Session, key: JobKey, target: Target, leaf: str, parts: int) -> bool:
    """Start the pass over one leaf again if its file is no longer the one that was planned; whether it did."""
    with session.transaction(lock_timeout_ms=LOCK_WAIT_MS):
        job = session.one(_SQL["lock_job"], key.parameters())
        known = {row.leaf: row.file_node for row in session.query(_SQL["planned"], key.parameters())}
        now = _leaves_by_name(session, target)
        if leaf not in known or (leaf in now and now[leaf].file_node == known[leaf]):
            return False
        _drop(session, key, leaf)
        if leaf in now:
            _add(session, key, target, [now[leaf]], parts, verifies=job.state == "verifying")
        return True


def left_spans(session: Session, key: JobKey, target: Target) -> list[tuple[Leaf, AnySpan]]:
    """Where the verification found wrong rows; leaves that are gone are left out."""
    found: list[tuple[Leaf, AnySpan]] = []
    for row in session.query(_SQL["left_spans"], key.parameters()):
        leaf = catalog.leaf(session, target.columns, row.leaf, target.key)
        if leaf is not None and leaf.key is not None:
            found.append((leaf, KeySpan(leaf.key, _value(row.after), _value(row.last))))
        elif leaf is not None:
            found.append((leaf, Span.of_blocks(row.start, row.stop)))
    return found


def beat(session: Session, key: JobKey, reason: str) -> None:
    """Say that this job is being worked on, and what it waits for."""
    session.execute(_SQL["beat"], key.parameters(reason=reason))


def claim(session: Session, key: JobKey, worker: str) -> Claim | None:
    """A segment with work left that nobody else has, for the rest of the transaction; None: there is none."""
    row = session.maybe(_SQL["claim"], key.parameters(worker=worker))
    if row is None:
        return None
    place = Place(
        window_start=row.window_start,
        number=row.number,
        passes=row.passes,
        next_block=row.next_block,
        stop_block=row.stop_block,
        cold=row.cold,
        first=Tally(row.first_rows, row.first_hot),
        later=Tally(row.later_rows, row.later_hot),
        line=row.next_line,
    )
    return Claim(
        row.leaf,
        row.segment,
        row.task == "verify",
        place,
        row.sweep,
        row.has_rejected,
        row.hot_before or 0,
        _value(row.key_after),
        _value(row.key_last),
        None if row.part_column is None else Parting(row.part_column, row.part_step),
    )


def rows_hot(session: Session, leaf: str) -> int:
    """How many rows of a leaf were updated without a new index entry, counted from some earlier moment on."""
    hot: int = session.one(_SQL["rows_hot"], {"leaf": leaf}).hot
    return hot


def limit(session: Session, *, lock_ms: int, statement_ms: int) -> None:
    """Settings of a batch, for the rest of the transaction."""
    session.execute(_SQL["limits"], {"lock": f"{lock_ms}ms", "statement": f"{statement_ms}ms"})


def advance(
    session: Session, key: JobKey, claimed: Claim, worker: str, place: Place, *, batch_stop: int, rows_done: int,
    rows_hot: int, rows_left: int, key_stop: KeyValue | None = None, by_key: bool = False,
) -> bool:  # fmt: skip
    """Record the progress of a batch in its transaction.

    Args:
        place: where the segment is after it.
        batch_stop: the end of the blocks it did, exclusive.
        rows_left: rows passed over for good, or found wrong.
        key_stop: the last key it did, where the leaf is gone through by one; None: to the end.
        by_key: whether it is.

    Returns:
        False: the leaf has another file now, and the batch must be rolled back.
    """
    changed = session.execute(
        _SQL["advance"],
        key.parameters(
            leaf=claimed.leaf,
            segment=claimed.segment,
            worker=worker,
            from_block=claimed.place.next_block,
            batch_stop=batch_stop,
            next_block=place.next_block,
            next_line=place.line,
            window_start=place.window_start,
            number=place.number,
            passes=place.passes,
            cold=place.cold,
            first_rows=place.first.rows,
            first_hot=place.first.hot,
            later_rows=place.later.rows,
            later_hot=place.later.hot,
            rows_done=rows_done,
            rows_hot=rows_hot,
            rows_left=rows_left,
            key_stop=None if key_stop is None else list(key_stop),
            by_key=by_key,
        ),
    )
    return changed == 1


def is_noticed(session: Session, leaf: str) -> bool:
    """Whether somebody waits for a row that this transaction holds, or others than workers write to a leaf."""
    noticed: bool = session.one(_SQL["noticed"], {"leaf": leaf}).is_noticed
    return noticed


def forget(session: Session, project: str, migration: str) -> None:
    """Drop the jobs of a migration, so that it may be backfilled anew after a rollback."""
    key = {"project": project, "migration": migration}
    session.execute(_SQL["forget_segments"], key)
    session.execute(_SQL["forget_jobs"], key)


def _value(values: list[str] | None) -> KeyValue | None:
    return None if values is None else tuple(values)


def _leaves_by_name(session: Session, target: Target) -> dict[str, LeafState]:
    return {leaf.name.sql: leaf for leaf in catalog.leaves(session, target)}


def _plan(session: Session, key: JobKey, target: Target, parts: int, *, verifies: bool) -> None:
    _drop(session, key, None)
    _add(session, key, target, catalog.leaves(session, target), parts, verifies=verifies)


def _drop(session: Session, key: JobKey, leaf: str | None) -> None:
    session.execute(_SQL["fold"], key.parameters(leaf=leaf))
    session.execute(_SQL["drop_segments"], key.parameters(leaf=leaf))


def _add(
    session: Session, key: JobKey, target: Target, leaves: Iterable[LeafState], parts: int, *, verifies: bool
) -> None:
    for leaf in leaves:
        parting = None if verifies else catalog.parting(session, target, leaf)
        bounds = catalog.bounds(session, leaf, parts) if leaf.key else []
        ranges = split(leaf.blocks, len(bounds) + 1, 1) if leaf.key else split(leaf.blocks, parts)
        edges = [None, *(value for (value,) in bounds), None] if leaf.key else [None] * (len(ranges) + 1)
        session.execute(
            _SQL["add_segments"],
            key.parameters(
                leaf=leaf.name.sql,
                task="verify" if verifies else "fill",
                file_node=leaf.file_node,
                numbers=list(range(len(ranges))),
                starts=[start for start, _ in ranges],
                stops=[stop for _, stop in ranges],
                afters=edges[:-1],
                lasts=edges[1:],
                part_column=parting and parting.column,
                part_step=parting and parting.step,
            ),
        )


def _again(session: Session, key: JobKey, *, pause_s: float) -> None:
    """Another pass over what was left; segments where nothing was are finished."""
    session.execute(_SQL["fold_left"], key.parameters())
    if session.execute(_SQL["rearm"], key.parameters(pause_s=pause_s)) < 1:
        raise MigratorError(f"job {key} has rows left but no segment that says where")
    session.execute(_SQL["settle"], key.parameters())


def _set_job(
    session: Session, key: JobKey, state: str, sweep: int, *, rows_wrong: int | None = None, stalled: int = 0
) -> None:
    session.execute(
        _SQL["set_job"],
        key.parameters(state=state, sweep=sweep, stalled=stalled, rows_wrong=rows_wrong),
    )
