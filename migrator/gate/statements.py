"""Which statements that need what goes were run since the last look, by ``pg_stat_statements`` of every server.

A statement counts as run when its counter is higher than at the look before. That holds only as long as no entry was
evicted and nothing was reset; otherwise nothing is known, and counting starts anew. Under the fence of a contract the
counters compared with stay those of the last look before it; under one raised by hand, which may stand for days,
they do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from migrator.gate.notes import Topic
from migrator.gate.ownership import services_of
from migrator.gate.servers import CannotSee, standby
from migrator.gate.source import Question, remembered
from migrator.gate.targets import columns_of, going
from migrator.ledger import state
from migrator.ledger.state import GateState
from migrator.model.counts import counted
from migrator.postgres.queries import load
from migrator.postgres.session import Session
from migrator.sql.compose import qualified
from migrator.sql.lineage import Finding, Target, Use, needs
from migrator.sql.words import identifiers

_SQL = load("migrator.gate.queries", "statements.sql")
_FENCED = (GateState.FENCED, GateState.QUARANTINED, GateState.CONFIRMED)
_MAINTENANCE = frozenset({"alter", "analyze", "comment", "drop", "grant", "reindex", "revoke", "vacuum"})
_KEPT_ANSWERS = 20_000  # four times what pg_stat_statements keeps by default


@dataclass(frozen=True, slots=True)
class Ran:
    """A statement that may need what goes and was run since the last look.

    Attributes:
        server: ``the primary`` or a variable's name.
        calls: how often, since then.
    """

    server: str
    role: str
    query: str
    calls: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class Watched:
    """What the counters say.

    Attributes:
        ran: statements that were run and are not proved harmless.
        since: when counting began, for people; None: nothing is known yet, ``why`` says why.
        entries: how many entries were seen in all: the positive control.
    """

    ran: tuple[Ran, ...]
    since: str | None
    why: str
    entries: int


@dataclass(frozen=True, slots=True)
class _Counters:
    """One server's counters, of statements that are not proved harmless."""

    facts: dict[str, Any]
    rows: Mapping[str, tuple[Any, Finding]] = field(default_factory=dict)
    entries: int = 0


@dataclass(frozen=True, eq=False)
class _Catalog:
    """Hashable by content, so that answers about statements can be kept."""

    relations: dict[str, dict[str, frozenset[str]]]
    key: str

    @classmethod
    def of(cls, relations: dict[str, dict[str, frozenset[str]]]) -> _Catalog:
        """With its key."""
        ordered = sorted(
            (relation, schema, sorted(columns))
            for relation, places in relations.items()
            for schema, columns in places.items()
        )
        return cls(relations, repr(ordered))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Catalog) and other.key == self.key


@dataclass(frozen=True, slots=True)
class _Scene:
    """What goes, and by server the relations that statements name."""

    targets: frozenset[Target]
    catalogs: dict[str, _Catalog]


def watch(session: Session, question: Question) -> Watched:
    """Compare the counters with those of the last look, and note them for the next one.

    Raises:
        CannotSee: a server does not show its statements, or not all.
    """
    if question.drops.unclear:
        raise CannotSee(f"what {question.drops.unclear[0]} takes away cannot be told from its text")
    # Once the work is done in the transaction of the contract, the catalog does not know any more what went.
    scene = remembered(question, lambda: _Scene(frozenset(one.target for one in going(session, question.drops)), {}))
    topic = Topic(question.project, question.migration, question.direction.value, "statements")
    before = topic.read(session)
    now: dict[str, _Counters] = {}
    variables = () if question.local else question.standby_url_envs
    for name in ("the primary", *variables):
        with nullcontext(session) if name == "the primary" else standby(name) as server:
            now[name] = _counters(server, name, scene, question)
    entries = sum(counters.entries for counters in now.values())
    problem = "statements are counted from now on" if before is None else _discontinuity(before.facts, now)
    ran = [] if before is None or problem else _ran(before.facts, now)
    if not question.local and (before is None or not _is_fenced(session, question)):
        topic.write(session, {name: counters.facts for name, counters in now.items()})
    since = None if before is None or problem else f"{before.taken_at:%Y-%m-%d %H:%M:%S %Z}"
    return Watched(tuple(ran), since, problem, entries)


def _is_fenced(session: Session, question: Question) -> bool:
    record = state.find(session, question.project, question.migration)
    return record is not None and record.gate in _FENCED and record.fence_deadline is not None


def _counters(session: Session, name: str, scene: _Scene, question: Question) -> _Counters:
    targets = scene.targets
    view, info = _views(session, name)
    head = session.one(_SQL["info"].replace("{info}", info))
    facts = {
        "system_identifier": head.system_identifier,
        "reset": head.stats_reset,
        "evicted": head.dealloc,
        "targets": sorted(map(str, targets)),
        "calls": {},
    }
    names = sorted({target.relation.replace('"', '""') for target in targets})
    found = session.query(_SQL["entries"].replace("{view}", view), {"names": names})
    if any(row.query == "<insufficient privilege>" for row in found):
        raise CannotSee(f"{name} does not show every statement: <insufficient privilege>")
    found = [row for row in found if not _is_ours(row, question)]
    if not question.local:
        words = frozenset().union(*(_words(row.query) for row in found if row.query))
        scene.catalogs[name] = _Catalog.of(columns_of(session, words))
    catalog = scene.catalogs[name]
    rows: dict[str, tuple[Any, Finding]] = {}
    for row in found:
        finding = _judged(row.query, targets, catalog) if row.query else Finding(Use.UNCLEAR, "its text is not kept")
        if finding.use is not Use.UNUSED and targets:
            key = f"{row.userid}/{row.queryid}/{row.toplevel}"
            rows[key] = (row, finding)
            facts["calls"][key] = row.calls
    entries = session.one(_SQL["total"].replace("{view}", view)).entries
    if not entries:
        raise CannotSee(f"{name} counts no statement of this database at all")
    return _Counters(facts, rows, entries)


def _is_ours(row: Any, question: Question) -> bool:
    """Whether a statement is one of this tool's: of its role, where applications have roles of their own.

    Where a role may be shared, only statements that define or maintain something are; the contract's own is one.
    """
    if not row.own:
        return False
    if question.services and all(service.db_roles for service in question.services):
        return not services_of(row.role, question.services)
    words = (row.query or "").split(None, 1)
    return bool(words) and words[0].lower() in _MAINTENANCE


def _views(session: Session, name: str) -> tuple[str, str]:
    extension = session.maybe(_SQL["extension"])
    if extension is None:
        raise CannotSee(f"pg_stat_statements is not installed in this database on {name}")
    if not extension.may_see:
        raise CannotSee(f'on {name}, GRANT pg_read_all_stats TO "{extension.role}"')
    if extension.track != "all" or extension.track_utility != "on":
        raise CannotSee(
            f"on {name}, pg_stat_statements.track is {extension.track} and track_utility is {extension.track_utility}: "
            "all and on are needed, or statements inside functions, COPY and DO are not counted"
        )
    if extension.overridden:
        raise CannotSee(f"on {name}, ALTER ROLE or ALTER DATABASE sets pg_stat_statements.track for some sessions")
    return qualified(extension.schema, "pg_stat_statements"), qualified(extension.schema, "pg_stat_statements_info")


@lru_cache(_KEPT_ANSWERS)
def _judged(query: str, targets: frozenset[Target], catalog: _Catalog) -> Finding:
    return needs(query, targets, catalog.relations)


@lru_cache(_KEPT_ANSWERS)
def _words(query: str) -> frozenset[str]:
    return identifiers(query) or frozenset()


def _discontinuity(before: Mapping[str, Any], now: Mapping[str, _Counters]) -> str:
    """Why the counters cannot be compared; empty when they can."""
    for name, counters in now.items():
        old, facts = before.get(name), counters.facts
        if old is None:
            return f"{name} is counted from now on"
        if old["system_identifier"] != facts["system_identifier"]:
            return f"{name} is another server since the last look"
        if old["reset"] != facts["reset"]:
            return f"pg_stat_statements was reset on {name} at {facts['reset']}"
        if old["evicted"] != facts["evicted"]:
            return f"pg_stat_statements of {name} evicted entries since the last look: raise pg_stat_statements.max"
        if old["targets"] != facts["targets"]:
            return "what goes is another than at the last look"
        if lower := [key for key, calls in facts["calls"].items() if calls < old["calls"].get(key, 0)]:
            return f"{counted(len(lower), 'counters')} of {name} went down since the last look"
        if missing := old["calls"].keys() - facts["calls"].keys():
            return f"{counted(len(missing), 'statements')} of {name} vanished since the last look"
    return ""


def _ran(before: Mapping[str, Any], now: Mapping[str, _Counters]) -> list[Ran]:
    ran = []
    for name, counters in now.items():
        for key, (row, finding) in counters.rows.items():
            calls = row.calls - before[name]["calls"].get(key, 0)
            if calls > 0:
                query = " ".join((row.query or "").split())
                ran.append(Ran(name, row.role, query, calls, finding))
    return sorted(ran, key=lambda one: (one.finding.use is not Use.USED, -one.calls))
