"""Lint with proof: once to hear what the rules say, then on the scratch server, then again with what it did."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from msgspec.structs import replace

from migrator.lint.context import Context
from migrator.lint.engine import Companion
from migrator.lint.registry import all_rules
from migrator.lint.report import Report
from migrator.lint.rule import Problem, Rule
from migrator.lint.selection import Selection, everything
from migrator.lint.sources import Source
from migrator.model.finding import Finding, Severity
from migrator.model.plan import Phase
from migrator.model.trace import BrokenStatement, Outcome, Trace, Traced
from migrator.sql.parser import Statement
from migrator.trace.application.reading import ApplicationStatement
from migrator.trace.application.watch import Application
from migrator.trace.history import Judged, Recorder, files
from migrator.trace.run import Run
from migrator.trace.scratch import Scratch, scratch_database, scratch_server

BREAKS, BREAKS_PREPARED = "AP001", "AP002"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to find out.

    Attributes:
        major: major version of the server asked for.
        application: statements of the running version; empty: only locks are traced.
        is_base: whether a file holds the schema that is there already.
    """

    major: int
    application: Sequence[ApplicationStatement] = ()
    is_base: Callable[[Source], bool] = lambda _: False


def lint_and_trace(run_lint: Callable[[Selection, Companion], Report], selection: Selection, wish: Wish) -> Report:
    """Lint, run the files on a scratch server, and lint again with what was seen there.

    Args:
        run_lint: lints the files with a selection and a companion; called twice.
        selection: the rules in force.
        wish: what to find out.

    Returns:
        The report, with ``trace`` and with facts at the findings.

    Raises:
        UsageError: there is no PostgreSQL on this machine.
        DatabaseUnavailable: it did not start.
    """
    recorder = Recorder()
    # Every rule is heard, also those that are not selected: the trace holds all of them against the server.
    run_lint(everything(), recorder)
    with scratch_server(wish.major) as server, scratch_database(server) as scratch:
        trace = run_on(scratch, recorder.statements, wish)
    broken = trace.application.broken if trace.application else ()
    report = run_lint(selection, Teller(broken))
    report.trace = trace
    report.findings = [_with_facts(finding, trace) for finding in report.findings]
    return report


def run_on(scratch: Scratch, statements: Sequence[Judged], wish: Wish) -> Trace:
    """Run statements on a scratch database that is empty."""
    application = Application(scratch, wish.application) if wish.application else None
    run = Run(scratch, application)
    failed: list[Traced] = []
    with contextlib.closing(application) if application else contextlib.nullcontext():
        for source, own in files(statements):
            if wish.is_base(source):
                failed += run.base(own)
            else:
                run.file(source, own)
    return Trace(
        server_version=scratch.version,
        wanted_major=wish.major,
        statements=tuple(run.statements),
        disagreements=tuple(run.disagreements),
        base_failures=tuple(failed),
        application=application.result() if application else None,
    )


class Teller:
    """A companion of lint that reports, at the statement of the migration, what it breaks."""

    def __init__(self, broken: Sequence[BrokenStatement]) -> None:
        self._broken: dict[tuple[str, int, str], list[BrokenStatement]] = {}
        for each in broken:
            self._broken.setdefault((each.file, each.line, each.by), []).append(each)

    def __call__(
        self,
        source: Source,
        statement: Statement,
        context: Context,
        found: Sequence[tuple[Rule, Problem]],  # noqa: ARG002 - a companion's signature
    ) -> Iterator[tuple[Rule, Problem]]:
        """See ``migrator.lint.engine.Companion``."""
        line, _ = source.lines_of(statement.line, statement.end_line)
        broken = self._broken.pop((source.name, line, statement.text), [])
        ordered = sorted(broken, key=_kind)
        for (prepared_only, for_a_while), group in groupby(ordered, _kind):
            rule = all_rules()[BREAKS_PREPARED if prepared_only else BREAKS]
            yield rule, _problem(list(group), context.phase, for_a_while=for_a_while)


def _kind(broken: BrokenStatement) -> tuple[bool, bool]:
    return broken.prepared_only, broken.for_a_while


def _problem(broken: Sequence[BrokenStatement], phase: Phase | None, *, for_a_while: bool) -> Problem:
    count = len(broken)
    statements = "1 statement" if count == 1 else f"{count} statements"
    ending = " until a later statement of this file" if for_a_while else ""
    prepared = " where they were prepared before" if broken[0].prepared_only else ""
    severity = Severity.WARNING if for_a_while else None
    if phase is Phase.CONTRACT:
        severity = Severity.INFO
    first = broken[0]
    more = f"; and {count - 1} more, listed below" if count > 1 else ""
    why = f"{first.at}: {' '.join(first.statement.split())[:120]}: {first.message} ({first.sqlstate}){more}"
    return Problem(f"breaks {statements} of the running version{prepared}{ending}", why=why, severity=severity)


def _with_facts(finding: Finding, trace: Trace) -> Finding:
    for traced in trace.statements:
        if traced.file == finding.file and traced.line <= finding.line <= traced.end_line:
            same = traced.statement == finding.statement
            if same or traced.end_line == finding.end_line:
                return replace(finding, traced=traced if traced.outcome is not Outcome.SKIPPED else None)
    return finding
