"""What the processes say themselves, by calling ``migrator.beat``.

Closed world as far as every process of a listed service beats before it uses the database. A row that expired counts
as running: its process may be paused. No row is not evidence: at least one instance at the wanted level must have been
seen (the positive control), or the service must be expected to have none.
"""

from __future__ import annotations

from migrator.gate.source import Question
from migrator.ledger import services
from migrator.ledger.services import Instance, Service
from migrator.model.evidence import Direction, EvidenceItem, Exempt, Observation, Verdict
from migrator.postgres.session import Session

kind = "heartbeat"
polled = False
keeps_notes = False


def observe(session: Session, question: Question) -> tuple[Observation, ...]:
    """Read every instance row that counts as running."""
    observed_at = services.server(session).at
    rows = services.running(session, question.project)
    seen = services.levels_seen(session, question.project)
    observations = []
    for service in question.concerned:
        if service.kind == "external":
            continue
        own = [row for row in rows if row.listed and row.service == service.name]
        items = tuple(_item(row, question) for row in own if _is_in_the_way(row, question))
        control, shown = _control(service, own, seen.get(service.name), question)
        verdict = Verdict.BLOCK if items else Verdict.PASS if shown else Verdict.UNKNOWN
        observations.append(
            Observation(
                source=kind,
                service=service.name,
                verdict=verdict,
                closed_world=True,
                observed_at=observed_at,
                control=control,
                items=items,
                required=question.required,
                exempt=tuple(_exempt(row, question) for row in own if _by(row, question) is not None),
            )
        )
    if unlisted := tuple(_unlisted(row) for row in rows if not row.listed):
        observations.append(
            Observation(
                source=kind,
                service=None,
                verdict=Verdict.BLOCK,
                closed_world=True,
                observed_at=observed_at,
                control="services that are not listed beat",
                items=unlisted,
                required=question.required,
            )
        )
    return tuple(observations)


def _control(
    service: Service, rows: list[Instance], seen: tuple[int, int] | None, question: Question
) -> tuple[str, bool]:
    """What shows that heartbeats of this service arrive, and whether that suffices."""
    good = [row for row in rows if row.state == "live" and not row.stale and not _is_in_the_way(row, question)]
    wanted = question.wanted(service.name)
    if any(_by(row, question) is not None for row in good):
        wanted += ", or exempt by manifest"
    if good:
        return f"{len(good)} of {len(rows)} running instances are at {wanted}", True
    if service.expect_zero:
        return f"no instance is expected: {service.expect_reason}", True
    if service.kind == "batch" and seen is not None:
        extreme = seen[1] if question.direction is Direction.CONTRACT else seen[0]
        if not question.is_in_the_way(service.name, extreme):
            return f"ran at level {extreme}, none is running", True
    stale = sum(row.stale and not _is_in_the_way(row, question) for row in rows)
    if stale:
        known = f": {stale} at such a level did not beat within the ttl"
    else:
        known = f", only {_levels(*seen)}" if seen else ""
    return f'no live instance of "{service.name}" at {wanted} was seen{known}', False


def _levels(lowest: int, highest: int) -> str:
    return f"level {lowest}" if lowest == highest else f"levels {lowest} to {highest}"


def _is_in_the_way(row: Instance, question: Question) -> bool:
    return question.is_in_the_way(row.service, row.level, row.version)


def _by(row: Instance, question: Question) -> Exempt | None:
    return question.exempt(row.service, row.level, row.version)


def _exempt(row: Instance, question: Question) -> EvidenceItem:
    why = f"runs level {row.level}, and uses nothing that the contract changes: {_by(row, question)}"
    return _named(row, "stale" if row.stale else "live", why, "")


def _item(row: Instance, question: Question) -> EvidenceItem:
    if question.direction is Direction.CONTRACT:
        why = f"runs level {row.level}, {question.requires[row.service]} is needed"
    else:
        why = f"runs level {row.level}, which needs the new shape"
    if row.state != "live":
        why += f"; it beats although it was {row.state}"
    if row.stale:
        return _named(row, "stale", f"{why}; a stale instance counts as running", _retire(row))
    clears = "it ends and says bye: wait for the rollout to finish, or stop it"
    return _named(row, "live", why, clears)


def _unlisted(row: Instance) -> EvidenceItem:
    return _named(
        row,
        "stale" if row.stale else "live",
        f'beats as service "{row.service}", which is not listed',
        f'add [[tool.migrator.gate.service]] name = "{row.service}" to pyproject.toml'
        + (f", or {_retire(row)}" if row.stale else ""),
    )


def _retire(row: Instance) -> str:
    return f'migrator gate retire {row.service} {row.instance} --reason "…", once it is certain that it is gone'


def _named(row: Instance, health: str, why: str, clears_with: str) -> EvidenceItem:
    return EvidenceItem(
        instance=row.instance,
        level=row.level,
        version=row.version,
        health=health,
        last_seen_s=row.last_seen_s,
        why=why,
        clears_with=clears_with,
    )
