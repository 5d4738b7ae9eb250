"""Small tables at once: filled and verified in one short transaction by the director, without segments and workers.

It is an attempt. Whatever is not plain (a lock that is refused, a row that fails, one that is still wrong, a table that
changes meanwhile, or simply too much time) rolls it back, and the ordinary way follows, which knows what to do.
"""

from __future__ import annotations

import time

from migrator.backfill import checkpoint, target
from migrator.backfill.checkpoint import JobKey
from migrator.backfill.segments import Span
from migrator.backfill.sizing import Limits
from migrator.backfill.statements import BackfillStatement
from migrator.backfill.target import LeafState, Target
from migrator.postgres.session import ServerError, Session

SMALL_BYTES = 512 * 2**10
"""Of all leaves with what lies outside of them: one statement over them takes about 15 ms (74 blocks, two indexes,
PostgreSQL 18), a sixth of the usual target, while starting a worker and three transactions for it took 90 ms more."""

MOST_LEAVES = 16
"""Each is locked until the end."""

_TARGET_MS = 100
"""What ``SMALL_BYTES`` is about; less is small where batches are to be shorter."""


class _NotPlain(Exception):
    """Rolls the attempt back."""


def run(session: Session, key: JobKey, statement: BackfillStatement, found: Target, limits: Limits) -> int | None:
    """Do all of a small table.

    Args:
        limits: of a batch.

    Returns:
        Rows done; the job is then done as well. None: it is not small, or not plain, and nothing was changed.
    """
    before = target.leaves(session, found)
    if not is_small(before, limits.target_ms):
        return None
    try:
        with session.transaction(lock_timeout_ms=checkpoint.LOCK_WAIT_MS):
            if not checkpoint.is_untouched(session, key):
                raise _NotPlain
            started = time.monotonic()
            checkpoint.limit(session, lock_ms=limits.lock_ms, statement_ms=limits.statement_ms)
            rows = sum(
                session.execute(statement.fill(leaf.name, Span.of_blocks(0, leaf.blocks)))
                for leaf in before
                if leaf.blocks
            )
            _verify(session, statement, found, before)
            checkpoint.finish_at_once(session, key, found, rows, (time.monotonic() - started) * 1000)
            return rows
    except _NotPlain:
        return None
    except ServerError:
        return None


def is_small(leaves: list[LeafState], target_ms: float) -> bool:
    """Whether one statement over all of these leaves is short."""
    if len(leaves) > MOST_LEAVES or any(leaf.key is not None for leaf in leaves):
        return False
    return sum(leaf.size_bytes for leaf in leaves) <= SMALL_BYTES * min(1.0, target_ms / _TARGET_MS)


def _verify(session: Session, statement: BackfillStatement, found: Target, before: list[LeafState]) -> None:
    """As a verification does, of what is there by now."""
    after = target.leaves(session, found)
    if [(leaf.name, leaf.file_node) for leaf in after] != [(leaf.name, leaf.file_node) for leaf in before]:
        raise _NotPlain
    if target.oid_of(session, found.name) != found.oid:
        raise _NotPlain
    for leaf in after:
        if leaf.blocks and session.one(statement.count_wrong(leaf.name, Span.of_blocks(0, leaf.blocks))).rows:
            raise _NotPlain
