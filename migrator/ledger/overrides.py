"""Verdicts that two people decided to overrule: one source, one service, one plan, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from migrator.errors import Refused
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.ledger.queries", "overrides.sql")

NOBODY = "-"
"""Stands for the service of what a source says about no service."""


@dataclass(frozen=True, slots=True)
class Override:
    """One row of ``migrator.override``.

    Attributes:
        service: ``-`` for what a source says about no service.
        plan_sha256: of the statements it was approved for.
        epoch: that of the services when it was asked for.
        requested_by: the role of the session that asked.
        approver: the role that must approve it, or did.
        expired: by the database's clock.
        outdated: whether a service or a fence changed since it was asked for.
    """

    id: int
    migration: str
    direction: str
    source: str
    service: str
    plan_sha256: str
    epoch: int
    reason: str
    requested_by: str
    actor: str
    approver: str
    requested_at: datetime
    expires_at: datetime
    approved_at: datetime | None
    approved_actor: str | None
    used_at: datetime | None
    expired: bool
    outdated: bool

    @property
    def only(self) -> str:
        """The one verdict it is about, ``SOURCE:SERVICE``."""
        return f"{self.source}:{self.service}"


def add(
    session: Session,
    project: str,
    migration_id: str,
    direction: str,
    *,
    source: str,
    service: str,
    plan_sha256: str,
    epoch: int,
    reason: str,
    actor: str,
    approver: str,
    expires_s: float,
) -> int:
    """Ask for one; its number."""
    number: int = session.one(
        _SQL["add"],
        {
            "project": project,
            "migration": migration_id,
            "direction": direction,
            "source": source,
            "service": service,
            "plan_sha256": plan_sha256,
            "epoch": epoch,
            "reason": reason,
            "actor": actor,
            "approver": approver,
            "expires_s": expires_s,
        },
    ).id
    return number


def every(session: Session, project: str, migration_id: str | None = None) -> tuple[Override, ...]:
    """All that were ever asked for, of one migration if named."""
    rows = session.query(_SQL["all"], {"project": project, "migration": migration_id})
    return tuple(Override(**row._asdict()) for row in rows)


def claim(session: Session, override: Override) -> bool:
    """Spend it; whether it could be."""
    return session.execute(_SQL["claim"], {"id": override.id}) > 0


def void(session: Session, project: str) -> int:
    """End every one that is not used; how many."""
    return session.execute(_SQL["void"], {"project": project})


def role(session: Session, name: str) -> tuple[str, bool | None]:
    """The role of this session, and whether the named role may log in; None: there is none of that name."""
    row = session.one(_SQL["role"], {"role": name})
    return row.mine, row.can_login


def approve(session: Session, number: int, actor: str, *, dry: bool) -> str:
    """Give the second person's word, as the role of this session; what was approved, for people.

    Raises:
        Refused: it is not this role's to give, or it is too late.
    """
    row = session.one(_SQL["approve"], {"id": number, "actor": actor, "dry": dry})
    if not row.ok:
        raise Refused(str(row.why), detail=row.shown)
    return str(row.shown)
