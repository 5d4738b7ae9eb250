"""Which level the builds of a service need, by version or by image digest."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.ledger.queries", "releases.sql")


@dataclass(frozen=True, slots=True)
class Release:
    """One build of a service.

    Attributes:
        digest: of its image, ``sha256:…``; empty where builds have none.
    """

    version: str
    digest: str
    level: int


def put(session: Session, project: str, service: str, release: Release) -> bool:
    """Add a build unless it is there, its level then stays; whether it was added."""
    added = session.execute(
        _SQL["put"],
        {
            "project": project,
            "service": service,
            "version": release.version,
            "digest": release.digest,
            "level": release.level,
        },
    )
    return added > 0


def find(session: Session, service: str, build: str) -> tuple[Release, ...]:
    """The builds of a listed service with this version or this digest, the first registered first.

    Any role may ask.
    """
    rows = session.query(_SQL["find"], {"service": service, "build": build})
    return tuple(Release(**row._asdict()) for row in rows)
