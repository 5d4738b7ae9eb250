"""F2: login roles whose level is fenced out are closed, and their sessions ended. Works behind any pooler.

Needs roles that carry their level (``web_l41``, listed in ``db_roles``) and the right to alter them. A role is closed
for the whole cluster, not for one database. What was closed is noted before it is done, and only that is opened again.
"""

from __future__ import annotations

import time
from typing import Any

from migrator.errors import MigratorError
from migrator.gate.look import Subject, question_of
from migrator.gate.notes import Topic
from migrator.gate.ownership import is_ignored, level_of, services_of
from migrator.ledger.services import Service
from migrator.model.counts import counted
from migrator.model.evidence import Direction
from migrator.postgres.queries import load
from migrator.postgres.session import Session
from migrator.sql.compose import ident

kind = "roles"

_SQL = load("migrator.gate.queries", "roles.sql")
_APART_S = 2.0
"""Up to 17 a session that passed the check of LOGIN before it was closed is listed only once it has started."""
_LONGEST_S = 30.0
_LOCK_TIMEOUT_MS = 5_000


def plan(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
    """The roles that would be closed."""
    return [f'ALTER ROLE "{role}" NOLOGIN, and end its sessions' for role in _closable(session, subject, listed)]


def put_up(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
    """Close them, and end their sessions until none is found twice, two seconds apart.

    Raises:
        MigratorError: a session of a closed role does not end.
    """
    roles = _closable(session, subject, listed)
    noted = _noted(session, subject)
    if roles:
        with session.transaction(lock_timeout_ms=_LOCK_TIMEOUT_MS):
            _topic(subject).write(session, {"closed": sorted({*noted, *roles})})
            for role in roles:
                session.execute(f"ALTER ROLE {ident(role)} NOLOGIN")
    everything = sorted({*noted, *roles})
    if not everything:
        return []
    ended = _end_sessions(session, subject, everything)
    done = [f'role "{role}" cannot log in any more' for role in roles]
    return [*done, f"ended {counted(ended, 'sessions')} of closed roles"] if ended else done


def take_down(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:  # noqa: ARG001
    """Open what was closed here and nothing else."""
    roles = _noted(session, subject)
    if not roles:
        return []
    existing = [row.name for row in session.query(_SQL["existing"], {"roles": roles})]
    with session.transaction(lock_timeout_ms=_LOCK_TIMEOUT_MS):
        for role in existing:
            session.execute(f"ALTER ROLE {ident(role)} LOGIN")
        _topic(subject).forget(session)
    return [f'role "{role}" can log in again' for role in existing]


def after_applied(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
    """After a contract the roles stay closed for good; after a rollback they are opened, for the next expand."""
    if subject.direction is Direction.ROLLBACK:
        return take_down(session, subject, listed)
    roles = _noted(session, subject)
    _topic(subject).forget(session)
    return [f'role "{role}" stays closed: DROP ROLE it when nothing is left of it' for role in roles]


def _topic(subject: Subject) -> Topic:
    return Topic(subject.project, subject.migration.id, subject.direction.value, "barrier roles")


def _noted(session: Session, subject: Subject) -> list[str]:
    note = _topic(subject).read(session)
    return list(note.facts["closed"]) if note is not None else []


def _closable(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
    """Roles of one service, of a level that is in the way, that may log in and that we may alter and end."""
    if kind not in subject.gate.barriers:
        return []
    question = question_of(session, subject, listed, local=True)

    def is_in_the_way(row: Any) -> bool:
        owners, level = services_of(row.name, listed), level_of(row.name)
        return (
            row.may_login
            and not row.is_superuser
            and not row.is_ours
            and not is_ignored(row.name, question.ignored)
            and len(owners) == 1
            and level is not None
            and question.is_in_the_way(owners[0], level)
        )

    names = [row.name for row in session.query(_SQL["logins"], {"closed": []}) if is_in_the_way(row)]
    rights = session.query(_SQL["rights"], {"roles": names})
    return [row.name for row in rights if row.may_alter and row.may_terminate]


def _end_sessions(session: Session, subject: Subject, roles: list[str]) -> int:
    parameters = {"roles": roles, "own": sorted(subject.own_pids | {session.pid})}
    deadline = time.monotonic() + _LONGEST_S
    seen: set[int] = set()
    empty_since: float | None = None
    while True:
        found = session.query(_SQL["terminate"], parameters)
        seen |= {row.pid for row in found}
        now = time.monotonic()
        if found:
            empty_since = None
        elif empty_since is None:
            empty_since = now
        elif now - empty_since >= _APART_S:
            return len(seen)
        if now >= deadline:
            left = ", ".join(f'pid {row.pid} of "{row.role}"' for row in found)
            raise MigratorError(f"sessions of closed roles do not end: {left}")
        time.sleep(0.05 if empty_since is None else _APART_S - (now - empty_since))
