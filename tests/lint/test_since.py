"""Files that stood at the reference are history; what is newer is one deploy."""

from __future__ import annotations

from migrator.lint.sources import Source, Standing
from migrator.model.plan import Phase
from tests.lint.linting import report_on


def found(*sources: Source) -> list[tuple[str, str]]:
    report = report_on(*sources)
    return [(finding.file, finding.code) for finding in report.findings if finding.code not in ("LK020", "RB011")]


def known(name: str, text: str, **more: object) -> Source:
    return Source(name, text, standing=Standing.KNOWN, **more)


def new(name: str, text: str, **more: object) -> Source:
    return Source(name, text, standing=Standing.NEW, **more)


def test_history_is_replayed_and_not_reported():
    widened = "ALTER TABLE t ALTER a TYPE varchar(20);"
    assert found(known("1.sql", "CREATE TABLE t (a varchar(10)); DROP TABLE u; SELEC"), new("2.sql", "SELECT 1")) == []
    assert found(known("1.sql", "CREATE TABLE t (a varchar(10));"), new("2.sql", widened)) == []
    assert found(new("2.sql", "DROP TABLE t;")) == [("2.sql", "BC002")]


def test_what_an_earlier_file_of_the_deploy_made_is_new():
    files = ("CREATE TABLE t (a int);", "CREATE INDEX i ON t (a);", "DROP TABLE t;")
    alone = [Source(f"{number}.sql", text) for number, text in enumerate(files)]
    deploy = [new(f"{number}.sql", text) for number, text in enumerate(files)]

    assert {code for _, code in found(*alone)} == {"LK001", "BC002"}
    assert found(*deploy) == []
    assert {code for _, code in found(known("0.sql", files[0]), *deploy[1:])} == {"LK001", "BC002"}


def test_by_its_contract_a_deploy_is_in_use():
    expand = new("1/expand.sql", "CREATE TABLE t (a int);", phase=Phase.EXPAND, phased=True)
    contract = new("1/contract.sql", "CREATE INDEX i ON t (a);", phase=Phase.CONTRACT, phased=True)
    later = new("2/expand.sql", "DROP TABLE t;", phase=Phase.EXPAND, phased=True)

    assert ("1/contract.sql", "LK001") in found(expand, contract)
    assert found(expand, later) == []


def test_a_file_that_stood_there_and_differs_is_reported_and_judged():
    edited = Source("1.sql", "\nDROP TABLE t;", standing=Standing.EDITED)
    waived = Source("1.sql", "-- migrator: allow-file RB016 because in no release\nSELECT 1;", standing=Standing.EDITED)

    assert found(edited) == [("1.sql", "RB016"), ("1.sql", "BC002")]
    assert found(waived) == []


def test_a_new_level_has_to_be_above_those_that_stood_there():
    stood = known("b/expand.sql", "SELECT 1", phase=Phase.EXPAND, phased=True, level=7)
    late = new("a/expand.sql", "SELECT 1", phase=Phase.EXPAND, phased=True, level=6)
    late_too = new("a/contract.sql", "SELECT 1", phase=Phase.CONTRACT, phased=True, level=6)
    right = new("c/expand.sql", "SELECT 1", phase=Phase.EXPAND, phased=True, level=8)

    assert found(late, late_too, stood, right) == [("a/expand.sql", "RB017")]
    assert found(late, right) == []
