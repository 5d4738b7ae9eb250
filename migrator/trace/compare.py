"""What the server did against what was said: every difference is a bug of ours, and is shown as one.

- TR001 ``lock-stronger-than-said``   the model of locks left out a lock, or named a weaker one
- TR002 ``lock-weaker-than-said``     it named one that was not taken
- TR003 ``long-work-not-reported``    a table was rewritten, scanned or indexed under a lock that blocks others, and no
  rule said so
- TR004 ``long-work-not-done``        a rule said so, and it did not happen
- TR005 ``transaction-block``         the model was wrong about whether the statement may run in a transaction

Only tables that existed before the file count, as in the rules. Locks up to ROW EXCLUSIVE, which no reader or writer
ever waits for, are left out: triggers and foreign keys take them where no text shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from migrator.lint.rule import Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode

_NOT_CHECKED = "SY002"
"""The rule that says of a statement that nothing is said of it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server did, by the name of a relation that existed before the file.

    Attributes:
        taken: locks that its transaction did not hold before.
        held: all locks its transaction held after it; complete only if ``complete``.
        rewritten: tables with a new file.
        built: tables one of whose indexes was built.
        scanned: tables that were read from end to end.
        below: partitions and inheritance children by table.
        transactional: whether it ran in a transaction block.
        complete: whether every lock was seen; False for what was watched from outside.
        views: materialized views, which nobody writes to: only a lock that blocks readers is felt.
        hollow: whether it is about a partitioned table that has no partitions here, so that there was nothing to do.
        refused: whether it does not work once the table has rows: then its work is not done either.
    """

    taken: Mapping[str, LockMode] = field(default_factory=dict)
    held: Mapping[str, LockMode] = field(default_factory=dict)
    rewritten: frozenset[str] = frozenset()
    built: frozenset[str] = frozenset()
    scanned: frozenset[str] = frozenset()
    below: Mapping[str, frozenset[str]] = field(default_factory=dict)
    transactional: bool = True
    complete: bool = True
    views: frozenset[str] = frozenset()
    refused: bool = False
    hollow: bool = False

    @property
    def long_work(self) -> dict[str, str]:
        """What takes longer the larger the table is, under a lock that blocks others, by table."""
        found: dict[str, str] = {}
        if self.refused:
            return found
        for tables, what in ((self.scanned, "scanned"), (self.built, "indexed"), (self.rewritten, "rewritten")):
            for table in tables:
                felt = LockMode.ACCESS_EXCLUSIVE if table in self.views else LockMode.SHARE
                if self.held.get(table, LockMode.NONE) >= felt:
                    found[table] = what
        return found


@dataclass(frozen=True, slots=True)
class Difference:
    """See the module; ``said`` and ``seen`` are for people."""

    code: str
    name: str
    said: str
    seen: str


def differences(
    facts: Facts,
    predicted: Mapping[str, LockMode],
    problems: Sequence[tuple[Rule, Problem]],
    *,
    transactional: bool,
    names_tables: bool = True,
    reported_before: bool = False,
) -> Iterator[Difference]:
    """Compare what was said of one statement with what it did.

    Args:
        facts: what it did.
        predicted: its locks by the model, on relations that exist.
        problems: what the rules found, waived or not.
        transactional: whether it may run in a transaction block by the model.
        names_tables: whether the model could tell any table from its text.
        reported_before: whether a rule spoke of locks at an earlier statement of the same transaction.
    """
    covered = dict(predicted)
    for table, mode in predicted.items():
        for child in facts.below.get(table, ()):
            covered[child] = max(mode, covered.get(child, LockMode.NONE))
    # ALTER DOMAIN, DO and the like name no table; there what the rules say of locks is all that can be said.
    claims = (rule.lock if problem.lock is None else problem.lock for rule, problem in problems)
    unnamed = LockMode.NONE if names_tables else max(claims, default=LockMode.NONE)
    if not names_tables and any(rule.code == _NOT_CHECKED for rule, _ in problems):
        unnamed = LockMode.ACCESS_EXCLUSIVE
    for table, mode in sorted(facts.taken.items()):
        said = max(covered.get(table, LockMode.NONE), unnamed, _in_words(table, problems))
        if mode >= LockMode.SHARE_UPDATE_EXCLUSIVE and mode > said:
            yield Difference(
                "TR001", "lock-stronger-than-said", f"{said.title or 'no lock'} on {table}", f"{mode.title} on {table}"
            )
    for table, mode in sorted(predicted.items()) if facts.complete else ():
        held = facts.held.get(table, LockMode.NONE)
        if mode >= LockMode.SHARE_UPDATE_EXCLUSIVE and held < mode:
            yield Difference(
                "TR002", "lock-weaker-than-said", f"{mode.title} on {table}", f"{held.title or 'no lock'} on {table}"
            )
    yield from _work(facts, problems, reported_before=reported_before)
    if facts.transactional != transactional:
        words = {True: "runs in a transaction block", False: "runs outside a transaction block only"}
        yield Difference("TR005", "transaction-block", words[transactional], words[facts.transactional])


def _in_words(table: str, problems: Sequence[tuple[Rule, Problem]]) -> LockMode:
    """The strongest lock of the problems that name a table: a rule may know of one that the text does not show."""
    named = re.compile(rf"(?<![\w.]){re.escape(table)}(?!\w)")
    locks = (
        rule.lock if problem.lock is None else problem.lock
        for rule, problem in problems
        if named.search(problem.message) or named.search(problem.why)
    )
    return max(locks, default=LockMode.NONE)


def _work(facts: Facts, problems: Sequence[tuple[Rule, Problem]], *, reported_before: bool) -> Iterator[Difference]:
    reported = reported_before or any(
        rule.category is Category.LOCK and (problem.severity or rule.severity) is not Severity.INFO
        for rule, problem in problems
    )
    if not reported:
        for table, what in sorted(facts.long_work.items()):
            mode = facts.held[table].title
            yield Difference("TR003", "long-work-not-reported", "nothing", f"{table} {what} under {mode}")
    done = {
        Effort.REWRITE: facts.rewritten,
        Effort.BUILD: facts.built | facts.rewritten,
        Effort.SCAN: facts.scanned | facts.rewritten | facts.built,
    }
    for rule, problem in problems:
        # A softer severity than the rule's own says that the rule is not sure.
        sure = problem.severity is None or problem.severity is rule.severity
        work = rule.work if problem.work is None else problem.work
        if sure and not facts.hollow and work in done and not done[work]:
            yield Difference(
                "TR004", "long-work-not-done", f"{rule.code} {rule.name}: {problem.message}", "no such work"
            )
