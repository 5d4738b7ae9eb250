"""The database that the ledger was made in, and noticing that this one is a copy of it."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.ledger.queries", "home.sql")


@dataclass(frozen=True, slots=True)
class Home:
    """Where the ledger was made, and where it is.

    Attributes:
        made_in: system identifier and database oid.
        now_in: likewise; another system after a dump, a restore elsewhere or ``pg_upgrade``, another oid after
            ``CREATE DATABASE … TEMPLATE``.
        name: of this database.
    """

    made_in: tuple[str, int]
    now_in: tuple[str, int]
    name: str

    @property
    def is_copy(self) -> bool:
        """Whether what the ledger says of running code is about another database."""
        return self.made_in != self.now_in


def home(session: Session) -> Home:
    """Both identities."""
    row = session.one(_SQL["identity"])
    return Home(
        (row.made_in_system or "", row.made_in_database or 0), (row.system_identifier, row.database_oid), row.name
    )


def projects(session: Session) -> tuple[str, ...]:
    """Every project with migrations here."""
    return tuple(row.project for row in session.query(_SQL["projects"]))


def settle(session: Session, reason: str) -> list[str]:
    """Make this database the ledger's home; the instances that were set aside. In the transaction that is open."""
    ended = session.query(_SQL["end_instances"], {"reason": reason})
    session.execute(_SQL["forget_samples"])
    session.execute(_SQL["forget_leases"])
    session.execute(_SQL["settle"])
    return sorted(f"{row.service}/{row.instance}" for row in ended)
