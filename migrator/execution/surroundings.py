"""What around a migration would stall it, and what room it needs: notes before the first statement.

Nothing of it is refused: it may be over in a moment, and no statement waits longer than its lock timeout for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from migrator.model.plan import Migration, Phase, Step
from migrator.model.stats import duration_title, size_title
from migrator.planning import touching
from migrator.planning.planner import Change
from migrator.postgres import surroundings
from migrator.postgres.session import Session
from migrator.sql.compose import qualified
from migrator.sql.parser import parse_script
from migrator.sql.subjects import built_index

_LONG_S = 60.0
"""A transaction that is older may well outlast the attempts at a lock, which go on for ``lock_budget`` (5 min)."""

_SLOT_BYTES = 1 << 30
_ROOM_BYTES = 256 << 20
"""Less is not worth a line."""

_GROWTH = 0.4
"""Of a table with its indexes by a backfill, where dead row versions can be removed meanwhile. Measured with the tables
of benchmarks/backfill.py: 0.14 with rows of 1 kB, 0.15 with three indexes, 0.5 without one."""

_WAL = 2.5
"""Times the size of the table with its indexes. Measured likewise: 1.2 (315 MB for 255 MB), 2.1 (190 MB for 92 MB) and
2.6 (154 MB for 59 MB)."""


def notes(session: Session, migration: Migration, changes: Sequence[Change], *phases: Phase) -> Iterator[str]:
    """What people should know before these phases, one line each."""
    steps = [step for phase in phases for step in migration.phase(phase)]
    if not steps:
        return
    relations: set[str] = {qualified(table.schema, table.name) for table in touching.touched_by(changes)}
    relations |= {step.effects.relation for step in steps if step.effects.relation}
    builds = any(_is_concurrent(step) for step in steps)
    fills = Phase.BACKFILL in phases and bool(migration.phase(Phase.BACKFILL))
    for each in surroundings.long_transactions(session, relations, _LONG_S):
        consequence = _consequence(each, builds=builds, fills=fills)
        if consequence:
            yield f"{each.who} is {duration_title(each.age_s)} old: {consequence}"
    if fills:
        for slot in surroundings.idle_slots(session):
            if slot.kept_bytes >= _SLOT_BYTES:
                yield (
                    f"nobody reads from replication slot {slot.name}, which keeps {size_title(slot.kept_bytes)} of "
                    "WAL: the backfill's comes on top"
                )
    yield from _room(session, steps, relations)


def _consequence(transaction: Any, *, builds: bool, fills: bool) -> str:
    if transaction.relations:
        return f"it holds locks on {', '.join(transaction.relations)}, which steps may have to wait for"
    if builds and transaction.has_snapshot:
        return "an index that is built concurrently has to wait for its end"
    if fills and transaction.has_snapshot:
        return "until its end the backfill's dead row versions stay, and the table grows by more"
    return ""


def _room(session: Session, steps: Sequence[Step], relations: set[str]) -> Iterator[str]:
    """How much more room the migration needs: what it copies, and what a backfill leaves behind."""
    sizes = {each.name: each for each in surroundings.sizes(session, relations)}
    needed: dict[str, float] = {}
    wal = 0.0
    for step in steps:
        touched = [sizes[lock.relation] for lock in step.effects.locks if lock.relation in sizes]
        if not touched:
            continue
        size = max(touched, key=lambda each: int(each.table_bytes))
        if step.phase is Phase.BACKFILL:
            needed[size.name] = needed.get(size.name, 0) + _GROWTH * (size.table_bytes + size.index_bytes)
            wal += _WAL * (size.table_bytes + size.index_bytes)
        elif built_index(parse_script(step.sql).statements[0]):
            own = size.index_bytes / max(size.indexes, 1)
            needed[size.name] = needed.get(size.name, 0) + own
            wal += own
        elif step.effects.rewrites_table:
            needed[size.name] = needed.get(size.name, 0) + size.table_bytes + size.index_bytes
            wal += size.table_bytes + size.index_bytes
    if sum(needed.values()) >= _ROOM_BYTES:
        parts = ", ".join(f"{name} {size_title(int(room))}" for name, room in sorted(needed.items()))
        yield (
            f"needs about {size_title(int(sum(needed.values())))} more on the disk ({parts}), and writes about "
            f"{size_title(int(wal))} of WAL, most of which is removed meanwhile; the server does not say what is free"
        )


def _is_concurrent(step: Step) -> bool:
    return " CONCURRENTLY " in step.sql and not step.effects.transactional
