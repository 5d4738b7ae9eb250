"""Findings for machines, one JSON object a line as in ``lint --json``, and a last line with the counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from migrator.lint.report import Report
from migrator.model.finding import fingerprints
from migrator.reporting.lint_json import entry


def text(report: Report) -> str:
    """A report; each line has ``type``: ``finding`` or ``summary``."""
    return "".join(pieces(report)).removesuffix("\n")


def pieces(report: Report) -> Iterator[str]:
    """The lines of a report, with their ends."""
    for finding, mark in zip(report.findings, fingerprints(report.findings, report.root), strict=True):
        yield _line({"type": "finding", **entry(finding), "fingerprint": mark})
    counts = {"files": report.files, "statements": report.statements, "waived": report.waived}
    yield _line({"type": "summary", "schema_version": 1, "findings": len(report.findings), **counts})


def _line(item: dict[str, Any]) -> str:
    return json.dumps(item, ensure_ascii=False) + "\n"
