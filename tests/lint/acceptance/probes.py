"""The probes of the acceptance: what lint says of them, and what a server does with them.

- ``schema.sql``       what is deployed already
- ``application.sql``  what the running version sends
- ``long.sql``         statements that keep somebody waiting for as long as a table is large
- ``harmless.sql``     statements that nobody notices
- ``changes.sql``      migrations that break statements of the running version, or do not
- ``truth.json``       what PostgreSQL 14 and 18 did with each; ``python -m tests.lint.acceptance.truth`` writes it
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from migrator.lint.sources import Source
from migrator.model.finding import Category, Effort, Finding, Severity
from migrator.model.trace import Outcome
from migrator.trace.scratch import Scratch
from tests.lint.linting import report_on
from tests.trace.tracing import judged, run_judged

FOLDER = Path(__file__).parent
TRUTH = FOLDER / "truth.json"
VERSIONS = (14, 18)
KINDS = ("long", "harmless", "changes")

_HEADING = re.compile(r"^-- probe: (?P<name>[\w-]+)(?: pg=(?P<since>\d+))?$", re.MULTILINE)


@dataclass(frozen=True)
class Probe:
    """One file of a history that starts with the schema; ``since``: the oldest version that knows its syntax."""

    name: str
    sql: str
    since: int


@cache
def probes(kind: str) -> tuple[Probe, ...]:
    parts = _HEADING.split((FOLDER / f"{kind}.sql").read_text())
    found = [
        Probe(name, sql.strip(), int(since or 0))
        for name, since, sql in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    ]
    assert len({probe.name for probe in found}) == len(found)
    return tuple(found)


def of_version(kind: str, major: int) -> list[Probe]:
    return [probe for probe in probes(kind) if probe.since <= major]


@cache
def schema() -> str:
    return (FOLDER / "schema.sql").read_text()


@cache
def application() -> str:
    return (FOLDER / "application.sql").read_text()


def truth() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(TRUTH.read_text())
    return document


def lint_findings(probe: Probe, major: int) -> list[Finding]:
    """What lint alone says of a probe, more than notes."""
    report = report_on(Source("schema.sql", schema()), Source("change.sql", probe.sql), pg_version=major)
    return [
        finding for finding in report.findings if finding.file == "change.sql" and finding.severity is not Severity.INFO
    ]


def says_long(findings: list[Finding]) -> bool:
    return any(
        finding.category is Category.LOCK and finding.work in (Effort.SCAN, Effort.BUILD, Effort.REWRITE)
        for finding in findings
    )


def says_breaking(findings: list[Finding]) -> bool:
    return any(finding.category is Category.BACKWARD for finding in findings)


def on_server(scratch: Scratch, probe: Probe) -> dict[str, Any]:
    """What a server does with a probe: long work by table and lock, and the statements that break, with SQLSTATE."""
    major = scratch.runner.server_version
    statements = judged(Source("schema.sql", schema()), Source("change.sql", probe.sql), pg_version=major)
    trace = run_judged(scratch, statements, application=application(), base=("schema.sql",))
    assert not trace.base_failures, trace.base_failures
    assert trace.application is not None
    assert not trace.application.unchecked, trace.application.unchecked
    return {
        "long": {table: work for each in trace.statements for table, work in sorted(each.long_work)},
        "broken": {
            each.at.rpartition(":")[2]: each.sqlstate
            for each in trace.application.broken
            if not each.prepared_only and not each.for_a_while
        },
        "failed": [f"{each.sqlstate}" for each in trace.statements if each.outcome is not Outcome.TRACED],
        "refused": [f"{each.sqlstate}" for each in trace.statements if each.outcome is Outcome.TRACED and each.reason],
    }
