"""A query of the user's own, which returns the columns ``verdict`` (PASS, BLOCK or UNKNOWN) and ``why``.

A veto, or a proof where ``closed_world`` is declared.

It gets ``%(service)s``, ``%(level)s``, ``%(direction)s`` and ``%(migration)s`` (write ``%%`` for a percent sign). Any
BLOCK among its rows blocks; no row at all is UNKNOWN, for an empty answer is not the answer "none".
"""

from __future__ import annotations

from migrator.gate.source import Question, asked_services
from migrator.model.evidence import EvidenceItem, Observation, Verdict
from migrator.postgres.session import Session

kind = "sql"
polled = True
keeps_notes = False


def observe(session: Session, question: Question) -> tuple[Observation, ...]:
    """Run the query once for each service it speaks of."""
    return tuple(_ask(session, question, service) for service in asked_services(question))


def _ask(session: Session, question: Question, service: str) -> Observation:
    at = session.one("SELECT clock_timestamp() AS at").at
    rows = session.query(
        question.settings.query,
        {
            "service": service,
            "level": question.requires[service],
            "direction": question.direction.value,
            "migration": question.migration,
        },
    )
    answers = [(str(getattr(row, "verdict", "")), str(getattr(row, "why", "") or "")) for row in rows]
    items: list[EvidenceItem] = []
    if not answers:
        verdict, control = Verdict.UNKNOWN, "the query returned no row"
    elif wrong := [said for said, _ in answers if said not in ("PASS", "BLOCK", "UNKNOWN")]:
        verdict, control = Verdict.UNKNOWN, f'the query returned "{wrong[0]}" where a verdict belongs'
    else:
        said = {verdict for verdict, _ in answers}
        verdict = next(one for one in (Verdict.BLOCK, Verdict.UNKNOWN, Verdict.PASS) if one.value in said)
        control = next((why for one, why in answers if one == verdict.value and why), f"the query says {verdict.value}")
        items = [
            EvidenceItem(
                "query", None, "", "query", 0.0, why or "the query says so", "see the query in the configuration"
            )
            for one, why in answers
            if one == "BLOCK"
        ]
    settings = question.settings
    return Observation(kind, service, verdict, settings.closed_world, at, control, tuple(items), question.required)
