"""The services that use the database, the window of levels each may run, and the processes that said they run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from migrator.config import ServiceSettings, seconds
from migrator.errors import UsageError
from migrator.ledger.manifests import Build
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.ledger.queries", "services.sql")

RESERVED_NAME = "migrator"
"""Sessions of the tool carry ``migrator/…`` as application_name; a service of that name could not be told from it."""


@dataclass(frozen=True, slots=True)
class Service:
    """One row of ``migrator.service``.

    Attributes:
        kind: ``long``, ``batch`` or ``external``; external services never beat.
        ttl_s: how long one beat is good for.
        expect_zero: whether no instance is expected, for ``expect_reason``.
        db_roles: patterns (``*`` and ``?``) of the roles it connects with.
        min_level: lowest level that may run, raised by applied contracts.
        max_level: highest level that may run, raised by expands.
        epoch: changes whenever the window or a fence does.
    """

    name: str
    kind: str
    ttl_s: int
    expect_zero: bool
    expect_reason: str
    db_roles: tuple[str, ...]
    min_level: int
    max_level: int
    epoch: int
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class Instance:
    """A process that counts as running.

    Attributes:
        state: ``live``, or ``stopped`` or ``retired`` for one that beats although its end was recorded.
        stale: whether its last beat is older than its ttl; it counts as running all the same.
        listed: whether its service is known.
    """

    service: str
    instance: str
    boot: str
    level: int
    version: str
    state: str
    role_name: str
    first_beat: datetime
    stale: bool
    listed: bool
    last_seen_s: float


@dataclass(frozen=True, slots=True)
class Window:
    """The levels a service may run now, standing fences included; both ends inclusive.

    Attributes:
        max_level: None for a service that is not listed.
    """

    listed: bool
    project: str | None
    min_level: int
    max_level: int | None
    ttl_s: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Server:
    """Which server answered, and its clock; a failover changes the first two."""

    system_identifier: str
    timeline_id: int
    at: datetime

    @property
    def identity(self) -> tuple[str, int]:
        """What stays the same as long as no failover happened."""
        return self.system_identifier, self.timeline_id


@dataclass(frozen=True, slots=True)
class Sample:
    """What one look came to, and on which server."""

    at: datetime
    clean: bool
    system_identifier: str
    timeline_id: int


def listed(session: Session, project: str) -> tuple[Service, ...]:
    """The services of a project that are not retired, by name."""
    return _services(session.query(_SQL["listed"], {"project": project}))


def _services(rows: Iterable[tuple[object, ...]]) -> tuple[Service, ...]:
    return tuple(Service(**{**row._asdict(), "db_roles": tuple(row.db_roles)}) for row in rows)  # type: ignore[attr-defined]


def sync(session: Session, project: str, configured: Sequence[ServiceSettings]) -> list[str]:
    """Add the configured services and update what changed; the names of those. Nothing is ever removed.

    Opens its own transaction, and only when there is something to do.

    Raises:
        UsageError: a name is reserved, or listed by another project in this database.
    """
    if not configured:
        return []
    known = {service.name: service for service in listed(session, project)}
    changed = [service for service in configured if _differs(service, known.get(service.name))]
    if not changed:
        return []
    _check_names(session, project, [service.name for service in changed])
    with session.transaction(lock_timeout_ms=10_000):
        session.execute(_SQL["lock_list"], {"project": project})
        for service in sorted(changed, key=lambda service: service.name):
            session.execute(_SQL["put"], {"project": project, "name": service.name, **_columns(service)})
    return [service.name for service in changed]


def _columns(service: ServiceSettings) -> dict[str, object]:
    return {
        "kind": service.kind,
        "ttl_s": math.ceil(seconds(service.ttl)),
        "expect_zero": service.expect == "zero",
        "expect_reason": service.reason,
        "db_roles": list(service.db_roles),
    }


def _differs(wanted: ServiceSettings, known: Service | None) -> bool:
    if known is None:
        return True
    have = {name: getattr(known, name) for name in _columns(wanted)}
    return {**have, "db_roles": list(known.db_roles)} != _columns(wanted)


def _check_names(session: Session, project: str, names: list[str]) -> None:
    if RESERVED_NAME in names:
        raise UsageError(
            f'a service cannot be called "{RESERVED_NAME}"',
            detail=f"sessions of this tool carry {RESERVED_NAME}/… as application_name.",
        )
    for row in session.query(_SQL["projects_of"], {"project": project, "names": names}):
        raise UsageError(
            f'service "{row.service}" is listed by project "{row.project}" in this database',
            detail="a beat names its service but no project, and levels of two projects cannot be compared.",
            hint=f'give it a name of its own here, such as "{row.service}-{project}", and beat under both names',
        )


def lock(session: Session, project: str) -> tuple[Service, ...]:
    """Every service under lock until the end of the transaction: no beat is answered meanwhile.

    What is read afterwards, in new statements of a READ COMMITTED transaction, is what holds: every beat that was
    answered before has committed, and no other will be answered until the end.
    """
    session.execute(_SQL["lock_list"], {"project": project})
    session.query(_SQL["take_turns"], {"project": project})
    return _services(session.query(_SQL["lock_rows"], {"project": project}))


def touch(session: Session, project: str) -> None:
    """Mark that fences changed, so that no beat answers from an older snapshot."""
    session.execute(_SQL["touch"], {"project": project})


def raise_floor(session: Session, project: str, requires: Mapping[str, int]) -> None:
    """Refuse code below these levels for ever; never lowers. To be called under ``lock``."""
    session.execute(_SQL["raise_floor"], {"project": project, "requires": json.dumps(dict(requires))})


def raise_ceiling(session: Session, project: str, level: int) -> None:
    """Allow code up to ``level``; to be called under ``lock``."""
    session.execute(_SQL["raise_ceiling"], {"project": project, "level": level})


def lower_ceiling(session: Session, project: str, level: int) -> None:
    """Refuse code at ``level`` and above; to be called under ``lock``."""
    session.execute(_SQL["lower_ceiling"], {"project": project, "level": level})


def window(session: Session, name: str) -> Window:
    """The levels a service may run now."""
    return Window(**session.one(_SQL["window"], {"name": name})._asdict())


def running(session: Session, project: str) -> tuple[Instance, ...]:
    """Every instance of the project's services and of unlisted services that counts as running."""
    return tuple(Instance(**row._asdict()) for row in session.query(_SQL["running"], {"project": project}))


def levels_seen(session: Session, project: str) -> dict[str, tuple[int, int]]:
    """Lowest and highest level each service was ever seen at; services never seen are missing."""
    return {row.name: (row.lowest, row.highest) for row in session.query(_SQL["levels_seen"], {"project": project})}


def builds_seen(session: Session, project: str, requires: Mapping[str, int]) -> tuple[Build, ...]:
    """The versions that were seen below ``requires``."""
    rows = session.query(_SQL["builds_seen"], {"project": project, "requires": json.dumps(dict(requires))})
    return tuple(Build(**row._asdict()) for row in rows)


def clean_since(
    session: Session, project: str, requires: Mapping[str, int], exempt: Sequence[Build] = ()
) -> datetime | None:
    """The moment from which instance rows prove that no code below ``requires`` ran; None when nothing bounds it.

    It says nothing about instances that count as running now; those are what ``running`` is for. Builds that are
    ``exempt`` may run below.
    """
    since: datetime | None = session.one(
        _SQL["clean_since"],
        {
            "project": project,
            "requires": json.dumps(dict(requires)),
            "exempt": json.dumps([asdict(build) for build in exempt]),
        },
    ).since
    return since


def retire(session: Session, service: str, instance: str, reason: str) -> int:
    """Record that stale instances of this name are gone for certain; how many."""
    return session.execute(_SQL["retire"], {"service": service, "instance": instance, "reason": reason})


@dataclass(frozen=True, slots=True)
class KnownRow:
    """A row of an instance name, running or not."""

    boot: str
    level: int
    state: str
    running: bool
    stale: bool
    last_seen_s: float


def matching(session: Session, service: str, instance: str) -> tuple[KnownRow, ...]:
    """All rows of one instance name, the one seen last at the end."""
    rows = session.query(_SQL["matching"], {"service": service, "instance": instance})
    return tuple(KnownRow(**row._asdict()) for row in rows)


def server(session: Session) -> Server:
    """Which server this is, and its clock."""
    return Server(**session.one(_SQL["server"])._asdict())


def expanded_here(session: Session, project: str, migration_id: str, server_: Server) -> bool:
    """Whether a migration was expanded on this very server: no failover since, which could have lost beats."""
    here: bool = session.one(
        _SQL["expanded_here"],
        {
            "project": project,
            "migration": migration_id,
            "system_identifier": server_.system_identifier,
            "timeline_id": server_.timeline_id,
        },
    ).here
    return here


def add_sample(
    session: Session,
    project: str,
    migration_id: str,
    direction: str,
    seen: Server,
    *,
    clean: bool,
    verdict: str,
    overrides: Sequence[int] = (),
) -> None:
    """Record what a look came to at ``seen.at``, and the overrides without which it would not have been clean."""
    session.execute(
        _SQL["add_sample"],
        {
            "project": project,
            "migration": migration_id,
            "direction": direction,
            "at": seen.at,
            "clean": clean,
            "verdict": verdict,
            "system_identifier": seen.system_identifier,
            "timeline_id": seen.timeline_id,
            "overrides": list(overrides),
        },
    )


def samples(
    session: Session,
    project: str,
    migration_id: str,
    direction: str,
    *,
    keep_s: float,
    now: datetime,
    overrides: Sequence[int] = (),
) -> tuple[Sample, ...]:
    """What looks came to, oldest first, with these overrides in force; those older than ``keep_s`` s are dropped."""
    key = {"project": project, "migration": migration_id, "direction": direction}
    session.execute(_SQL["forget_samples"], {**key, "before": now - timedelta(seconds=keep_s)})
    rows = session.query(_SQL["samples"], {**key, "overrides": list(overrides)})
    return tuple(Sample(**row._asdict()) for row in rows)


def ever_beat(session: Session) -> bool:
    """Whether any instance of any service was ever seen in this database, refused or not."""
    seen: bool = session.one(_SQL["ever_beat"]).seen
    return seen


def epoch(session: Session, project: str) -> int:
    """A number that grows with every change of a window or a fence of the project."""
    value: int = session.one(_SQL["epoch"], {"project": project}).epoch
    return value


def retire_service(session: Session, project: str, name: str, reason: str) -> bool:
    """Take a service off the list, to be called under ``lock``; whether it was on it."""
    return session.execute(_SQL["retire_service"], {"project": project, "name": name, "reason": reason}) > 0


def prune(session: Session, project: str, *, before: datetime) -> int:
    """Forget instances that ended before a moment, but the last of each service and level; how many."""
    return session.execute(_SQL["prune"], {"project": project, "before": before})
