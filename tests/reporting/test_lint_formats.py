"""Each format that other programs read, by the rules of the program that reads it."""

from __future__ import annotations

import json
import os
import pkgutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft7Validator

from migrator import reporting
from migrator.cli.lint import FORMATS
from migrator.lint.report import Report
from migrator.lint.sources import Source
from migrator.reporting import lint_github, lint_gitlab, lint_jsonl, lint_junit, lint_markdown, lint_sarif
from tests.lint.linting import report_on

NASTY = 'SELECT 1; DROP TABLE "a|b`c, d: 100%\r\n<x>\x01";'


@pytest.fixture
def report() -> Report:
    return report_on(
        Source("migrations/1 ä.sql", "-- ünïcode\nALTER TABLE users\n  RENAME COLUMN name TO full_name;\n"),
        Source("clean.sql", "SELECT 1;"),
        Source("nasty,:%.sql", NASTY),
    )


def test_each_format_has_its_file_and_each_file_is_offered():
    files = {each.name.removeprefix("lint_") for each in pkgutil.iter_modules(reporting.__path__)}
    assert set(FORMATS) <= files
    lint_files = {each.name for each in pkgutil.iter_modules(reporting.__path__) if each.name.startswith("lint_")}
    assert lint_files == {f"lint_{name}" for name in FORMATS}


def closed(required: str, **properties: Any) -> dict[str, Any]:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 1}
PLACE = {"type": "integer", "minimum": 0}
MESSAGE = closed("text", text=TEXT)
LEVEL = {"enum": ["none", "note", "warning", "error"]}
RULE = closed(
    "id",
    id=TEXT,
    name={"type": "string", "pattern": "^[A-Z][A-Za-z]+$"},
    shortDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=closed("level", level=LEVEL),
    properties=closed("tags", tags={"type": "array", "items": TEXT, "uniqueItems": True}),
)
LOCATION = closed(
    "physicalLocation",
    physicalLocation=closed(
        "artifactLocation region",
        artifactLocation=closed(
            "uri", uri={"type": "string", "pattern": r"^[A-Za-z0-9._~!$&'()*+;=:@%/-]+$"}, uriBaseId=TEXT
        ),
        region=closed("startLine startColumn endColumn", startLine=COUNT, startColumn=COUNT, endColumn=COUNT),
    ),
)
REPLACEMENT = closed(
    "deletedRegion",
    deletedRegion=closed("charOffset charLength", charOffset=PLACE, charLength=PLACE),
    insertedContent=closed("text", text={"type": "string"}),
)
CHANGE = closed(
    "artifactLocation replacements",
    artifactLocation=closed("uri", uri=TEXT, uriBaseId=TEXT),
    replacements={"type": "array", "items": REPLACEMENT, "minItems": 1},
)
FIX = closed("artifactChanges", description=MESSAGE, artifactChanges={"type": "array", "items": CHANGE, "minItems": 1})
RESULT = closed(
    "ruleId ruleIndex level message locations partialFingerprints",
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations={"type": "array", "items": LOCATION, "minItems": 1},
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    fixes={"type": "array", "items": FIX, "minItems": 1},
)
DRIVER = closed("name", name=TEXT, semanticVersion=TEXT, rules={"type": "array", "items": RULE})
RUN = closed(
    "tool results",
    tool=closed("driver", driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results={"type": "array", "items": RESULT},
)
SARIF = closed(
    "version runs",
    **{"$schema": TEXT},
    version={"const": "2.1.0"},
    runs={"type": "array", "items": RUN, "minItems": 1, "maxItems": 1},
)
"""The part of SARIF 2.1.0 that is written, by its section 3: what is in no other place is an error."""


def test_sarif_is_what_the_standard_says(report: Report):
    document = json.loads(lint_sarif.text(report))

    Draft7Validator(SARIF).validate(document)
    (run,) = document["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == sorted(set(rules))
    for result, finding in zip(run["results"], report.findings, strict=True):
        assert rules[result["ruleIndex"]] == result["ruleId"] == finding.code
        region = result["locations"][0]["physicalLocation"]["region"]
        assert (region["startLine"], region["startColumn"]) == (finding.line, finding.column)
    first = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert first == {"uri": "migrations/1%20%C3%A4.sql", "uriBaseId": "%SRCROOT%"}


def test_sarif_of_a_name_that_is_not_utf_8():
    (run,) = json.loads(lint_sarif.text(report_on(Source(os.fsdecode(b"m/\xff.sql"), "DROP TABLE t"))))["runs"]

    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "m/%FF.sql"


def test_sarif_of_an_absolute_path_and_of_nothing():
    absolute = json.loads(lint_sarif.text(report_on(Source(str(Path("/m/a b.sql")), "DROP TABLE t"))))
    location = absolute["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": "file:///m/a%20b.sql"}
    nothing = json.loads(lint_sarif.text(report_on(Source("a.sql", "SELECT 1"))))
    Draft7Validator(SARIF).validate(nothing)
    assert nothing["runs"][0]["results"] == []


def unescaped(value: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        value = value.replace(code, character)
    return value


def test_github_commands_are_one_line_each_and_read_back(report: Report):
    *commands, last = lint_github.text(report).split("\n")

    assert last.startswith("2 errors")
    assert len(commands) == len(report.findings)
    for command, finding in zip(commands, report.findings, strict=True):
        kind, _, message = command.removeprefix("::").partition("::")
        name, _, properties = kind.partition(" ")
        read = {key: unescaped(value) for key, value in (each.split("=", 1) for each in properties.split(","))}
        assert name == {"error": "error", "warning": "warning", "info": "notice"}[finding.severity]
        assert (read["file"], read["line"], read["col"]) == (finding.file, str(finding.line), str(finding.column))
        assert unescaped(message).startswith(finding.message)


GITLAB = {
    "type": "array",
    "items": closed(
        "description check_name fingerprint severity location",
        description=TEXT,
        check_name=TEXT,
        fingerprint=TEXT,
        severity={"enum": ["info", "minor", "major", "critical", "blocker"]},
        location=closed("path lines", path=TEXT, lines=closed("begin", begin=COUNT, end=COUNT)),
    ),
}


def test_gitlab_gets_an_array_with_a_fingerprint_of_its_own_for_each(report: Report):
    document = json.loads(lint_gitlab.text(report))

    Draft7Validator(GITLAB).validate(document)
    assert len({entry["fingerprint"] for entry in document}) == len(report.findings)


def test_junit_counts_what_it_holds(report: Report):
    root = ET.fromstring(lint_junit.text(report))  # noqa: S314 - written a line above

    assert [suite.get("name") for suite in root] == ["migrations/1 ä.sql", "clean.sql", "nasty,:%.sql"]
    for suite in root:
        assert len(suite.findall("testcase")) == int(suite.get("tests", ""))
        assert len(suite.findall("testcase/failure")) == int(suite.get("failures", ""))
    assert int(root.get("failures", "")) == len(root.findall(".//failure")) == 2
    assert "\ufffd" in ET.tostring(root, encoding="unicode")


def test_markdown_keeps_its_table_and_fences_whole(report: Report):
    lines = lint_markdown.text(report).split("\n")
    rows = [line for line in lines if line.startswith("| :")]

    assert len(rows) == len(report.findings)
    assert sum(line.startswith("<details>") for line in lines) == lines.count("</details>") == 2
    assert "<x>" not in "".join(rows)


def test_jsonl_is_one_object_a_line(report: Report):
    objects = [json.loads(line) for line in lint_jsonl.text(report).split("\n")]

    assert [each["type"] for each in objects] == ["finding"] * len(report.findings) + ["summary"]
    assert objects[-1]["findings"] == len(report.findings)
    assert (objects[-1]["files"], objects[-1]["schema_version"]) == (3, 1)
