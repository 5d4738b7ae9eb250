"""What the tests of lint share: linting SQL given as text."""

from __future__ import annotations

from datetime import date

from migrator.lint.engine import lint
from migrator.lint.report import Report
from migrator.lint.selection import Selection, select
from migrator.lint.sources import Source
from migrator.model.finding import Finding, Severity
from migrator.model.plan import Phase

TODAY = date(2026, 6, 1)


def report_on(*sources: Source, selection: Selection | None = None, pg_version: int = 14) -> Report:
    """What lint says of the files; ``selection``: by default that of a user who selects nothing."""
    return lint(sources, selection or select(), pg_version=pg_version, today=TODAY)


def findings(
    sql: str,
    *,
    earlier: str = "",
    phase: Phase | None = None,
    pg_version: int = 14,
    selection: Selection | None = None,
) -> list[Finding]:
    """Findings in ``sql``; not those in ``earlier``, a file of the same history before it."""
    before = [Source("earlier.sql", earlier)] if earlier else []
    source = Source("change.sql", sql, phase, phased=phase is not None)
    report = report_on(*before, source, selection=selection, pg_version=pg_version)
    return [finding for finding in report.findings if finding.file == "change.sql"]


def codes(sql: str, *, earlier: str = "", phase: Phase | None = None, pg_version: int = 14) -> set[str]:
    """Codes of findings that are more than a note."""
    found = findings(sql, earlier=earlier, phase=phase, pg_version=pg_version)
    return {finding.code for finding in found if finding.severity is not Severity.INFO}
