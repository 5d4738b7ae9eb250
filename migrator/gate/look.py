"""Asking all sources, and keeping a sample of what they said.

A look decides nothing by itself: it is a reason to stop, or not to stop. What counts is read again under the fence.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from migrator.config import SourceSettings, seconds
from migrator.gate import override
from migrator.gate.audit import notes
from migrator.gate.decision import Rules, decide, required_levels
from migrator.gate.exemption import exemptions_for
from migrator.gate.soak import clean_since, soak
from migrator.gate.source import Question, sources
from migrator.gate.subject import Subject
from migrator.ledger import services, state
from migrator.ledger.home import home
from migrator.ledger.manifests import Build
from migrator.ledger.services import Server, Service
from migrator.ledger.state import STANDING
from migrator.model.evidence import Direction, GateReport, Observation, Soak, Verdict
from migrator.model.plan import Phase
from migrator.postgres.session import ConnectionLost, Session
from migrator.sql.drops import drops_of

_SOURCE_TIMEOUT_MS = 5_000
"""Longest run of one query of a source; a source that does not answer is UNKNOWN."""

_UNNAMED = SourceSettings(kind="sessions")
__all__ = ["Subject", "collect", "evaluate", "look", "question_of", "watch"]

_NO_SOAK = Soak(None, 0.0, 0.0)
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """What the sources come to, soak aside.

    Attributes:
        granted: numbers of the overrides in force, needed or not.
    """

    report: GateReport
    server: Server
    granted: tuple[int, ...]


def collect(
    session: Session, subject: Subject, listed: tuple[Service, ...], *, local: bool = False
) -> tuple[Observation, ...]:
    """What every configured source says now.

    Outside a transaction a source that fails is UNKNOWN. Inside one its error is raised: the transaction is void.
    """
    question = question_of(session, subject, listed, local=local)
    observations: list[Observation] = []
    for source in subject.gate.source:
        asked = replace(question, required=source.required, standby_url_envs=source.standby_url_envs, settings=source)
        if session.in_transaction:
            observations += sources()[source.kind].observe(session, asked)
        else:
            observations += _ask(session, source.kind, asked)
    return tuple(observations)


def question_of(session: Session, subject: Subject, listed: tuple[Service, ...], *, local: bool) -> Question:
    """What is asked of every source; what is said about one source only is added when it is asked."""
    return Question(
        project=subject.project,
        direction=subject.direction,
        level=subject.migration.level,
        services=listed,
        requires=required_levels(subject.migration, listed),
        ignored=subject.gate.ignore,
        own_pids=subject.own_pids | {session.pid},
        standby_url_envs=tuple(name for source in subject.gate.source for name in source.standby_url_envs),
        local=local,
        settings=next((source for source in subject.gate.source if source.kind == "sessions"), _UNNAMED),
        migration=subject.migration.id,
        exempt_by=exemptions_for(session, subject).of,
        drops=drops_of(subject.migration.texts.get(Phase(subject.direction.value), "")),
    )


def _ask(session: Session, kind: str, question: Question) -> tuple[Observation, ...]:
    try:
        with session.transaction(statement_timeout_ms=_SOURCE_TIMEOUT_MS, read_only=not sources()[kind].keeps_notes):
            return sources()[kind].observe(session, question)
    except ConnectionLost:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a source fails on, it did not prove anything
        reason = " ".join(str(error).split())
        now = services.server(session).at
        return (Observation(kind, None, Verdict.UNKNOWN, False, now, f"failed: {reason}", (), question.required),)


def evaluate(
    session: Session,
    subject: Subject,
    listed: tuple[Service, ...],
    *,
    not_before: datetime | None = None,
    local: bool = False,
) -> tuple[GateReport, Server]:
    """All evidence of this moment and what it comes to, soak aside; and the server it is from."""
    found = _evaluate(session, subject, listed, not_before=not_before, local=local)
    return found.report, found.server


def _evaluate(
    session: Session,
    subject: Subject,
    listed: tuple[Service, ...],
    *,
    not_before: datetime | None = None,
    local: bool = False,
) -> _Evaluation:
    granted = override.in_force(session, subject.project, subject.migration, subject.direction, subject.claimed)
    observations, needed = override.overrule(collect(session, subject, listed, local=local), granted)
    where = home(session)
    server = services.server(session)
    report = _decide(subject, observations, listed, _NO_SOAK, server, not_before)
    report = replace(report, overrides=tuple(one.id for one in needed))
    if where.is_copy:
        reason = (
            f'database "{where.name}" is a copy of the one that the ledger is about: what it says of running code and'
            ' fences is the original\'s; "migrator gate reset-clone --reason …" sets that aside'
        )
        report = replace(report, verdict=Verdict.UNKNOWN, reasons=(reason, *report.reasons))
    return _Evaluation(report, server, tuple(one.id for one in granted))


def _decide(
    subject: Subject,
    observations: tuple[Observation, ...],
    listed: tuple[Service, ...],
    soaked: Soak,
    server: Server,
    not_before: datetime | None = None,
) -> GateReport:
    requires = required_levels(subject.migration, listed)
    exempt = {name for name, level in requires.items() if level <= 0}
    return decide(
        subject.migration,
        observations,
        listed,
        requires,
        soaked,
        server.at,
        Rules(subject.gate.min_independent, seconds(subject.gate.max_age), not_before),
        exempt=frozenset(exempt) if subject.direction is Direction.CONTRACT else frozenset(),
    )


def look(session: Session, subject: Subject, *, not_before: datetime | None = None) -> GateReport:
    """All evidence of this moment, with the soak so far; kept as a sample. Never raises for what it finds.

    Args:
        session: in a transaction or not.
        subject: what wants to pass.
        not_before: when the fence was raised, under which only evidence read later counts.
    """
    return watch(session, subject, not_before=not_before)[0]


def watch(session: Session, subject: Subject, *, not_before: datetime | None = None) -> tuple[GateReport, Server]:
    """As ``look``, and the server it is from."""
    listed = services.listed(session, subject.project)
    found = _evaluate(session, subject, listed, not_before=not_before)
    report, server = found.report, found.server
    needs_s = seconds(subject.gate.soak) if subject.direction is Direction.CONTRACT else 0.0
    since: datetime | None = None
    with session.transaction() if not session.in_transaction else contextlib.nullcontext():
        record = state.find(session, subject.project, subject.migration.id)
        if record is not None:
            since = _sampled(session, subject, found, needs_s)
            report = replace(report, notes=notes(session, record))
    if subject.soaks_under_fence:
        fenced_at = record.fence_at if record is not None and record.gate in STANDING else None
        since = max(since, fenced_at) if since is not None and fenced_at is not None else None
    soaked = soak(since, now=server.at, needs_s=needs_s)
    if report.verdict is Verdict.PASS and needs_s > 0 and not soaked.complete:
        judged = _decide(subject, report.observations, listed, soaked, server, not_before)
        report = replace(report, verdict=judged.verdict, reasons=judged.reasons)
    return replace(report, soak=soaked), server


def _sampled(session: Session, subject: Subject, found: _Evaluation, needs_s: float) -> datetime | None:
    key = (subject.project, subject.migration.id, subject.direction.value)
    report, server = found.report, found.server
    clean = report.verdict is Verdict.PASS
    services.add_sample(
        session, *key, server, clean=clean, verdict=report.verdict.value, overrides=report.overrides if clean else ()
    )
    keep_s = 2 * needs_s + _DAY_S
    services.prune(session, subject.project, before=server.at - timedelta(seconds=keep_s))
    if not clean:
        return None
    samples = services.samples(session, *key, keep_s=keep_s, now=server.at, overrides=found.granted)
    polled = any(sources()[source.kind].polled for source in subject.gate.source)
    return clean_since(
        samples,
        _clean_since(session, subject, report.requires),
        now=server.at,
        identity=server.identity,
        max_gap_s=seconds(subject.gate.max_gap) if polled else None,
        same_server=services.expanded_here(session, subject.project, subject.migration.id, server),
    )


def _clean_since(session: Session, subject: Subject, requires: Mapping[str, int]) -> datetime | None:
    """When the last code ended that needed what is about to go; not before it was known that the others do not."""
    below: list[Build] = []
    known_at: list[datetime] = []
    if subject.direction is Direction.CONTRACT:
        exemptions = exemptions_for(session, subject)
        for build in services.builds_seen(session, subject.project, requires):
            if by := exemptions.of(build.service, build.version, build.level):
                below.append(build)
                known_at.append(by.recorded_at)
    since = services.clean_since(session, subject.project, requires, below)
    return max(since, *known_at) if since is not None and known_at else since
