"""Findings as workflow commands of GitHub Actions, which shows them at the lines of a pull request.

Values are escaped as the runner reads them ("Workflow commands", actions/toolkit ``command.ts``).
"""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.report import Report
from migrator.model.finding import Finding, Severity
from migrator.reporting.lint_text import summary

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def text(report: Report) -> str:
    """One command a line for each finding, and the summary as an ordinary line."""
    return "".join(pieces(report)).removesuffix("\n")


def pieces(report: Report) -> Iterator[str]:
    """The lines of a report, with their ends."""
    for finding in report.findings:
        yield _command(finding) + "\n"
    yield summary(report) + "\n"


def _command(finding: Finding) -> str:
    properties = {
        "file": finding.file,
        "line": finding.line,
        "col": finding.column,
        "endLine": finding.end_line,
        "title": f"{finding.code} {finding.rule}",
    }
    if finding.end_line == finding.line:
        properties["endColumn"] = finding.column + finding.length
    shown = ",".join(f"{name}={str(value).translate(_PROPERTY)}" for name, value in properties.items())
    parts = [finding.headline]
    if finding.lock_mode:
        parts.append(f"lock: {finding.lock_mode}, blocks {finding.blocks}")
    if finding.why:
        parts.append(f"why: {finding.why}")
    if finding.fix:
        parts.append(f"instead:\n{finding.fix}")
    message = "\n".join(parts).translate(_DATA)
    return f"::{_COMMANDS[finding.severity]} {shown}::{message}"
