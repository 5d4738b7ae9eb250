"""Who is connected, on the primary and on every standby, and which transactions are prepared.

Closed world as far as every session maps to a service: by its role (``db_roles``; a suffix ``_l42`` is its level) or by
an ``application_name`` of the form ``service/version/level``. A session that maps to none may be anything, so it
blocks; one whose level is unknown counts as too old and as too new. Behind a pooler in transaction mode the
application_name is that of the last client only: there, roles with a level are what tells versions apart.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migrator.errors import GateUnknown
from migrator.gate.source import Question
from migrator.ledger.services import Service
from migrator.model.evidence import EvidenceItem, Observation, Verdict
from migrator.postgres.connect import Database
from migrator.postgres.queries import load
from migrator.postgres.session import Session

kind = "sessions"
polled = True

_SQL = load("migrator.gate.queries", "sessions.sql")
_ROLE_LEVEL = re.compile(r"_l([0-9]{1,9})\Z")
_APPLICATION = re.compile(r"(?P<service>[^/]+)/(?P<version>.*)/(?P<level>[0-9]{1,9})\Z")
_LONGEST_APPLICATION_NAME = 63  # bytes the server keeps; a name that fills them may have lost digits of its level
_STANDBY_TIMEOUT = "5s"  # as long as the primary gets, see gate.look


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose session it is.

    Attributes:
        service: None: nobody knows.
        level: None: not known, or two statements about it disagree.
        why: what is unclear; empty when nothing is.
    """

    service: str | None
    level: int | None
    version: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one server shows."""

    at: datetime
    sessions: list[Any]
    prepared: list[Any]
    standbys: list[Any]


class _CannotSee(Exception):
    """The server does not show enough; the argument says why and what helps."""


def observe(session: Session, question: Question) -> tuple[Observation, ...]:
    """Read sessions and prepared transactions of all servers."""
    at = session.one("SELECT clock_timestamp() AS at").at
    try:
        readings = _read_all(session, question)
    except _CannotSee as error:
        return (_observation(question, None, Verdict.UNKNOWN, at, str(error), ()),)
    by_service: dict[str | None, list[EvidenceItem]] = {}
    counted = 0
    for reading in readings:
        for row in _foreign(reading.sessions, question):
            owner = owner_of(row.role, row.application_name or "", question.services)
            counted += 1
            if owner.service is None or question.is_in_the_way(owner.service, owner.level):
                by_service.setdefault(owner.service, []).append(_session_item(row, owner, question))
        for row in _not_ignored(reading.prepared, question):
            owner = owner_of(row.owner, "", question.services)
            if owner.service is None or question.is_in_the_way(owner.service, owner.level):
                by_service.setdefault(owner.service, []).append(_prepared_item(row, owner))
    control = f"all {counted} sessions on {len(readings)} server{'s' if len(readings) > 1 else ''} were seen"
    observations = [
        _observation(
            question,
            service.name,
            Verdict.BLOCK if service.name in by_service else Verdict.PASS,
            at,
            control,
            by_service.get(service.name, ()),
        )
        for service in question.concerned
    ]
    if None in by_service:
        observations.append(_observation(question, None, Verdict.BLOCK, at, control, by_service[None]))
    return tuple(observations)


def everybody_else(session: Session, question: Question) -> tuple[EvidenceItem, ...]:
    """Every session and prepared transaction but ours and those of ignored roles; for ``--offline``.

    Raises:
        GateUnknown: the role may not see other sessions, or a standby is out of sight.
    """
    try:
        readings = _read_all(session, question)
    except _CannotSee as error:
        raise GateUnknown(f"other sessions cannot be seen: {error}") from None
    items = []
    for reading in readings:
        for row in _foreign(reading.sessions, question):
            owner = owner_of(row.role, row.application_name or "", question.services)
            items.append(_session_item(row, owner, question))
        items += [
            _prepared_item(row, owner_of(row.owner, "", question.services))
            for row in _not_ignored(reading.prepared, question)
        ]
    return tuple(items)


def owner_of(role: str | None, application_name: str, services: Iterable[Service]) -> Owner:
    """The service and level a session belongs to, by its role and its application_name.

    Args:
        role: None: it was dropped since.
        application_name: of the form ``service/version/level``, or anything else.
        services: those listed.
    """
    services = tuple(services)
    by_role = [service.name for service in services if any(matches(role, pattern) for pattern in service.db_roles)]
    stated = None
    if len(application_name.encode()) < _LONGEST_APPLICATION_NAME:
        stated = _APPLICATION.match(application_name)
    names = {service.name for service in services}
    claimed = stated["service"] if stated and stated["service"] in names else None
    if claimed is not None and by_role and claimed not in by_role:
        return Owner(
            None, None, "", f'role "{role}" belongs to {" and ".join(by_role)}, application_name says {claimed}'
        )
    service = claimed or (by_role[0] if len(by_role) == 1 else None)
    if service is None:
        if len(by_role) > 1:
            return Owner(None, None, "", f'role "{role}" belongs to {" and ".join(by_role)}')
        if stated:
            return Owner(None, None, "", f'service "{stated["service"]}" is not listed')
        return Owner(None, None, "", f'neither role "{role}" nor application_name "{application_name}" names a service')
    suffix = _ROLE_LEVEL.search(role) if role and by_role else None
    levels = {int(suffix[1])} if suffix else set()
    if stated and claimed:
        levels.add(int(stated["level"]))
    version = stated["version"] if stated and claimed else ""
    if len(levels) != 1:
        why = "its level is not known" if not levels else f"role and application_name disagree: levels {sorted(levels)}"
        return Owner(service, None, version, why)
    return Owner(service, levels.pop(), version)


def matches(role: str | None, pattern: str) -> bool:
    """Whether a role fits a pattern of ``*`` and ``?``; case counts."""
    return role is not None and fnmatch.fnmatchcase(role, pattern.replace("[", "[[]"))


def _read_all(session: Session, question: Question) -> list[_Reading]:
    identity, primary = _read(session, "the primary")
    if question.local:
        return [primary]
    readings = [primary]
    for variable in question.standby_url_envs:
        with _standby(variable) as standby:
            found, reading = _read(standby, variable)
        if found != identity:
            raise _CannotSee(f"{variable} names a server of another cluster, system identifier {found}")
        readings.append(reading)
    streaming = [row for reading in readings for row in reading.standbys if not _is_ignored(row.role, question)]
    if len(streaming) > len(readings) - 1:
        named = ", ".join(f"{row.application_name or 'standby'} at {row.address} ({row.role})" for row in streaming)
        raise _CannotSee(
            f"{len(streaming)} standbys stream from here and {len(readings) - 1} can be looked at: {named}; "
            "name their URLs in standby_url_envs, or list the replication role under [[tool.migrator.gate.ignore]] "
            "if they answer no queries"
        )
    return readings


def _read(session: Session, name: str) -> tuple[str, _Reading]:
    session.query(_SQL["fresh"])
    node = session.one(_SQL["node"])
    if not node.may_see:
        raise _CannotSee(
            f'on {name}, role "{node.role}" may not see other sessions: GRANT pg_read_all_stats TO "{node.role}"'
        )
    sessions = session.query(_SQL["sessions"])
    if not any(row.self for row in sessions) or any(row.backend_type is None for row in sessions):
        raise _CannotSee(f"{name} does not show every session")
    reading = _Reading(node.at, sessions, session.query(_SQL["prepared"]), session.query(_SQL["standbys"]))
    return node.system_identifier, reading


@contextmanager
def _standby(variable: str) -> Iterator[Session]:
    url = os.environ.get(variable)
    if not url:
        raise _CannotSee(f"environment variable {variable}, which should hold the URL of a standby, is not set")
    try:
        with Database(url).connect("look", may_be_standby=True) as session:
            session.set("statement_timeout", _STANDBY_TIMEOUT)
            yield session
    except _CannotSee:
        raise
    except Exception as error:  # noqa: BLE001 - whatever keeps us from looking, we did not see
        reason = " ".join(str(error).split())
        raise _CannotSee(f"the standby of {variable} cannot be looked at: {reason}") from None


def _foreign(rows: Iterable[Any], question: Question) -> list[Any]:
    return [
        row
        for row in rows
        if not row.self and not row.ours and row.pid not in question.own_pids and not _is_ignored(row.role, question)
    ]


def _not_ignored(rows: Iterable[Any], question: Question) -> list[Any]:
    return [row for row in rows if not _is_ignored(row.owner, question)]


def _is_ignored(role: str | None, question: Question) -> bool:
    return any(matches(role, ignored.role) for ignored in question.ignored)


def _session_item(row: Any, owner: Owner, question: Question) -> EvidenceItem:
    state = row.state or row.backend_type
    where = f'role "{row.role}" from {row.address}, {state}, connected {_age(row.age_s)} ago'
    if owner.service is None:
        return EvidenceItem(
            f"pid {row.pid}",
            None,
            "",
            "unmapped",
            0.0,
            f"{owner.why}; {where}",
            f"end it: SELECT pg_terminate_backend({row.pid}); or give its role to a service (db_roles); "
            f'or [[tool.migrator.gate.ignore]] role = "{row.role}", reason = "…"',
        )
    level = "an unknown level" if owner.level is None else f"level {owner.level}"
    why = f"runs {level}, {question.wanted(owner.service)} is needed; {where}"
    return EvidenceItem(
        f"pid {row.pid}",
        owner.level,
        owner.version,
        "session",
        0.0,
        f"{owner.why}; {why}" if owner.why else why,
        f"it disconnects: stop its process; or SELECT pg_terminate_backend({row.pid})",
    )


def _prepared_item(row: Any, owner: Owner) -> EvidenceItem:
    quoted = row.gid.replace("'", "''")
    return EvidenceItem(
        f"transaction {row.gid}",
        owner.level,
        "",
        "prepared",
        row.age_s,
        f'prepared {_age(row.age_s)} ago by role "{row.owner}"',
        f"COMMIT PREPARED '{quoted}' or ROLLBACK PREPARED '{quoted}'",
    )


def _age(age_s: float) -> str:
    minute, hour = 60, 3600
    if age_s < 2 * minute:
        return f"{age_s:.0f} s"
    return f"{age_s / minute:.0f} min" if age_s < 2 * hour else f"{age_s / hour:.0f} h"


def _observation(
    question: Question,
    service: str | None,
    verdict: Verdict,
    at: datetime,
    control: str,
    items: Iterable[EvidenceItem],
) -> Observation:
    return Observation(
        source=kind,
        service=service,
        verdict=verdict,
        closed_world=True,
        observed_at=at,
        control=control,
        items=tuple(items),
        required=question.required,
    )
