"""Findings as a Code Quality report of GitLab, which shows them in a merge request.

GitLab reads ``description``, ``check_name``, ``fingerprint``, ``severity`` and ``location`` (documentation, "Code
Quality", "Code Quality report format").
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from migrator.lint.report import Report
from migrator.model.finding import Finding, Severity, fingerprints

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.INFO: "info"}


def text(report: Report) -> str:
    """A JSON array with an object for each finding."""
    marks = fingerprints(report.findings)
    found = [_entry(finding, mark) for finding, mark in zip(report.findings, marks, strict=True)]
    return json.dumps(found, ensure_ascii=False, indent=2)


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
