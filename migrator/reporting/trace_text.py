"""What a scratch server did, for people: one line for each statement that locks something, and our own mistakes."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.counts import counted
from migrator.model.locks import LockMode
from migrator.model.trace import ApplicationCheck, Outcome, Trace, Traced


def lines(trace: Trace) -> Iterator[str]:
    """The lines of a trace, to stand after the findings."""
    yield from _head(trace)
    for traced in trace.statements:
        yield from _statement(traced)
    if trace.application is not None:
        yield ""
        yield from _application(trace.application)
    if trace.disagreements:
        yield ""
        yield from _disagreements(trace)


def _head(trace: Trace) -> Iterator[str]:
    other = f" (asked for: {trace.wanted_major}; its programs are not here)" if trace.is_other_version else ""
    yield f"trace on PostgreSQL {trace.server_version}{other}"
    if trace.base_failures:
        yield f"  {counted(len(trace.base_failures), 'statements')} of the base failed there:"
        for each in trace.base_failures[:5]:
            yield f"    {each.file}:{each.line}: {each.reason}"


def _statement(traced: Traced) -> Iterator[str]:
    place = f"  {traced.file}:{traced.line}: "
    if traced.outcome is not Outcome.TRACED:
        yield f"{place}NOT TRACED: {traced.reason}{_state(traced.sqlstate)}"
        return
    locks = [f"{lock.mode.title} on {lock.relation}" for lock in traced.locks if lock.mode > LockMode.ROW_EXCLUSIVE]
    work = [
        f"{verb} {', '.join(tables)}"
        for verb, tables in (("rewrites", traced.rewritten), ("builds an index of", traced.built),
                             ("scans", traced.scanned))
        if tables
    ]  # fmt: skip
    if traced.reason:
        work.append(f"REFUSED if the table has rows: {traced.reason}{_state(traced.sqlstate)}")
    outside = [] if traced.transactional or not (locks or work) else ["outside a transaction block"]
    if locks or work:
        yield place + "; ".join([*locks, *work, *outside])


def _application(check: ApplicationCheck) -> Iterator[str]:
    yield (
        f"statements of the running version: {check.checked} checked ({check.run} run, the others planned),"
        f" {len(check.broken)} broken, {len(check.unchecked)} not checked"
    )
    for broken in check.broken:
        kind = "BROKEN WHERE PREPARED" if broken.prepared_only else "BROKEN"
        while_ = " for a while" if broken.for_a_while else ""
        yield f"  {broken.at}: {kind}{while_} by {broken.file}:{broken.line}: {_short(broken.statement)}"
        yield f"    {broken.message}{_state(broken.sqlstate)}"
    for each in check.unchecked:
        yield f"  {each.at}: NOT CHECKED: {_short(each.statement)}: {each.reason}"


def _disagreements(trace: Trace) -> Iterator[str]:
    count = len(trace.disagreements)
    what = "1 disagreement" if count == 1 else f"{count} disagreements"
    yield f"BUG IN MIGRATOR: {what} between lint and the server; please report"
    for each in trace.disagreements:
        yield f"  {each.file}:{each.line}: [{each.code} {each.name}] {_short(each.statement)}"
        yield f"    lint said: {each.said}"
        yield f"    PostgreSQL {trace.server_version} did: {each.seen}"


def _short(statement: str) -> str:
    line = " ".join(statement.split())
    return line if len(line) <= 100 else f"{line[:99]}…"


def _state(sqlstate: str) -> str:
    return f" ({sqlstate})" if sqlstate else ""
