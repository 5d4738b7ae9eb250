"""Who could log in at all: roles that carry their level (``web_l41``), and whether those in the way are closed.

Such roles survive any pooler. Closed world when every role that may log in to this database belongs to one service and
carries a level, or is listed under ``ignore``, or is the tool's own: nobody else can come. When all roles in the way
are closed (NOLOGIN, see ``barriers.roles``) and none has a session, the database itself keeps old code out, and that
counts as two independent proofs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migrator.gate.ownership import is_ignored, level_of, services_of
from migrator.gate.servers import CannotSee, foreign, read_all
from migrator.gate.source import Question
from migrator.ledger.services import Service
from migrator.model.evidence import EvidenceItem, Observation, Verdict
from migrator.postgres.queries import load
from migrator.postgres.session import Session

kind = "roles"
polled = True
keeps_notes = False

_SQL = load("migrator.gate.queries", "roles.sql")
_SHOWN = 3


def observe(session: Session, question: Question) -> tuple[Observation, ...]:
    """Read roles, and the sessions of all servers."""
    at = session.one("SELECT clock_timestamp() AS at").at
    try:
        readings = read_all(session, question)
    except CannotSee as error:
        return (Observation(kind, None, Verdict.UNKNOWN, False, at, str(error), (), question.required),)
    connected = [row for reading in readings for row in foreign(reading, question)]
    logins = [row for row in session.query(_SQL["logins"], {"closed": []}) if row.may_connect]
    loose = [row.name for row in logins if not _belongs(row, question)]
    return tuple(
        _about(service, logins, connected, loose, at, question) for service in question.concerned if service.db_roles
    )


def _belongs(row: Any, question: Question) -> bool:
    """Whether a login role is one of a known service and level, or known not to matter."""
    if row.is_ours or is_ignored(row.name, question.ignored):
        return True
    return (
        not row.is_superuser and len(services_of(row.name, question.services)) == 1 and level_of(row.name) is not None
    )


def _about(
    service: Service, logins: Iterable[Any], connected: Iterable[Any], loose: list[str], at: Any, question: Question
) -> Observation:
    own = [row for row in logins if not row.is_ours and services_of(row.name, question.services) == [service.name]]
    open_ = [row.name for row in own if question.is_in_the_way(service.name, level_of(row.name))]
    good = [row.name for row in own if not question.is_in_the_way(service.name, level_of(row.name))]
    items = [
        _item(row, service, question)
        for row in connected
        if service.name in services_of(row.role, question.services)
        and question.is_in_the_way(service.name, level_of(row.role))
    ]
    control, shown = _control(open_, good, service, question)
    if loose:
        control += f"; not closed to others: {_named(loose)} may log in and belong to no service and level"
    verdict = Verdict.BLOCK if items else Verdict.PASS if shown else Verdict.UNKNOWN
    closed = not open_ and not loose
    return Observation(
        source=kind,
        service=service.name,
        verdict=verdict,
        closed_world=not loose,
        observed_at=at,
        control=control,
        items=tuple(items),
        required=question.required,
        weight=2 if closed and verdict is Verdict.PASS else 1,
    )


def _control(open_: list[str], good: list[str], service: Service, question: Question) -> tuple[str, bool]:
    """What shows that roles of this service are told apart at all: one that is fine exists."""
    wanted = question.wanted(service.name)
    state = f"{_named(open_)} can still log in" if open_ else "no role in the way can log in"
    if good:
        return f"{state}; {_named(good)} is for {wanted}", True
    if service.expect_zero:
        return f"{state}; no instance is expected: {service.expect_reason}", True
    return f'no role of "{service.name}" for {wanted} can log in; {state}', False


def _named(names: list[str]) -> str:
    more = [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return " and ".join([f'"{name}"' for name in names[:_SHOWN]] + more)


def _item(row: Any, service: Service, question: Question) -> EvidenceItem:
    level = level_of(row.role)
    runs = "an unknown level" if level is None else f"level {level}"
    return EvidenceItem(
        f"pid {row.pid}",
        level,
        "",
        "session",
        0.0,
        f'role "{row.role}" is for {runs}, {question.wanted(service.name)} is needed; connected from {row.address}',
        f"it disconnects: stop its process; or SELECT pg_terminate_backend({row.pid})",
    )
