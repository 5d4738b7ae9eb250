"""Findings as JUnit XML, a test suite for each file: what most CI systems show.

Errors and warnings are failures of a test case; notes are written to the output of one that passes. Characters that
XML 1.0 has no way to write are replaced.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from migrator.lint.report import Report
from migrator.model.finding import Finding, Severity

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(report: Report) -> str:
    """The whole document."""
    return "".join(pieces(report)).removesuffix("\n")


def pieces(report: Report) -> Iterator[str]:
    """A ``testsuites`` document, suite by suite; a file without findings is one with a test case that passed."""
    by_file: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        by_file[finding.file].append(finding)
    counts = [_counts(by_file.get(name, [])) for name in report.names]
    root = ET.Element("testsuites", name="migrator lint")
    root.set("tests", str(sum(tests for tests, _ in counts)))
    root.set("failures", str(sum(failures for _, failures in counts)))
    root.set("errors", "0")
    head = ET.tostring(root, encoding="unicode", xml_declaration=True)
    if not report.names:
        yield f"{head}\n"
        return
    yield head.removesuffix(" />") + ">\n"
    for name in report.names:
        suite = _suite(name, by_file.get(name, []))
        ET.indent(suite, level=1)
        yield f"  {ET.tostring(suite, encoding='unicode')}\n"
    yield "</testsuites>\n"


def _counts(findings: list[Finding]) -> tuple[int, int]:
    """How many test cases, and how many of them failed."""
    return max(len(findings), 1), sum(finding.severity is not Severity.INFO for finding in findings)


def _suite(name: str, findings: list[Finding]) -> ET.Element:
    tests, failures = _counts(findings)
    suite = ET.Element(
        "testsuite", name=_clean(name), tests=str(tests), failures=str(failures), errors="0", skipped="0"
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
    return suite


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
