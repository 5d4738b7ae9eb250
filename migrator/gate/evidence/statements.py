"""Which statements that need what goes are run, by ``pg_stat_statements``; a veto, never a proof of who runs.

A statement is harmless only where that is proved (``sql.lineage``). One that uses what goes and was run since the last
look blocks; one that may (``SELECT *``, whole rows, INSERT without columns, COPY, DO, text that does not parse) makes
the answer UNKNOWN. Both are over when they have not been run for the length of the soak: each look compares with the
one before, and one that is not clean starts the soak anew.
"""

from __future__ import annotations

from migrator.gate.servers import CannotSee
from migrator.gate.source import Question
from migrator.gate.statements import Ran, watch
from migrator.model.evidence import EvidenceItem, Observation, Verdict
from migrator.postgres.session import Session
from migrator.sql.lineage import Use

kind = "statements"
polled = True
keeps_notes = True

_LONGEST_SHOWN = 160


def observe(session: Session, question: Question) -> tuple[Observation, ...]:
    """Compare the counters of all servers with those of the last look."""
    at = session.one("SELECT clock_timestamp() AS at").at
    items: tuple[EvidenceItem, ...] = ()
    try:
        watched = watch(session, question)
    except CannotSee as error:
        verdict, control = Verdict.UNKNOWN, str(error)
    else:
        items = tuple(_item(ran) for ran in watched.ran)
        if any(ran.finding.use is Use.USED for ran in watched.ran):
            verdict = Verdict.BLOCK
        elif watched.ran or watched.since is None:
            verdict = Verdict.UNKNOWN
        else:
            verdict = Verdict.PASS
        control = (
            watched.why
            if watched.since is None
            else f"{len(watched.ran)} of {watched.entries} known statements that may need it ran since {watched.since}"
        )
        if verdict is Verdict.UNKNOWN and items:
            control = f"{control}: {items[0].why}"
    return (Observation(kind, None, verdict, False, at, control, items, question.required),)


def _item(ran: Ran) -> EvidenceItem:
    text = ran.query if len(ran.query) <= _LONGEST_SHOWN else ran.query[: _LONGEST_SHOWN - 1] + "…"
    times = "once" if ran.calls == 1 else f"{ran.calls:,} times"
    return EvidenceItem(
        instance=f"statement of role {ran.role}" if ran.role else "statement",
        level=None,
        version="",
        health="statement",
        last_seen_s=0.0,
        why=f"ran {times} on {ran.server} since the last look, {ran.finding.why}: {text}",
        clears_with="find the code that runs it; it counts no more once it has not run for the length of the soak",
    )
