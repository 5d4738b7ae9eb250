"""What the size of a table makes of a finding about a lock: its severity, and how long the work under it may take.

A lock that is held while the server reads, builds or rewrites a table harms in proportion to the table. Whether running
code breaks, and whether data is lost, does not depend on how much of it there is: such findings keep their severity.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from migrator.config import LintSizes, milliseconds, size_bytes
from migrator.errors import UsageError
from migrator.lint.rule import Problem, Rule
from migrator.model.effects import TableLock
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.stats import RelationStats, Stats, TableSize
from migrator.sql.effects import effects_of
from migrator.sql.parser import Statement

_WORK = {Effort.SCAN: "reading", Effort.BUILD: "building", Effort.REWRITE: "rewriting"}
_NAME_PART = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which size on a table counts as small or large, and how fast a server works.

    Attributes:
        small_rows: a table of more rows is not small.
        small_bytes: likewise, with indexes and TOAST; None: none is small.
        large_bytes: a table of so much is large; None: none is.
        scan_rate: bytes that are read in a second, of the table without indexes.
        build_rate: likewise, while an index is built on it.
        rewrite_rate: likewise, while it is rewritten with its indexes, or every row is updated.
        max_age_days: older statistics make nothing less severe.
    """

    small_rows: int
    small_bytes: int | None
    large_bytes: int | None
    scan_rate: int
    build_rate: int
    rewrite_rate: int
    max_age_days: int


def thresholds(settings: LintSizes) -> Thresholds:
    """Those of the configuration."""
    return Thresholds(
        small_rows=settings.small_rows,
        small_bytes=size_bytes(settings.small_size),
        large_bytes=size_bytes(settings.large_size),
        scan_rate=size_bytes(settings.scan_rate) or 1,
        build_rate=size_bytes(settings.build_rate) or 1,
        rewrite_rate=size_bytes(settings.rewrite_rate) or 1,
        max_age_days=milliseconds(settings.max_age) // milliseconds("1d"),
    )


def read(text: bytes, at: str) -> Stats:
    """What ``migrator stats --output`` wrote.

    Raises:
        UsageError: it is something else.
    """
    try:
        stats = msgspec.json.decode(text, type=Stats)
        taken_on(stats)
    except (ValueError, msgspec.MsgspecError) as error:
        raise UsageError(
            "not statistics of migrator", at=at, detail=str(error), hint=f"write them: migrator stats --output {at}"
        ) from None
    if stats.schema_version != 1:
        raise UsageError(f"statistics of version {stats.schema_version}, this migrator reads version 1", at=at)
    return stats


def taken_on(stats: Stats) -> date:
    """The day they were taken.

    Raises:
        ValueError: ``taken_at`` is no date.
    """
    return date.fromisoformat(stats.taken_at[:10])


class Sizes:
    """The sizes of a database, and what follows from them.

    Attributes:
        stats: what they are from.
        are_old: whether they are too old to make anything less severe.
    """

    def __init__(self, stats: Stats, thresholds: Thresholds, today: date) -> None:
        self.stats = stats
        self.are_old = (today - taken_on(stats)).days > thresholds.max_age_days
        self._thresholds = thresholds
        self._relations = {(each.schema, each.name): each for each in stats.relations}

    def weigh(
        self, rule: Rule, problem: Problem, statement: Statement, severity: Severity, path: Sequence[str]
    ) -> tuple[Severity, TableSize | None]:
        """The severity of a finding, and the size of its table; None if that is not known.

        Args:
            rule: found it.
            problem: what it found.
            statement: where.
            severity: as the rule has it.
            path: schemas in which the file looks up names; ``("public",)`` where it does not say.
        """
        mode = rule.lock if problem.lock is None else problem.lock
        locks = effects_of(statement).locks if mode else ()
        if not locks:
            return severity, None
        known = [self._relation(lock, path) for lock in locks]
        own = next((found for lock, found in zip(locks, known, strict=True) if lock.mode is mode), known[0])
        work = rule.work if problem.work is None else problem.work
        if work not in _WORK or rule.category is not Category.LOCK or not rule.grows_with_table:
            return severity, self._size(own, "", None) if own else None
        largest = max((each for each in known if each), key=lambda each: each.total_bytes, default=None)
        if largest is None:
            return severity, None
        size = self._size(largest, _WORK[work], self._estimate_s(largest, work, mode))
        breaks = rule.breaks if problem.breaks is None else problem.breaks
        if mode is not LockMode.SHARE_UPDATE_EXCLUSIVE and self._is_large(largest) and severity is Severity.WARNING:
            return Severity.ERROR, size
        if all(known) and all(map(self._is_small, filter(None, known))) and not self.are_old:
            return _lowered(severity, breaks), size
        return severity, size

    def _relation(self, lock: TableLock, path: Sequence[str]) -> RelationStats | None:
        parts = [quoted.replace('""', '"') or plain for quoted, plain in _NAME_PART.findall(lock.relation)]
        if len(parts) > 1:
            return self._relations.get((parts[-2], parts[-1]))
        schemas = self.stats.search_path if tuple(path) == ("public",) else path
        found = (self._relations.get((schema, parts[-1])) for schema in schemas)
        return next(filter(None, found), None)

    def _is_small(self, relation: RelationStats) -> bool:
        limits = self._thresholds
        few = relation.rows is not None and relation.rows <= limits.small_rows
        return few and limits.small_bytes is not None and relation.total_bytes <= limits.small_bytes

    def _is_large(self, relation: RelationStats) -> bool:
        return self._thresholds.large_bytes is not None and relation.total_bytes >= self._thresholds.large_bytes

    def _estimate_s(self, relation: RelationStats, work: Effort, mode: LockMode) -> float:
        limits = self._thresholds
        rates = {Effort.SCAN: limits.scan_rate, Effort.BUILD: limits.build_rate, Effort.REWRITE: limits.rewrite_rate}
        writes_rows = mode is LockMode.ROW_EXCLUSIVE
        rate = limits.rewrite_rate if writes_rows else rates[work]
        return (relation.table_bytes + relation.toast_bytes) / rate

    def _size(self, relation: RelationStats, work: str, estimate_s: float | None) -> TableSize:
        writes = relation.writes_per_s
        return TableSize(relation.rows, relation.total_bytes, writes.total if writes else None, estimate_s, work)


def _lowered(severity: Severity, breaks: Sequence[Breaks]) -> Severity:
    """What is left of a severity where the table is small: what breaks, or is lost, is so with few rows as well."""
    others = set(breaks) - {Breaks.PREPARED}
    if not others:
        return Severity.INFO
    return Severity.WARNING if others == {Breaks.DATA} and severity is Severity.ERROR else severity
