"""The row that all processes of a backfill obey: pauses, limits changed while it runs, and how the server is.

One process at a time reads the server and decides for all; which one does not matter, since what it must remember for
the next is in the row. The others read the row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from migrator.backfill.throttle import Decision, Memory
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.backfill.queries", "control.sql")

READ_EVERY_S = 0.25
_REMEMBERED = frozenset(field.name for field in fields(Memory))
_LEASE_S = 5.0
"""For how long a reader that said nothing more is waited for: longer than a slow look takes."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What is ordered for a backfill, and what was decided and measured.

    Attributes:
        paused_by: who paused it; None: it is not paused.
        paused_s: for how long it has been.
        workers: of each process; None: as configured. Likewise the next three.
        stops: whether no further batch begins, by the last look at the server.
        share: of its time that each worker may spend in batches.
        reason: the signal that is over; empty: none.
        notice: what people should know besides.
        rows_per_s: just now, by all processes.
        worked_ms: time in which batches ran, over all runs.
        throttled_ms: time in which they were held back, over all runs.
        wal_bytes: WAL the server wrote meanwhile, by everybody on it.
        workers_at_work: of all processes.
    """

    paused_by: str | None
    paused_s: float | None
    workers: int | None
    target_ms: int | None
    max_lag_ms: int | None
    max_rejected: int | None
    stops: bool
    share: float
    reason: str
    notice: str
    rows_per_s: float
    worked_ms: float
    throttled_ms: float
    wal_bytes: int
    workers_at_work: int
    processes: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to read the server, until ``end_reading``.

    Attributes:
        memory: of the look before.
        external: the last answers of the user's own signals.
        stopped: what was decided then.
        since_s: seconds since then.
    """

    memory: Memory
    external: dict[str, Any]
    stopped: bool
    since_s: float


@dataclass(frozen=True, slots=True)
class Member:
    """A process that works on a backfill."""

    project: str
    migration: str
    process: str

    def parameters(self, **more: Any) -> dict[str, Any]:
        """As parameters of a query."""
        return {**asdict(self), **more}


def ensure(session: Session, project: str, migration: str) -> None:
    """Make the row unless there is one."""
    session.execute(_SQL["ensure"], {"project": project, "migration": migration})


def orders(session: Session, project: str, migration: str) -> Orders | None:
    """What stands in the row; None: there is none."""
    row = session.maybe(_SQL["control"], {"project": project, "migration": migration})
    return Orders(**row._asdict()) if row else None


def begin_reading(session: Session, member: Member) -> Turn | None:
    """The right to read the server; None: somebody else has it, or the last look is fresh."""
    row = session.maybe(_SQL["begin_reading"], member.parameters(lease_s=_LEASE_S))
    if row is None:
        return None
    # Another version of this tool may remember more.
    stored = {name: value for name, value in row.memory.items() if name in _REMEMBERED}
    external = row.memory.get("external", {})
    for name in ("positions", "checkpoints"):
        stored[name] = tuple(tuple(each) for each in stored.get(name, ()))
    return Turn(Memory(**stored), external, row.stopped, row.since_s)


def end_reading(
    session: Session, member: Member, decision: Decision, external: dict[str, Any], *, notice: str,
    rows_per_s: float, worked_ms: float, throttled_ms: float, wal_bytes: int,
) -> None:  # fmt: skip
    """Write what was decided for everybody, and count time and WAL since the look before."""
    session.execute(
        _SQL["end_reading"],
        member.parameters(
            pause_s=READ_EVERY_S,
            stops=decision.stops,
            share=decision.share,
            reason=decision.reason,
            notice=notice,
            memory=json.dumps({**asdict(decision.memory), "external": external}),
            rows_per_s=rows_per_s,
            worked_ms=worked_ms,
            throttled_ms=throttled_ms,
            wal_bytes=wal_bytes,
        ),
    )


def pause(session: Session, project: str, migration: str, actor: str) -> bool:
    """Order that no further batch begins; whether that is new."""
    return session.execute(_SQL["pause"], {"project": project, "migration": migration, "actor": actor}) == 1


def resume(session: Session, project: str, migration: str) -> bool:
    """Order that it goes on; whether it was paused."""
    return session.execute(_SQL["resume"], {"project": project, "migration": migration}) == 1


def change(session: Session, project: str, migration: str, limits: Mapping[str, int]) -> None:
    """Order other limits for all processes.

    Args:
        limits: ``workers``, ``target_ms``, ``max_lag_ms``, ``max_rejected``; what is left out stays.
    """
    given = {name: limits.get(name) for name in ("workers", "target_ms", "max_lag_ms", "max_rejected")}
    session.execute(_SQL["set"], {"project": project, "migration": migration, **given})


def reset(session: Session, project: str, migration: str) -> None:
    """Order the limits that each process is configured with."""
    session.execute(_SQL["reset"], {"project": project, "migration": migration})


def here(session: Session, member: Member, workers: int) -> None:
    """Say that this process is at work."""
    session.execute(_SQL["here"], member.parameters(workers=workers))


def gone(session: Session, member: Member) -> None:
    """Say that this process is no longer at work."""
    session.execute(_SQL["gone"], member.parameters())


def measure(session: Session, project: str, migration: str, step: str) -> tuple[int, tuple[str, ...]]:
    """By how many bytes the tables of a step have grown since it began, and their names as SQL."""
    row = session.maybe(_SQL["measure"], {"project": project, "migration": migration, "step": step})
    return (row.growth or 0, tuple(row.leaves)) if row else (0, ())


def forget(session: Session, project: str, migration: str) -> None:
    """Drop what is recorded, after a rollback."""
    for name in ("forget_processes", "forget"):
        session.execute(_SQL[name], {"project": project, "migration": migration})
