"""F3: the database refuses sessions whose level is fenced out, by an event trigger on login; PostgreSQL 17 and later.

An application states its level by the start-up option ``-c migrator.level=N``; one that states none counts as too old
and as too new. Needs a superuser. Superusers, the tool's own role and ignored roles are let in. Once a contract is
applied the trigger stays, and goes on refusing levels below the floor. A way out for administrators is to connect as
superuser, or with ``event_triggers = off``.
"""

from __future__ import annotations

import re
from typing import Any

from migrator.gate.look import Subject
from migrator.gate.notes import Topic
from migrator.ledger.services import Service
from migrator.model.evidence import Direction
from migrator.postgres.queries import load
from migrator.postgres.session import Session
from migrator.sql.compose import literal

kind = "login_trigger"

_SQL = load("migrator.gate.queries", "login_trigger.sql")
_LOCK_TIMEOUT_MS = 5_000
_FIRST_VERSION = 17


def plan(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:  # noqa: ARG001
    """The trigger, where it can be made."""
    if not _is_available(_state(session), subject):
        return []
    return ["event trigger migrator_login refuses sessions whose migrator.level is fenced out"]


def put_up(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:  # noqa: ARG001
    """Make the trigger, or bring its function up to date."""
    state = _state(session)
    if not _is_available(state, subject):
        return []
    with session.transaction(lock_timeout_ms=_LOCK_TIMEOUT_MS):
        session.execute(_SQL["function"].replace("{ignored}", _ignored(subject)))
        session.execute(_SQL["closed"])
        if not state.there:
            session.execute(_SQL["create"])
            _topic(subject).write(session, {"made": True})
        session.execute(_SQL["always"])
    return [f"event trigger migrator_login {'stands' if state.there else 'was made'}"]


def take_down(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:  # noqa: ARG001
    """Remove the trigger if it was made here; one from an earlier contract asks the ledger and may stay."""
    if _topic(subject).read(session) is None:
        return []
    with session.transaction(lock_timeout_ms=_LOCK_TIMEOUT_MS):
        session.execute(_SQL["drop"])
        session.execute(_SQL["drop_function"])
        _topic(subject).forget(session)
    return ["event trigger migrator_login was removed"]


def after_applied(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
    """After a contract it stays; after a rollback it goes if it was made for it."""
    if subject.direction is Direction.ROLLBACK:
        return take_down(session, subject, listed)
    made = _topic(subject).read(session) is not None
    _topic(subject).forget(session)
    return ["event trigger migrator_login stays: it refuses levels below the floor"] if made else []


def _topic(subject: Subject) -> Topic:
    return Topic(subject.project, subject.migration.id, subject.direction.value, "barrier login_trigger")


def _state(session: Session) -> Any:
    return session.one(_SQL["state"])


def _is_available(state: Any, subject: Subject) -> bool:
    return (
        kind in subject.gate.barriers
        and state.version >= _FIRST_VERSION
        and state.is_superuser
        and state.event_triggers == "on"
    )


def _ignored(subject: Subject) -> str:
    """The patterns of ignored roles as an SQL array of patterns of LIKE."""

    def like(pattern: str) -> str:
        escaped = re.sub(r"([\\%_])", r"\\\1", pattern)
        return escaped.replace("*", "%").replace("?", "_")

    patterns = ", ".join(literal(like(one.role)) for one in subject.gate.ignore)
    return f"ARRAY[{patterns}]::text[]"
