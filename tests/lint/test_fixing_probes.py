"""The probes of the acceptance, fixed: on a real server what was long is brief, and the catalog is the same."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Mapping

import pytest

from migrator.lint.fixing import fix, overlaid
from migrator.lint.report import Report
from migrator.lint.sources import Source
from migrator.model.finding import Severity
from migrator.trace.scratch import Scratch
from tests.lint.acceptance.probes import Probe, of_version, on_server, schema
from tests.lint.linting import report_on
from tests.lint.test_fixing import catalog_after
from tests.trace.tracing import clean

ALSO_VALIDATED = "set-not-null-check-not-valid"
"""Ends with a CHECK that is valid where it was not: it is what makes SET NOT NULL brief."""

TIMEOUT = re.compile(r"^(?:SET (?:LOCAL )?lock_timeout = '\ds'|RESET lock_timeout);\n", re.MULTILINE)


def fixed(probe: Probe, major: int) -> tuple[str | None, bool]:
    """The probe with its fixes in it, None if there are none; and whether an error is left."""
    sources = [Source("schema.sql", schema()), Source("change.sql", probe.sql)]

    def lint(files: Mapping[str, bytes]) -> Report:
        report = report_on(*overlaid(sources, files), pg_version=major)
        report.findings = [finding for finding in report.findings if finding.file == "change.sql"]
        return report

    result = fix(lint, lambda _name: probe.sql.encode())
    assert not result.broken
    after = result.after.get("change.sql")
    return after and after.decode(), any(each.severity is Severity.ERROR for each in result.report.findings)


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_what_was_long_is_brief_breaks_nothing_more_and_ends_alike(scratch: Scratch):
    major = scratch.runner.server_version
    deadline = time.monotonic() + float(os.environ.get("MIGRATOR_CHAOS_SECONDS", "120"))
    probes = [probe for kind in ("long", "harmless", "changes") for probe in of_version(kind, major)]
    random.shuffle(probes)
    brief = alike = 0
    for probe in probes:
        after, has_error = fixed(probe, major)
        if after is None:
            continue
        if alike and time.monotonic() > deadline:
            break
        was, now = on_server(scratch, probe), on_server(scratch, Probe(probe.name, after, probe.since))
        assert now["failed"] == was["failed"], (probe, after)
        assert set(now["broken"]) <= set(was["broken"]), (probe, after)
        only_waits_less = TIMEOUT.sub("", after) == probe.sql
        if was["long"] and not has_error and not only_waits_less:
            assert not now["long"], (probe, after)
            brief += 1
        if not was["failed"] and probe.name != ALSO_VALIDATED:
            assert catalog_after(scratch, schema(), after) == catalog_after(scratch, schema(), probe.sql), probe
        alike += 1
    clean(scratch)
    print(f"{alike} probes fixed on PostgreSQL {major}: {brief} that were long are brief")
    assert brief
