"""What a source counted at its last look, and what a barrier must undo; kept in the ledger, one document a topic."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.gate.queries", "notes.sql")


@dataclass(frozen=True, slots=True)
class Topic:
    """Whose note, about what."""

    project: str
    migration: str
    direction: str
    topic: str

    def _key(self) -> dict[str, Any]:
        return {
            "project": self.project,
            "migration": self.migration,
            "direction": self.direction,
            "topic": self.topic,
        }

    def read(self, session: Session) -> Note | None:
        """The last note; None: there is none."""
        if not session.one(_SQL["installed"]).there:
            return None
        row = session.maybe(_SQL["read"], self._key())
        return Note(row.taken_at, row.facts) if row is not None else None

    def write(self, session: Session, facts: dict[str, Any]) -> None:
        """Replace the note, in the open transaction or in one of its own."""
        with contextlib.nullcontext() if session.in_transaction else session.transaction():
            if not session.one(_SQL["installed"]).there:
                session.query(_SQL["take_turns"])
                session.execute(_SQL["install"])
            session.execute(_SQL["write"], {**self._key(), "facts": json.dumps(facts)})

    def forget(self, session: Session) -> None:
        """Remove the note."""
        if session.one(_SQL["installed"]).there:
            session.execute(_SQL["forget"], self._key())


@dataclass(frozen=True, slots=True)
class Note:
    """What was noted, and when by the database's clock."""

    taken_at: datetime
    facts: dict[str, Any]
