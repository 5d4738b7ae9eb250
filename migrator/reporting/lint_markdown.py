"""Findings as Markdown, for a comment on a pull request or the summary of a job."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.lint.report import Report
from migrator.model.finding import Finding, Severity
from migrator.reporting.lint_text import summary

_MARKS = {Severity.ERROR: ":x:", Severity.WARNING: ":warning:", Severity.INFO: ":information_source:"}


def text(report: Report) -> str:
    """The whole text."""
    return "".join(pieces(report)).removesuffix("\n")


def pieces(report: Report) -> Iterator[str]:
    """A heading, a table with a line for each finding, and what to do about each that is more than a note."""
    yield f"### migrator lint: {summary(report)}\n"
    if report.findings:
        yield "\n| | where | what | rule |\n|---|---|---|---|\n"
    for finding in report.findings:
        yield f"{_row(finding)}\n"
    for finding in report.findings:
        if finding.severity is not Severity.INFO:
            yield "\n" + "\n".join(_details(finding)) + "\n"


def _row(finding: Finding) -> str:
    cells = (
        _MARKS[finding.severity],
        _code(f"{finding.file}:{finding.line}"),
        _plain(finding.headline),
        _code(f"{finding.code} {finding.rule}"),
    )
    return f"| {' | '.join(cells)} |"


def _details(finding: Finding) -> list[str]:
    title = f"{_code(f'{finding.file}:{finding.line}')} {_plain(finding.headline)}"
    lines = [f"<details><summary>{finding.code}: {_html(finding.headline)}</summary>", "", title, ""]
    lines += _fenced(finding.statement)
    if finding.lock_mode:
        on = f" on {_code(finding.relation)}" if finding.relation else ""
        work = f" ({finding.work})" if finding.work else ""
        lines.append(f"- **Lock**: {finding.lock_mode}{on}{work}, blocks {finding.blocks}")
    if finding.breaks:
        lines.append(f"- **Breaks**: {', '.join(finding.breaks)}")
    if finding.why:
        lines.append(f"- **Why**: {_plain(finding.why)}")
    if finding.fix:
        lines += ["- **Instead**:", "", *_fenced(finding.fix)]
    return [*lines, "</details>"]


def _fenced(sql: str) -> list[str]:
    longest = max((len(run) for run in re.findall("`+", sql)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sql", sql, fence]


def _code(value: str) -> str:
    return "`" + value.replace("`", "'").replace("|", "\\|") + "`"


def _plain(value: str) -> str:
    return _html(re.sub(r"([\\`*_\[\]|])", r"\\\1", value))


def _html(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
