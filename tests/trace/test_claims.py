"""Every rule's bad examples on a real server: it does what the rule's page says, and the model of locks agrees.

For each problem that the rule finds, the strongest lock that the transaction holds then is the one it names, and the
work is the one it names: a table rewritten, an index built, rows scanned, or none of them. A rule that is not sure
(of a softer severity than its own) makes no claim.
"""

from __future__ import annotations

import pytest

from migrator.lint.findings import locked_relation
from migrator.lint.registry import all_rules
from migrator.lint.rule import Bad, ReportedByEngine, ReportedByTrace, Rule
from migrator.lint.sources import Source
from migrator.model.finding import Breaks, Category, Effort
from migrator.model.locks import LockMode
from migrator.model.trace import Outcome, Trace, Traced
from migrator.trace.history import Judged
from migrator.trace.scratch import RUNNER, Scratch
from tests.trace.stage import stage_for
from tests.trace.tracing import judged, run_judged

RULES = [
    rule
    for rule in all_rules().values()
    if rule.bad and rule.category is not Category.POLICY and not isinstance(rule, (ReportedByEngine, ReportedByTrace))
]
"""Policy is what a team wants, not what a server does."""
FAILS_ON_PURPOSE = {
    # The error is the finding.
    "LK002": {"25001"},  # CONCURRENTLY in a transaction block
    "LK028": {"0A000"},  # CONCURRENTLY on a partitioned table
    "RB021": {"42703", "42704"},  # a column or constraint that nothing made
}
NOTHING_TO_SEE = {
    "DROP SCHEMA app": "an empty schema holds no table that could be locked",
    "ALTER TABLE events DETACH PARTITION e1 CONCURRENTLY": "waits holding nothing, then is done at once",
    "CREATE INDEX events_at ON events (at)": "the partitioned table of the example has no partitions",
}
NOT_IN_THE_EXAMPLE = {
    "ALTER TABLE orders ALTER CONSTRAINT owner ENFORCED": "the referenced table is in no file of the example",
}
NOT_THERE = {"42P01", "42703", "42704", "42883"}
"""Undefined table, column, object, function: the stage lacks something, and nothing was shown."""
MOST_NOT_RUN = 0.08
"""Share of examples that may need what the stage does not have: other servers, roles, extensions."""


@pytest.fixture(scope="module", autouse=True)
def tablespace(scratch: Scratch):
    scratch.admin.execute("SET allow_in_place_tablespaces = true")
    scratch.admin.execute("CREATE TABLESPACE fast LOCATION ''")
    scratch.admin.execute(f"GRANT CREATE ON TABLESPACE fast TO {RUNNER}")
    yield
    scratch.admin.execute("DROP SCHEMA public CASCADE")
    scratch.admin.execute("DROP TABLESPACE fast")
    scratch.admin.execute("CREATE SCHEMA public")


def test_the_server_does_what_the_pages_say(scratch: Scratch):
    wrong, not_run, examples = [], [], 0
    for rule in RULES:
        for bad in rule.bad:
            if bad.pg_version > scratch.runner.server_version:
                continue
            examples += 1
            wrong += [f"{rule.code}: {complaint}" for complaint in complaints(scratch, rule, bad, not_run)]
    print(*not_run, sep="\n")

    assert not wrong, "\n".join(wrong)
    assert len(not_run) <= MOST_NOT_RUN * examples, not_run


def complaints(scratch: Scratch, rule: Rule, bad: Bad, not_run: list[str]):
    change = Source("change.sql", bad.sql, bad.phase, phased=bad.phase is not None)
    statements = judged(Source("stage.sql", stage_for(bad.earlier, bad.sql)))
    statements += judged(Source("earlier.sql", bad.earlier), change, pg_version=bad.pg_version)
    trace = run_judged(scratch, statements, base=("stage.sql", "earlier.sql"))
    failed = [*trace.base_failures, *(each for each in trace.statements if each.outcome is not Outcome.TRACED)]
    claimed = rule.breaks == (Breaks.MIGRATION,) and failed[:1] and failed[0].sqlstate not in NOT_THERE
    if failed and not claimed and rule.code not in FAILS_ON_PURPOSE:
        not_run.append(f"{rule.code}: {failed[0].statement}: {failed[0].reason}")
    yield from (
        f"{each.code} {each.statement}: {each.said}, {each.seen}"
        for each in trace.disagreements
        if each.statement not in NOT_IN_THE_EXAMPLE
    )
    yield from _of_claims(rule, [each for each in statements if each.source.name == "change.sql"], trace)


def _of_claims(rule: Rule, statements: list[Judged], trace: Trace):
    seen = {(each.line, each.statement): each for each in trace.statements}
    held = LockMode.NONE
    for each in statements:
        traced = seen.get((each.statement.line, each.statement.text))
        if traced is None:
            continue
        held = max(held, *(lock.mode for lock in traced.locks), LockMode.NONE)
        own = [problem for found, problem in each.problems if found.code == rule.code]
        sure = [problem for problem in own if problem.severity in (None, rule.severity)]
        text = each.statement.text
        if text in NOTHING_TO_SEE:
            continue
        if rule.code in FAILS_ON_PURPOSE and own:
            if traced.sqlstate not in FAILS_ON_PURPOSE[rule.code]:
                yield f"{text}: {traced.sqlstate}"
            continue
        if traced.outcome is not Outcome.TRACED:
            continue
        for problem in sure:
            lock = rule.lock if problem.lock is None else problem.lock
            work = rule.work if problem.work is None else problem.work
            taken = max((each.mode for each in traced.locks), default=LockMode.NONE)
            relation = locked_relation(each.effects, lock)
            there = max((each.mode for each in traced.locks if each.relation == relation), default=held)
            if lock is not LockMode.NONE and lock not in (held, taken, there):
                yield f"{text}: page {lock.title}, server {held.title}"
            if work not in _done(traced) and not traced.reason:
                yield f"{text}: page {work.value}, server {sorted(_done(traced))}"


def _done(traced: Traced) -> set[Effort]:
    """The claims of work that what was seen bears out; a rewrite reads all rows and builds all indexes."""
    if traced.rewritten:
        return {Effort.NONE, Effort.REWRITE, Effort.SCAN}
    if traced.built:
        return {Effort.NONE, Effort.BUILD, Effort.SCAN}
    if traced.scanned:
        return {Effort.NONE, Effort.SCAN}
    return {Effort.NONE, Effort.BRIEF}
