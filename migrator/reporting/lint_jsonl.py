"""Findings for machines, one JSON object a line as in ``lint --json``, and a last line with the counts."""

from __future__ import annotations

import json

from migrator.lint.engine import Report
from migrator.model.finding import fingerprints
from migrator.reporting.lint_json import entry


def text(report: Report) -> str:
    """A report; each line has ``type``: ``finding`` or ``summary``."""
    objects = [
        {"type": "finding", **entry(finding), "fingerprint": mark}
        for finding, mark in zip(report.findings, fingerprints(report.findings), strict=True)
    ]
    counts = {"files": report.files, "statements": report.statements, "waived": report.waived}
    last = {"type": "summary", "schema_version": 1, "findings": len(report.findings), **counts}
    return "\n".join(json.dumps(each, ensure_ascii=False) for each in (*objects, last))
