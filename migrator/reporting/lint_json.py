"""Findings for machines, version 1; see the contract of ``lint --json``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from migrator.lint.report import Report
from migrator.model.finding import Finding, fingerprints
from migrator.model.stats import TableSize
from migrator.reporting import trace_json


def document(report: Report) -> dict[str, Any]:
    """A report as JSON, without ``schema_version``."""
    return {
        "findings": [
            {**entry(finding), "fingerprint": mark}
            for finding, mark in zip(report.findings, fingerprints(report.findings, report.root), strict=True)
        ],
        **_totals(report),
    }


def _totals(report: Report) -> dict[str, Any]:
    return {
        "files": report.files,
        "statements": report.statements,
        "waived": report.waived,
        **({"in_baseline": report.in_baseline} if report.in_baseline else {}),
        **({"sizes_taken_at": report.sizes_taken_at} if report.sizes_taken_at else {}),
        **({"dialect": report.dialect, "exact": False} if report.dialect else {}),
        **({"trace": trace_json.document(report.trace)} if report.trace else {}),
    }


def pieces(report: Report) -> Iterator[str]:
    """The whole document as text, finding by finding: the text of a large one takes several times its findings."""
    head, tail = '{\n  "schema_version": 1,\n  "findings": [', "]"
    for finding, mark in zip(report.findings, fingerprints(report.findings, report.root), strict=True):
        text = json.dumps({**entry(finding), "fingerprint": mark}, ensure_ascii=False, indent=2)
        # a line end in JSON is never part of a value
        yield f"{head}\n    " + text.replace("\n", "\n    ")
        head, tail = ",", "\n  ]"
    rest = json.dumps(_totals(report), ensure_ascii=False, indent=2)
    yield f"{tail},{rest[1:]}\n" if report.findings else f"{head}{tail},{rest[1:]}\n"


def text(report: Report) -> str:
    """The whole document."""
    return "".join(pieces(report)).removesuffix("\n")


def entry(finding: Finding) -> dict[str, Any]:
    """One finding as JSON, without its fingerprint."""
    return {
        "code": finding.code,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "category": finding.category.value,
        "message": finding.headline,
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
        **({"size": _size(finding.size)} if finding.size else {}),
        **_repair(finding),
    }


def _size(size: TableSize) -> dict[str, Any]:
    return {
        "rows": size.rows,
        "total_bytes": size.total_bytes,
        "writes_per_s": size.writes_per_s,
        "estimate_s": size.estimate_s,
    }


def _repair(finding: Finding) -> dict[str, Any]:
    """The edits of a finding, in characters of the file (``end`` is exclusive), or the migration it would move to."""
    if finding.repair is None:
        return {"unfixed": finding.unfixed} if finding.unfixed else {}
    if finding.repair.migration:
        # the edit alone would lose the statement
        return {"moves_to": finding.repair.migration}
    return {
        "edits": [{"start": edit.start, "end": edit.end, "text": edit.text} for edit in finding.repair.edits],
        "edits_are_safe": finding.repair.is_safe,
        **({"edits_remark": finding.repair.remark} if finding.repair.remark else {}),
    }
