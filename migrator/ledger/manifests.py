"""What releases use, by service and version, and which of them the contracts of migrations leave alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.ledger.queries", "manifests.sql")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One manifest of a version, as it was recorded.

    Attributes:
        level: the one that the version beats with.
        content: the document that "migrator manifest" wrote.
    """

    service: str
    version: str
    level: int
    sha256: str
    content: str
    recorded_at: datetime
    recorded_by: str

    @property
    def short(self) -> str:
        """What people are shown of its hash."""
        return self.sha256[:12]


@dataclass(frozen=True, slots=True)
class Build:
    """A version of a service, with the level that it beats with."""

    service: str
    version: str
    level: int

    def __str__(self) -> str:
        return f"{self.service} {self.version} at level {self.level}"


def are_kept(session: Session) -> bool:
    """Whether this ledger has manifests at all, and this role may read them."""
    there: bool = session.one(_SQL["there"]).there
    return there


def put(session: Session, project: str, build: Build, content: str) -> bool:
    """Add a manifest to a version; whether it was new."""
    added = session.execute(
        _SQL["put"],
        {
            **_keys(project, build),
            "level": build.level,
            "sha256": hashlib.sha256(content.encode()).hexdigest(),
            "content": content,
        },
    )
    return added > 0


def of_version(session: Session, project: str, service: str, version: str) -> tuple[Recorded, ...]:
    """All manifests of a version, the first recorded first; what it uses is what all of them say together."""
    rows = session.query(_SQL["of_version"], {"project": project, "service": service, "version": version})
    return tuple(Recorded(**row._asdict()) for row in rows)


def versions(session: Session, project: str) -> tuple[Build, ...]:
    """The versions with a manifest that an applied contract does not keep out already."""
    return tuple(Build(**row._asdict()) for row in session.query(_SQL["versions"], {"project": project}))


def exempt(session: Session, project: str, migration_id: str, build: Build, manifests: list[str]) -> None:
    """Let a version run below the level of a contract; to be called under the lock of the services."""
    session.execute(
        _SQL["exempt"],
        {**_keys(project, build), "migration": migration_id, "level": build.level, "manifests": manifests},
    )


def revoke(session: Session, project: str, migration_id: str, build: Build) -> bool:
    """Take that back; whether there was something. To be called under the lock of the services."""
    return session.execute(_SQL["revoke"], {**_keys(project, build), "migration": migration_id}) > 0


def revoke_all(session: Session, project: str, migration_id: str) -> None:
    """Take back what every version was granted; to be called under the lock of the services."""
    session.execute(_SQL["revoke_all"], {"project": project, "migration": migration_id})


def is_exempt(session: Session, build: Build) -> bool:
    """What a beat of this version is answered by: whether it may run below its service's level. Any role may ask."""
    found: bool = session.one(
        _SQL["is_exempt"], {"service": build.service, "version": build.version, "level": build.level}
    ).exempt
    return found


def _keys(project: str, build: Build) -> dict[str, str]:
    return {"project": project, "service": build.service, "version": build.version}
