"""Findings as SARIF 2.1.0 (OASIS standard, 27 March 2020), which code scanning services read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from migrator import __version__
from migrator.lint.pages import page, summary
from migrator.lint.registry import all_rules, dialect_rules
from migrator.lint.report import Report
from migrator.lint.rule import Rule
from migrator.model.finding import Finding, Fix, Severity, fingerprints

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def text(report: Report) -> str:
    """The whole log."""
    return "".join(pieces(report)).removesuffix("\n")


def pieces(report: Report) -> Iterator[str]:
    """A log with one run, finding by finding; rules that found nothing are left out."""
    codes = sorted({finding.code for finding in report.findings})
    rules = {**all_rules(), **dialect_rules()} if report.dialect else all_rules()
    driver = {
        "name": "migrator",
        "semanticVersion": __version__,
        "rules": [_rule(rules[code]) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    before, here, after = json.dumps(log, ensure_ascii=False, indent=2).rpartition('"results": [')
    yield before + here
    lead, tail = "", after
    for finding, mark in zip(report.findings, fingerprints(report.findings, report.root), strict=True):
        text = json.dumps(_result(finding, codes.index(finding.code), mark), ensure_ascii=False, indent=2)
        # a line end in JSON is never part of a value
        yield f"{lead}\n        " + text.replace("\n", "\n        ")
        lead, tail = ",", f"\n      {after}"
    yield tail + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": summary(rule)},
        "help": {"text": page(rule)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": ["database", "postgresql", rule.category.value]},
    }


def _result(finding: Finding, index: int, mark: str) -> dict[str, Any]:
    parts = [finding.headline]
    if finding.lock_mode:
        on = f" on {finding.relation}" if finding.relation else ""
        parts.append(f"Lock: {finding.lock_mode}{on}, blocks {finding.blocks}.")
    if finding.breaks:
        parts.append(f"Breaks: {', '.join(finding.breaks)}.")
    if finding.why:
        parts.append(f"Why: {finding.why}.")
    if finding.fix:
        parts.append(f"Instead:\n{finding.fix}")
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endColumn": finding.column + finding.length,
    }
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": "\n".join(parts)},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(finding.file), "region": region}}],
        "partialFingerprints": {"migrator/v1": mark},
        **({"fixes": [_fix(finding, finding.repair)]} if finding.repair and not finding.repair.migration else {}),
    }


def _fix(finding: Finding, fix: Fix) -> dict[str, Any]:
    """Edits that belong together (section 3.55); those that do not mean the same say so."""
    replacements = [
        {
            "deletedRegion": {"charOffset": edit.start, "charLength": edit.end - edit.start},
            "insertedContent": {"text": edit.text},
        }
        for edit in fix.edits
    ]
    return {
        "description": {"text": fix.remark or "the safe rewrite"},
        "artifactChanges": [{"artifactLocation": _artifact(finding.file), "replacements": replacements}],
    }


def _artifact(name: str) -> dict[str, str]:
    path = PurePath(name)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(os.fsencode(path.as_posix())), "uriBaseId": "%SRCROOT%"}
