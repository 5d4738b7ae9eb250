"""Who is connected, on the primary and on every standby, and which transactions are prepared.

Closed world as far as every session maps to a service: by its role (``db_roles``; a suffix ``_l42`` is its level) or by
an ``application_name`` of the form ``service/version/level``. A session that maps to none may be anything, so it
blocks; one whose level is unknown counts as too old and as too new. Behind a pooler in transaction mode the
application_name is that of the last client only and idle clients do not show at all: there, ``pooled = true`` makes the
source UNKNOWN unless it may ask every PgBouncer for its clients.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from migrator.errors import GateUnknown, MigratorError
from migrator.gate.ownership import Owner, is_ignored, matches, owner_of
from migrator.gate.servers import CannotSee, foreign, read_all
from migrator.gate.source import Question, remembered
from migrator.model.counts import counted
from migrator.model.evidence import EvidenceItem, Exempt, Observation, Verdict
from migrator.postgres import pgbouncer
from migrator.postgres.session import Session

__all__ = ["everybody_else", "keeps_notes", "kind", "matches", "observe", "owner_of", "polled"]

kind = "sessions"
polled = True
keeps_notes = False

_BLIND = "a pooler hides who is connected: name the URLs of the consoles of every PgBouncer in pgbouncer_url_envs"


def observe(session: Session, question: Question) -> tuple[Observation, ...]:
    """Read sessions and prepared transactions of all servers, and the clients of all poolers."""
    at = session.one("SELECT clock_timestamp() AS at").at
    try:
        asked_at, consoles = _consoles(question, at)
        readings = read_all(session, question)
    except CannotSee as error:
        return (_observation(question, None, Verdict.UNKNOWN, at, str(error), ()),)
    at = min(at, asked_at)
    served = frozenset(pair for console in consoles for pair in console.server_pids)
    by_service: dict[str | None, list[EvidenceItem]] = {}
    exempt: dict[str, list[EvidenceItem]] = {}
    seen = 0
    for reading in readings:
        for row in foreign(reading, question):
            if (row.pid, row.role) in served:
                continue  # its application_name is that of a client which may be gone; the clients are listed below
            owner = owner_of(row.role, row.application_name or "", question.services)
            seen += 1
            if owner.service is None or question.is_in_the_way(owner.service, owner.level, owner.version):
                by_service.setdefault(owner.service, []).append(_session_item(row, owner, question))
            elif by := question.exempt(owner.service, owner.level, owner.version):
                exempt.setdefault(owner.service, []).append(_exempt(_session_item(row, owner, question), by))
        for row in _not_ignored(reading.prepared, question):
            owner = owner_of(row.owner, "", question.services)
            if owner.service is None or question.is_in_the_way(owner.service, owner.level, owner.version):
                by_service.setdefault(owner.service, []).append(_prepared_item(row, owner))
    database = session.one("SELECT current_database()::text AS name").name
    for client in _clients(consoles, database, question):
        owner = owner_of(client.user, client.application_name, question.services)
        seen += 1
        if owner.service is None or question.is_in_the_way(owner.service, owner.level, owner.version):
            by_service.setdefault(owner.service, []).append(_client_item(client, owner, question))
        elif by := question.exempt(owner.service, owner.level, owner.version):
            exempt.setdefault(owner.service, []).append(_exempt(_client_item(client, owner, question), by))
    found = {0: "no session but our own was", 1: "the one session there is was"}.get(seen, f"all {seen} sessions were")
    control = f"{found} seen on {counted(len(readings), 'servers')}"
    if consoles:
        control += f", those of {len(consoles)} PgBouncer{'s' if len(consoles) > 1 else ''} by their own names"
    blind = question.settings.pooled and not question.settings.pgbouncer_url_envs
    if blind:
        control = _BLIND
    observations = [
        _observation(
            question,
            service.name,
            Verdict.BLOCK if service.name in by_service else Verdict.UNKNOWN if blind else Verdict.PASS,
            at,
            control,
            by_service.get(service.name, ()),
            exempt.get(service.name, ()),
        )
        for service in question.concerned
    ]
    if None in by_service:
        observations.append(_observation(question, None, Verdict.BLOCK, at, control, by_service[None]))
    return tuple(observations)


def _consoles(question: Question, at: datetime) -> tuple[datetime, tuple[pgbouncer.Console, ...]]:
    """When every PgBouncer was asked and what it showed; while table locks are held, at the look before."""
    if not question.settings.pgbouncer_url_envs:
        return at, ()

    def ask() -> tuple[datetime, tuple[pgbouncer.Console, ...]]:
        found = []
        for variable in question.settings.pgbouncer_url_envs:
            if not (url := os.environ.get(variable)):
                raise CannotSee(f"environment variable {variable}, which should hold a PgBouncer's URL, is not set")
            try:
                found.append(pgbouncer.read(url))
            except MigratorError as error:
                raise CannotSee(f"{variable}: {error.message}") from None
        return at, tuple(found)

    return remembered(question, ask)


def _clients(consoles: Iterable[pgbouncer.Console], database: str, question: Question) -> list[pgbouncer.PooledClient]:
    return [
        client
        for console in consoles
        for client in console.clients
        if client.database == database and not is_ignored(client.user, question.ignored)
    ]


def _client_item(client: pgbouncer.PooledClient, owner: Owner, question: Question) -> EvidenceItem:
    where = f'pooled client of role "{client.user}" at {client.address}, {client.state}'
    name = f"client {client.address}"
    if owner.service is None:
        why = f"{owner.why}; {where}"
        clears = f'stop it; or give its role to a service (db_roles); or list "{client.user}" under gate.ignore'
        return EvidenceItem(name, None, "", "unmapped", 0.0, why, clears)
    level = "an unknown level" if owner.level is None else f"level {owner.level}"
    why = f"runs {level}, {question.wanted(owner.service)} is needed; {where}"
    return EvidenceItem(name, owner.level, owner.version, "session", 0.0, why, "it disconnects: stop its process")


def _exempt(item: EvidenceItem, by: Exempt) -> EvidenceItem:
    why = f"runs version {item.version} at level {item.level}, and uses nothing that the contract changes: {by}"
    return replace(item, why=why, clears_with="")


def everybody_else(session: Session, question: Question) -> tuple[EvidenceItem, ...]:
    """Every session and prepared transaction but ours and those of ignored roles; for ``--offline``.

    Raises:
        GateUnknown: the role may not see other sessions, or a standby or a pooler is out of sight.
    """
    try:
        if question.settings.pooled and not question.settings.pgbouncer_url_envs:
            raise CannotSee(_BLIND)
        _, consoles = _consoles(question, session.one("SELECT clock_timestamp() AS at").at)
        readings = read_all(session, question)
    except CannotSee as error:
        raise GateUnknown(f"other sessions cannot be seen: {error}") from None
    items = []
    for reading in readings:
        for row in foreign(reading, question):
            owner = owner_of(row.role, row.application_name or "", question.services)
            items.append(_session_item(row, owner, question))
        items += [
            _prepared_item(row, owner_of(row.owner, "", question.services))
            for row in _not_ignored(reading.prepared, question)
        ]
    database = session.one("SELECT current_database()::text AS name").name
    items += [
        _client_item(client, owner_of(client.user, client.application_name, question.services), question)
        for client in _clients(consoles, database, question)
    ]
    return tuple(items)


def _not_ignored(rows: Iterable[Any], question: Question) -> list[Any]:
    return [row for row in rows if not is_ignored(row.owner, question.ignored)]


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
            f'or write [[tool.migrator.gate.ignore]] role = "{row.role}", reason = "…" into pyproject.toml',
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
    exempt: Iterable[EvidenceItem] = (),
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
        exempt=tuple(exempt),
    )
