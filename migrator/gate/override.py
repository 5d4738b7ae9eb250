"""Overruling one verdict of one source about one service: asked for by one person, approved by another, spent once.

It is bound to the statements that would run and to the windows and fences of the moment it was asked for, and ends by
itself. It makes the named verdict a PASS and nothing else: evidence that is too old, from before the fence or from the
future stays what it is, and so do the plan, the locks and the window of levels. What it overruled is shown ever after.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from migrator.config import Settings, seconds
from migrator.errors import OutOfOrder, Refused, UsageError
from migrator.ledger import decisions, overrides, services, state
from migrator.ledger.overrides import NOBODY, Override
from migrator.ledger.state import GateState
from migrator.model.evidence import Direction, Observation, Verdict
from migrator.model.plan import Migration, Phase
from migrator.postgres.session import Session

_SHORTEST_REASON = 10
"""Anything shorter says nothing to whoever reads it in a year; the ledger asks for as much."""

_LONGEST_S = 86_400.0


def plan_sha256(migration: Migration, direction: Direction) -> str:
    """Hash of what would run and of what it asks of the services."""
    phases = (Phase.CONTRACT,) if direction is Direction.CONTRACT else (Phase.EXPAND, Phase.ROLLBACK)
    plan = [
        migration.id,
        migration.level,
        direction.value,
        sorted((name, wanted.level) for name, wanted in migration.requires.items()),
        [(step.phase.value, step.id, step.group, step.sql) for step in migration.steps if step.phase in phases],
    ]
    return hashlib.sha256(json.dumps(plan).encode()).hexdigest()


def in_force(
    session: Session, project: str, migration: Migration, direction: Direction, claimed: frozenset[int]
) -> tuple[Override, ...]:
    """The overrides that count now: approved, not expired, for this plan, and unspent or spent by this passage."""
    known = overrides.every(session, project, migration.id)
    if not known:
        return ()
    plan = plan_sha256(migration, direction)
    return tuple(
        one
        for one in known
        if one.direction == direction.value
        and one.plan_sha256 == plan
        and one.approved_at is not None
        and not one.expired
        and (one.id in claimed or (one.used_at is None and not one.outdated))
    )


def overrule(
    observations: Sequence[Observation], granted: Sequence[Override]
) -> tuple[tuple[Observation, ...], tuple[Override, ...]]:
    """Pure: what the sources say with the overrides applied, and those that changed something."""
    said: list[Observation] = []
    needed: list[Override] = []
    for seen in observations:
        one = next((one for one in granted if _names(one, seen)), None)
        if one is None or seen.verdict is Verdict.PASS:
            said.append(seen)
            continue
        control = (
            f"{seen.verdict.value}, overruled by override {one.id} ({one.reason}; approved by {one.approver}):"
            f" {seen.control}"
        )
        said.append(replace(seen, verdict=Verdict.PASS, control=control))
        if one not in needed:
            needed.append(one)
    return tuple(said), tuple(needed)


def _names(one: Override, seen: Observation) -> bool:
    return one.source == seen.source and one.service == (seen.service if seen.service is not None else NOBODY)


def request(
    session: Session,
    settings: Settings,
    migration: Migration,
    direction: Direction,
    observations: Sequence[Observation],
    *,
    only: str,
    reason: str,
    approver: str,
    expires: str,
    actor: str,
) -> Override:
    """Ask for one.

    Args:
        session: outside a transaction; its ``session_user`` is who asks.
        settings: those of the project.
        migration: what wants to pass.
        direction: contract or rollback.
        observations: what the sources say now, overrides aside.
        only: the one verdict, ``SOURCE:SERVICE``; the service is ``-`` for what a source says about no service.
        reason: why the verdict is wrong.
        approver: role that must approve it in a session of its own.
        expires: how long it is good for, a duration of at most a day.
        actor: who asks, for the record.

    Raises:
        UsageError: ``only`` names no verdict, the reason is too short, or the role cannot approve anything.
        Refused: that verdict is a PASS.
        OutOfOrder: the migration was never expanded here, or its contract is applied.
    """
    source, _, service = only.partition(":")
    expires_s = seconds(expires)
    if len(reason.strip()) < _SHORTEST_REASON:
        raise UsageError(
            f'the reason "{reason.strip()}" is shorter than {_SHORTEST_REASON} characters',
            hint="say how it is known that the verdict is wrong: it is shown ever after",
        )
    if not 0 < expires_s <= _LONGEST_S:
        raise UsageError(f"an override expires after {expires}, more than 0s and at most 1d is possible")
    named = [seen for seen in observations if (seen.source, seen.service or NOBODY) == (source, service)]
    if not named:
        known = ", ".join(sorted({f"{seen.source}:{seen.service or NOBODY}" for seen in observations}))
        raise UsageError(
            f'no source gives a verdict called "{only}"',
            detail=f"verdicts there are: {known or 'none'}.",
            hint="--only takes exactly one, as SOURCE:SERVICE",
        )
    if all(seen.verdict is Verdict.PASS for seen in named):
        raise Refused(f"{only} says PASS now: there is nothing to overrule")
    record = state.find(session, settings.project, migration.id)
    if record is None:
        raise OutOfOrder(f"{migration.id} was never expanded in this database")
    if record.gate is GateState.APPLIED:
        raise OutOfOrder(f"the contract of {migration.id} is applied already")
    _check_approver(session, approver)
    with session.transaction(lock_timeout_ms=10_000):
        number = overrides.add(
            session,
            settings.project,
            migration.id,
            direction.value,
            source=source,
            service=service,
            plan_sha256=plan_sha256(migration, direction),
            epoch=services.epoch(session, settings.project),
            reason=reason.strip(),
            actor=actor,
            approver=approver,
            expires_s=expires_s,
        )
        facts = {"override": number, "only": only, "approver": approver, "expires": expires}
        decisions.append(
            session,
            settings.project,
            migration.id,
            "override requested",
            named[0].verdict.value,
            [reason],
            facts,
            actor,
        )
    return next(one for one in overrides.every(session, settings.project, migration.id) if one.id == number)


def _check_approver(session: Session, approver: str) -> None:
    mine, can_login = overrides.role(session, approver)
    if approver == mine:
        raise UsageError(
            f'role "{approver}" asks for this override and cannot approve it',
            hint="--approved-by names the role of a second person, who runs the approval in a session of their own",
        )
    if not can_login:
        problem = "does not exist" if can_login is None else "cannot log in"
        raise UsageError(
            f'role "{approver}" cannot approve: it {problem}',
            hint="--approved-by names a role that somebody else connects with",
        )


def claim(session: Session, project: str, migration: Migration, direction: Direction, actor: str) -> frozenset[int]:
    """Spend every override in force, in the transaction that raises the fence and under the lock of the services."""
    spent: list[int] = []
    for one in in_force(session, project, migration, direction, frozenset()):
        if overrides.claim(session, one):
            spent.append(one.id)
            facts = {"override": one.id, "only": one.only, "approver": one.approver, "requested_by": one.requested_by}
            decisions.append(session, project, migration.id, "override used", None, [one.reason], facts, actor)
    return frozenset(spent)


def standing(one: Override) -> str:
    """How an override stands, for people; its reason first."""
    if one.used_at is not None:
        became = f"used {one.used_at:%Y-%m-%d %H:%M:%S %Z}"
    elif one.expired:
        became = f"expired {one.expires_at:%Y-%m-%d %H:%M:%S %Z}, not used"
    elif one.outdated:
        became = "void: a service or a fence changed since, ask for a new one"
    elif one.approved_at is not None:
        became = f"approved, good until {one.expires_at:%H:%M:%S %Z}"
    else:
        became = f'waits until {one.expires_at:%H:%M:%S %Z} for role "{one.approver}": migrator gate approve {one.id}'
    approved = f", approved by {one.approver}" if one.approved_at is not None else ""
    return f'override {one.id} of {one.only} for {one.direction}, "{one.reason}", by {one.actor}{approved}: {became}'
