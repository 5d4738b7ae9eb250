"""Every decision, override and retry: who, when, why. Appended, never changed; each hash covers the row before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.ledger.queries", "decisions.sql")


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of ``migrator.decision``."""

    seq: int
    at: datetime
    migration: str | None
    kind: str
    verdict: str | None
    reasons: list[str]
    evidence: dict[str, Any]
    actor: str
    session_role: str


def append(
    session: Session,
    project: str,
    migration_id: str | None,
    kind: str,
    verdict: str | None,
    reasons: list[str],
    evidence: dict[str, Any],
    actor: str,
) -> int:
    """Append a decision in the current transaction; its number in the chain, from 1 without gaps."""
    seq: int = session.one(
        _SQL["append"],
        {
            "project": project,
            "migration": migration_id,
            "kind": kind,
            "verdict": verdict,
            "reasons": json.dumps(reasons),
            "evidence": json.dumps(evidence, default=str),
            "actor": actor,
        },
    ).seq
    return seq


def recent(session: Session, project: str, migration_id: str | None = None, limit: int = 100) -> list[Decision]:
    """The last decisions, newest first; of one migration if named."""
    rows = session.query(_SQL["recent"], {"project": project, "migration": migration_id, "limit": limit})
    return [Decision(**row._asdict()) for row in rows]


def first_broken_link(session: Session) -> int | None:
    """The number of the first row whose hash does not fit or that is missing, or None when the chain is whole.

    A contract that is applied has exactly one decision that says so; without it, the end of the chain was cut.
    """
    row = session.maybe(_SQL["first_broken_link"])
    if row is not None:
        return int(row.seq)
    return last_link(session)[0] + 1 if unrecorded(session) else None


def unrecorded(session: Session) -> list[str]:
    """Migrations whose contract is applied without exactly one decision that says so."""
    return [row.id for row in session.query(_SQL["unrecorded"])]


def last_link(session: Session) -> tuple[int, str]:
    """Number and hash of the last decision; 0 and an empty hash when there is none."""
    row = session.maybe(_SQL["last_link"])
    return (int(row.seq), str(row.hash)) if row else (0, "")


def link(session: Session, seq: int) -> str | None:
    """The hash of one decision, or None when there is no such row."""
    row = session.maybe(_SQL["link"], {"seq": seq})
    return str(row.hash) if row else None
