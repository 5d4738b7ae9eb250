"""A baseline: findings that were there before, so that only new ones are reported.

A file of fingerprints that is kept with the code. What it names is not reported; what it names and is no longer found
is said, so that the file shrinks.
"""

from __future__ import annotations

import json
from typing import Any

from migrator.errors import UsageError
from migrator.lint.report import Report
from migrator.model.finding import fingerprints


def written(report: Report) -> str:
    """The text of a baseline of everything in a report, in its order."""
    findings = [
        {"fingerprint": mark, "code": finding.code, "file": finding.file, "message": finding.message}
        for finding, mark in zip(report.findings, fingerprints(report.findings, report.root), strict=True)
    ]
    return json.dumps({"schema_version": 1, "findings": findings}, ensure_ascii=False, indent=2) + "\n"


def read(text: str, at: str) -> frozenset[str]:
    """The fingerprints of a baseline.

    Raises:
        UsageError: it is not one.
    """
    try:
        document: Any = json.loads(text)
        version, entries = document["schema_version"], document["findings"]
        marks = frozenset(str(entry["fingerprint"]) for entry in entries)
    except (ValueError, KeyError, TypeError):
        raise UsageError("not a baseline", at=at, hint=f"write one: migrator lint --write-baseline {at}") from None
    if version != 1:
        raise UsageError(f"a baseline of version {version}, this migrator reads version 1", at=at)
    return marks


def leave_out(report: Report, known: frozenset[str]) -> None:
    """Take the findings of a baseline out of a report, and count them and those that are gone."""
    marks = fingerprints(report.findings, report.root)
    kept = [finding for finding, mark in zip(report.findings, marks, strict=True) if mark not in known]
    report.in_baseline = len(report.findings) - len(kept)
    report.gone_from_baseline = len(known.difference(marks))
    report.findings = kept
