"""Findings as a Code Quality report of GitLab, which shows them in a merge request.

GitLab reads ``description``, ``check_name``, ``fingerprint``, ``severity`` and ``location`` (documentation, "Code
Quality", "Code Quality report format").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from migrator.lint.report import Report
from migrator.model.finding import Finding, Severity, fingerprints

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.INFO: "info"}


def text(report: Report) -> str:
    """The whole report."""
    return "".join(pieces(report)).removesuffix("\n")


def pieces(report: Report) -> Iterator[str]:
    """A JSON array with an object for each finding, object by object."""
    head, tail = "[", "]\n"
    for finding, mark in zip(report.findings, fingerprints(report.findings, report.root), strict=True):
        text = json.dumps(_entry(finding, mark), ensure_ascii=False, indent=2)
        # a line end in JSON is never part of a value
        yield f"{head}\n  " + text.replace("\n", "\n  ")
        head, tail = ",", "\n]\n"
    yield tail if report.findings else head + tail


def _entry(finding: Finding, mark: str) -> dict[str, Any]:
    why = f" ({finding.why})" if finding.why else ""
    return {
        "description": f"{finding.code} {finding.rule}: {finding.headline}{why}",
        "check_name": finding.code,
        "fingerprint": mark,
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": PurePath(finding.file).as_posix(),
            "lines": {"begin": finding.line, "end": finding.end_line},
        },
    }
