"""Looking into the shop's database: what the ledger recorded, and every order as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migrator.backfill.progress import progress
from migrator.demo.records import Seen
from migrator.ledger import state
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.demo.queries", "look.sql")
_PAGE = 20_000


@dataclass(frozen=True, slots=True)
class Filled:
    """What the backfill did.

    Attributes:
        rows: rows it wrote.
        seconds: from its first batch to the end of the verification.
    """

    rows: int
    seconds: float

    @property
    def rows_per_s(self) -> float:
        """Verification included."""
        return self.rows / self.seconds if self.seconds else 0.0


def longest_locks(session: Session) -> dict[str, float]:
    """Longest time statements in transactions held locks, in milliseconds, by phase of the migration."""
    return {row.phase: row.held_ms for row in session.query(_SQL["longest_locks"])}


def fences(session: Session) -> int:
    """How often a fence was raised."""
    raised: int = session.one(_SQL["fences"]).raised
    return raised


def alive_at_contract(session: Session) -> int | None:
    """Processes of old code that had not ended when the contract was applied; None: it is not applied."""
    row = session.maybe(_SQL["alive_at_contract"])
    return row.alive if row else None


def filled(session: Session, project: str) -> Filled:
    """What the backfill of the only migration did."""
    record = state.all_records(session, project)[0]
    status = progress(session, project, record.id)
    return Filled(status.rows_done if status else 0, session.one(_SQL["backfill_seconds"]).seconds or 0.0)


def orders(session: Session) -> Iterator[Seen]:
    """Every order, by id, read in pages; under whichever name the column has."""
    statement = _SQL["new_totals" if session.one(_SQL["renamed"]).renamed else "old_totals"]
    after = 0
    while rows := session.query(statement, {"after": after, "limit": _PAGE}):
        for row in rows:
            yield Seen(*row)
        after = rows[-1].id
