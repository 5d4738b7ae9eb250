from __future__ import annotations

import pytest

from migrator.errors import UsageError
from migrator.lint import baseline
from migrator.lint.sources import Source
from migrator.model.finding import fingerprints
from tests.lint.linting import report_on

DROPS = "DROP TABLE a;\nDROP TABLE b;\n"


def marks(text: str, name: str = "x.sql") -> list[str]:
    return fingerprints(report_on(Source(name, text)).findings)


def test_a_finding_keeps_its_fingerprint_where_it_moves_and_is_reformatted():
    assert marks("DROP  TABLE a;\n\nDROP TABLE\n  b;") == marks("-- first\n\n" + DROPS)


def test_equal_statements_rules_and_files_are_told_apart():
    assert len(set(marks("DROP TABLE a; DROP TABLE a;"))) == len(marks("DROP TABLE a; DROP TABLE a;"))
    assert set(marks(DROPS)).isdisjoint(marks(DROPS, "y.sql"))


def test_what_is_in_the_baseline_is_not_reported_and_what_is_new_is():
    known = baseline.read(baseline.written(report_on(Source("x.sql", DROPS))), "baseline.json")
    report = report_on(Source("x.sql", "DROP TABLE c;\n" + DROPS))
    before = len(report.findings)

    baseline.leave_out(report, known)

    assert {finding.statement for finding in report.findings if finding.code == "BC002"} == {"DROP TABLE c"}
    assert report.in_baseline == before - len(report.findings) > 0


def test_what_is_found_no_more_is_counted():
    known = baseline.read(baseline.written(report_on(Source("x.sql", DROPS))), "baseline.json")
    report = report_on(Source("x.sql", "DROP TABLE a;"))

    baseline.leave_out(report, known)

    assert report.findings == []
    assert report.gone_from_baseline == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 1, "findings": [{}]}', '"x"', "\0"])
def test_another_file_is_no_baseline(text: str):
    with pytest.raises(UsageError, match="not a baseline"):
        baseline.read(text, "baseline.json")


def test_a_baseline_of_a_later_version_is_refused():
    with pytest.raises(UsageError, match="version 2"):
        baseline.read('{"schema_version": 2, "findings": []}', "baseline.json")
