"""Findings for machines, version 1; see the contract of ``lint --json``."""

from __future__ import annotations

from typing import Any

from migrator.lint.engine import Report
from migrator.model.finding import Finding
from migrator.reporting import trace_json


def document(report: Report) -> dict[str, Any]:
    """A report as JSON, without ``schema_version``."""
    return {
        "findings": [_finding(finding) for finding in report.findings],
        "files": report.files,
        "statements": report.statements,
        "waived": report.waived,
        **({"trace": trace_json.document(report.trace)} if report.trace else {}),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "category": finding.category.value,
        "message": finding.message,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "statement": finding.statement,
        "lock_mode": finding.lock_mode,
        "blocks": finding.blocks,
        "why": finding.why,
        "fix": finding.fix,
        **({"traced": trace_json.facts(finding.traced)} if finding.traced else {}),
        "relation": finding.relation,
        "work": finding.work.value,
        "breaks": [what.value for what in finding.breaks],
    }
