"""Findings as JUnit XML, a test suite for each file: what most CI systems show.

Errors and warnings are failures of a test case; notes are written to the output of one that passes. Characters that
XML 1.0 has no way to write are replaced.
"""

from __future__ import annotations

import re
from collections import defaultdict
from xml.etree import ElementTree as ET

from migrator.lint.report import Report
from migrator.model.finding import Finding, Severity

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(report: Report) -> str:
    """A ``testsuites`` document; files without findings are one suite with a test case each that passed."""
    root = ET.Element("testsuites", name="migrator lint")
    by_file: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        by_file[finding.file].append(finding)
    counts = [_suite(root, name, by_file[name]) for name in report.names]
    root.set("tests", str(sum(tests for tests, _ in counts)))
    root.set("failures", str(sum(failures for _, failures in counts)))
    root.set("errors", "0")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _suite(root: ET.Element, name: str, findings: list[Finding]) -> tuple[int, int]:
    failures = sum(finding.severity is not Severity.INFO for finding in findings)
    tests = max(len(findings), 1)
    suite = ET.SubElement(
        root, "testsuite", name=_clean(name), tests=str(tests), failures=str(failures), errors="0", skipped="0"
    )
    if not findings:
        ET.SubElement(suite, "testcase", classname=_clean(name), name="nothing found")
    for finding in findings:
        title = f"{finding.code} {finding.rule}, line {finding.line}"
        case = ET.SubElement(suite, "testcase", classname=_clean(name), name=title)
        case.set("file", _clean(name))
        case.set("line", str(finding.line))
        if finding.severity is Severity.INFO:
            ET.SubElement(case, "system-out").text = _clean(_details(finding))
            continue
        failure = ET.SubElement(case, "failure", type=finding.severity.value)
        failure.set("message", _clean(finding.headline))
        failure.text = _clean(_details(finding))
    return tests, failures


def _details(finding: Finding) -> str:
    parts = [f"{finding.file}:{finding.line}:{finding.column}: {finding.headline}", "", finding.statement]
    if finding.lock_mode:
        parts += ["", f"lock: {finding.lock_mode}, blocks {finding.blocks}"]
    if finding.why:
        parts += ["", f"why: {finding.why}"]
    if finding.fix:
        parts += ["", "instead:", finding.fix]
    return "\n".join(parts)


def _clean(value: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", value)
