"""Whether a relation that goes, or an index on a column that goes, is used, by the server's counters; a veto.

A table that goes must not be read or written between two looks; an index led by a column that goes must not be scanned.
Counters say nothing about who did it: triggers that keep both shapes equal count as well, so this source fits drops
without them. A counter that went down was reset: nothing is known, and counting starts anew.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from migrator.gate.notes import Topic
from migrator.gate.servers import CannotSee, standby
from migrator.gate.source import Question
from migrator.gate.targets import Going, going
from migrator.ledger import state
from migrator.ledger.state import GateState
from migrator.model.counts import counted
from migrator.model.evidence import EvidenceItem, Observation, Verdict
from migrator.postgres.queries import load
from migrator.postgres.session import Session

kind = "table_stats"
polled = True
keeps_notes = True

_SQL = load("migrator.gate.queries", "table_stats.sql")
_FENCED = (GateState.FENCED, GateState.QUARANTINED, GateState.CONFIRMED)


def observe(session: Session, question: Question) -> tuple[Observation, ...]:
    """Compare the counters of all servers with those of the last look."""
    at = session.one("SELECT clock_timestamp() AS at").at
    found = going(session, question.drops)
    topic = Topic(question.project, question.migration, question.direction.value, kind)
    before = topic.read(session)
    now: dict[str, dict[str, Any]] = {}
    try:
        for name in ("the primary", *(() if question.local else question.standby_url_envs)):
            with nullcontext(session) if name == "the primary" else standby(name) as server:
                now[name] = _counters(server, name, found)
    except CannotSee as error:
        return (_observation(question, Verdict.UNKNOWN, at, str(error), ()),)
    if question.drops.unclear:
        why = f"what {question.drops.unclear[0]} takes away cannot be told from its text"
        return (_observation(question, Verdict.UNKNOWN, at, why, ()),)
    record = state.find(session, question.project, question.migration)
    fenced = record is not None and record.gate in _FENCED and record.fence_deadline is not None
    if not question.local and (before is None or not fenced):
        topic.write(session, now)
    if before is None:
        return (_observation(question, Verdict.UNKNOWN, at, "uses are counted from now on", ()),)
    since = f"{before.taken_at:%Y-%m-%d %H:%M:%S %Z}"
    items: list[EvidenceItem] = []
    for name, facts in now.items():
        old = before.facts.get(name)
        if old is None or any(old[key] != facts[key] for key in ("system_identifier", "reset")):
            return (_observation(question, Verdict.UNKNOWN, at, f"the counters of {name} start anew", ()),)
        for what, (reads, writes) in facts["uses"].items():
            was_reads, was_writes = old["uses"].get(what, (reads, writes))
            if reads < was_reads or writes < was_writes:
                return (_observation(question, Verdict.UNKNOWN, at, f"the counters of {what} were reset", ()),)
            if reads > was_reads or writes > was_writes:
                items.append(_item(what, name, reads - was_reads, writes - was_writes, since))
    compared = sum(len(facts["uses"]) for facts in now.values())
    control = (
        f"{counted(compared, 'counters are')} the same since {since}" if compared else "nothing that goes has a counter"
    )
    return (_observation(question, Verdict.BLOCK if items else Verdict.PASS, at, control, items),)


def _counters(session: Session, name: str, found: tuple[Going, ...]) -> dict[str, Any]:
    session.query(_SQL["fresh"])
    node = session.one(_SQL["node"])
    if node.track_counts != "on":
        raise CannotSee(f"on {name}, track_counts is {node.track_counts}")
    if session.server_version < 15 and node.stats_reset is None:
        # Before 15 a collector counts, some time later; from 15 on, NULL means that nothing was ever reset.
        raise CannotSee(f"{name} has not begun to count in this database: look again in a second")
    columns = [one for one in found if one.number is not None]
    rows = session.query(
        _SQL["counters"],
        {
            "relations": [one.oid for one in found if one.number is None],
            "tables": [one.oid for one in columns],
            "numbers": [one.number for one in columns],
        },
    )
    uses = {row.what: [row.reads, row.writes] for row in rows}
    return {"system_identifier": node.system_identifier, "reset": node.stats_reset, "uses": uses}


def _item(what: str, server: str, reads: int, writes: int, since: str) -> EvidenceItem:
    return EvidenceItem(
        what,
        None,
        "",
        "used",
        0.0,
        f"was read {counted(reads, 'times')} and {counted(writes, 'rows')} of it written on {server} since {since}",
        "find who uses it; it counts no more once it has not been used for the length of the soak",
    )


def _observation(
    question: Question, verdict: Verdict, at: Any, control: str, items: list[EvidenceItem] | tuple[EvidenceItem, ...]
) -> Observation:
    return Observation(kind, None, verdict, False, at, control, tuple(items), question.required)
