"""F4: the privileges on what goes are taken away before it goes: a brown-out that one command undoes.

Table-level privileges become privileges on all columns but those that go. Whoever still uses them gets an error that
says so, at a moment when they can be given back. Only on request, and not done where it would hit new code or spare
old code: a statement that may take all columns runs, an application's role owns the table or bypasses privileges, a
trigger that runs with the writer's rights names the table, or privileges were passed on by others than the owner.

REVOKE and GRANT lock no table; what stood before is noted in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from migrator.gate.look import Subject, question_of
from migrator.gate.notes import Topic
from migrator.gate.ownership import is_ignored, services_of
from migrator.gate.servers import CannotSee
from migrator.gate.statements import watch
from migrator.gate.targets import Going, going
from migrator.ledger.services import Service
from migrator.model.evidence import Direction
from migrator.postgres.queries import load
from migrator.postgres.session import Session
from migrator.sql.compose import ident
from migrator.sql.words import identifiers

kind = "quarantine"

_SQL = load("migrator.gate.queries", "quarantine.sql")
_LOCK_TIMEOUT_MS = 5_000
_OF_COLUMNS = frozenset({"SELECT", "INSERT", "UPDATE", "REFERENCES"})
_OF_RELATIONS = _OF_COLUMNS | {"DELETE", "TRUNCATE"}


class _NotHere(Exception):
    """Why there is no quarantine; nothing changed."""


def plan(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:  # noqa: ARG001
    """What would be quarantined, before it is known whether that is possible."""
    return [f"REVOKE every privilege on {one.target} from applications" for one in _wanted(session, subject)]


def put_up(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
    """Quarantine everything that goes, or nothing."""
    found = _wanted(session, subject)
    if not found or _topic(subject).read(session) is not None:
        return []
    try:
        _require_no_star(session, subject, listed)
        _require_no_trigger(session, found)
        with session.transaction(lock_timeout_ms=_LOCK_TIMEOUT_MS):
            notes = [_quarantine(session, oid, numbers) for oid, numbers in _by_relation(found).items()]
            _require_effect(session, subject, listed, found)
            _topic(subject).write(session, {"relations": notes})
    except _NotHere as reason:
        return [f"no quarantine: {reason}"]
    return [f"{one.target} is quarantined: applications have no privilege on it" for one in found]


def take_down(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:  # noqa: ARG001
    """Give back exactly what was taken."""
    note = _topic(subject).read(session)
    if note is None:
        return []
    with session.transaction(lock_timeout_ms=_LOCK_TIMEOUT_MS):
        names = [name for one in note.facts["relations"] if (name := _restore(session, one))]
        _topic(subject).forget(session)
    return [f"privileges on {name} are as they were" for name in names]


def after_applied(session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
    """What went has no privileges any more; those on the rest of the table are table-level again."""
    return take_down(session, subject, listed)


def _topic(subject: Subject) -> Topic:
    return Topic(subject.project, subject.migration.id, subject.direction.value, "barrier quarantine")


def _wanted(session: Session, subject: Subject) -> tuple[Going, ...]:
    if kind not in subject.gate.barriers or subject.direction is not Direction.CONTRACT:
        return ()
    return going(session, question_of(session, subject, (), local=True).drops)


def _by_relation(found: Iterable[Going]) -> dict[int, set[int]]:
    """Relation to the numbers of the columns that go; none: the whole relation."""
    relations: dict[int, set[int]] = {}
    for one in found:
        relations.setdefault(one.oid, set()).update(() if one.number is None else (one.number,))
    return relations


def _require_no_star(session: Session, subject: Subject, listed: tuple[Service, ...]) -> None:
    source = next((source for source in subject.gate.source if source.kind == "statements"), None)
    if source is None:
        raise _NotHere('without the source "statements" nobody knows whether a statement takes all columns')
    question = replace(
        question_of(session, subject, listed, local=False),
        settings=source,
        standby_url_envs=source.standby_url_envs,
    )
    try:
        with session.transaction():
            watched = watch(session, question)
    except CannotSee as error:
        raise _NotHere(str(error)) from None
    if watched.since is None:
        raise _NotHere(watched.why)
    if watched.ran:
        ran = watched.ran[0]
        raise _NotHere(f'role "{ran.role}" runs a statement that may need it ({ran.finding.why}): {ran.query[:100]}')


def _require_no_trigger(session: Session, found: Iterable[Going]) -> None:
    names = {one.target.relation for one in found}
    for row in session.query(_SQL["trigger_bodies"]):
        words = identifiers(row.body)
        if words is None or names & words:
            raise _NotHere(f"trigger function {row.name} runs with the writer's rights and names the table")


def _require_effect(session: Session, subject: Subject, listed: tuple[Service, ...], found: Iterable[Going]) -> None:
    logins = [row for row in session.query(_SQL["logins"]) if not is_ignored(row.name, subject.gate.ignore)]
    if listed and all(service.db_roles for service in listed):
        roles = [row.name for row in logins if services_of(row.name, listed)]
    else:
        roles = [row.name for row in logins if not row.is_ours]
    if not roles:
        raise _NotHere("no login role of an application is known")
    for one in found:
        parameters = {"roles": roles, "oid": one.oid, "number": one.number or 0}
        if bypassing := session.query(_SQL["bypassing"], parameters):
            raise _NotHere(
                f'role "{bypassing[0].name}" could still use {one.target}: it owns the table or bypasses privileges'
            )


def _quarantine(session: Session, oid: int, numbers: set[int]) -> dict[str, Any]:
    """Take the privileges away; what is needed to give them back."""
    relation = session.one(_SQL["relation"], {"oid": oid})
    grants = session.query(_SQL["grants"], {"oid": oid})
    affected = _OF_COLUMNS if numbers else _OF_RELATIONS
    touched = [row for row in grants if row.privilege in affected]
    if any(row.passed_on for row in touched):
        raise _NotHere(f"privileges on {relation.name} were granted by others than its owner, or WITH GRANT OPTION")
    columns = session.query(_SQL["columns"], {"oid": oid})
    kept = ", ".join(row.name for row in columns if row.number not in numbers)
    for row in touched:
        if row.number == 0:
            session.execute(f"REVOKE {row.privilege} ON {relation.name} FROM {_grantee(row.grantee)}")
    names = {row.number: row.name for row in columns}
    for row in touched:
        if row.number == 0:
            if numbers and kept:
                session.execute(f"GRANT {row.privilege} ({kept}) ON {relation.name} TO {_grantee(row.grantee)}")
        elif not numbers or row.number in numbers:
            column = names[row.number]
            session.execute(f"REVOKE {row.privilege} ({column}) ON {relation.name} FROM {_grantee(row.grantee)}")
    return {"oid": oid, "grants": [[row.number, row.grantee, row.privilege] for row in touched]}


def _restore(session: Session, note: dict[str, Any]) -> str:
    """Grant what was noted, and nothing that was not there; the name of the relation, empty if it is gone."""
    oid = note["oid"]
    relation = session.maybe(_SQL["relation"], {"oid": oid})
    if relation is None:
        return ""
    names = {row.number: row.name for row in session.query(_SQL["columns"], {"oid": oid})}
    for grantee, privilege in {(grantee, privilege) for _, grantee, privilege in note["grants"]}:
        # Takes the column privileges of that kind along: those we granted, and those that are granted again below.
        session.execute(f"REVOKE {privilege} ON {relation.name} FROM {_grantee(grantee)}")
    for number, grantee, privilege in note["grants"]:
        if number == 0:
            session.execute(f"GRANT {privilege} ON {relation.name} TO {_grantee(grantee)}")
        elif number in names:
            session.execute(f"GRANT {privilege} ({names[number]}) ON {relation.name} TO {_grantee(grantee)}")
    return str(relation.name)


def _grantee(name: str | None) -> str:
    return "PUBLIC" if name is None else ident(name)
