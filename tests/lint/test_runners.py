"""Files of other runners: what goes up, what comes down, in which transaction and order."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.lint.runners import order, planned, sections
from migrator.lint.sources import Source, read
from migrator.model.finding import Finding
from migrator.model.plan import Phase
from tests.lint.linting import report_on

CONCURRENT = "CREATE INDEX CONCURRENTLY i ON users (a);\n"


def found(name: str, text: str) -> list[Finding]:
    return report_on(Source(name, text)).findings


def at(findings: list[Finding], code: str) -> list[int]:
    """Lines of the findings with this code."""
    return [finding.line for finding in findings if finding.code == code]


UP_AND_DOWN = {
    "dbmate": ("-- migrate:up\n", "-- migrate:down\n"),
    "goose": ("-- +goose Up\n-- +goose StatementBegin\n", "-- +goose StatementEnd\n-- +goose Down\n"),
    "node-pg-migrate": ("-- Up Migration\n", "-- Down Migration\n"),
}


@pytest.mark.parametrize("runner", UP_AND_DOWN)
def test_down_is_judged_as_rollback_at_its_own_line(runner: str):
    up, down = UP_AND_DOWN[runner]
    text = f"{up}ALTER TABLE users ADD COLUMN größe int;\n\n{down}ALTER TABLE users DROP COLUMN größe; DROP INDEX i;\n"

    findings = found("1_a.sql", text)

    assert "BC001" not in {finding.code for finding in findings}
    (drop,) = [finding for finding in findings if finding.code == "LK003"]
    line = text.split("\n")[drop.line - 1]
    assert line[drop.column - 1 :] == "DROP INDEX i;"


@pytest.mark.parametrize("runner", UP_AND_DOWN)
def test_runners_wrap_a_file_in_a_transaction(runner: str):
    up, down = UP_AND_DOWN[runner]

    assert at(found("1_a.sql", f"{up}{CONCURRENT}{down}"), "LK002") == [up.count("\n") + 1]


@pytest.mark.parametrize(
    "text",
    [
        f"-- migrate:up transaction:false\n{CONCURRENT}",
        f"-- +goose NO TRANSACTION\n-- +goose Up\n{CONCURRENT}",
        f"-- atlas:txmode none\n\n{CONCURRENT}",
        f"-- Deploy shop:index to pg\n{CONCURRENT}",
        f"--liquibase formatted sql\n--changeset ann:1 runInTransaction:false\n{CONCURRENT}",
    ],
)
def test_runners_can_be_told_not_to(text: str):
    assert not at(found("a.sql", text), "LK002")


def test_changesets_of_liquibase_are_judged_one_by_one():
    text = (
        "--liquibase formatted sql\n"
        f"--changeset ann:1 runInTransaction:false\n{CONCURRENT}--rollback DROP INDEX i;\n"
        f"--changeset ann:2\n{CONCURRENT}--rollback not required\n"
        "--changeset ann:3 dbms:mysql\nALTER TABLE t ENGINE=InnoDB;\n"
        "--changeset ann:4 endDelimiter:/\nALTER TABLE t DROP COLUMN c\n/\nDROP TABLE z\n/\n"
    )

    findings = found("a.sql", text)

    assert at(findings, "LK003") == [4]
    assert at(findings, "LK002") == [6]
    assert at(findings, "BC001") == [11]
    assert at(findings, "BC002") == [13]
    assert not at(findings, "SY001")


def test_sqitch_reverts_are_rollbacks():
    text = "-- Revert shop:users from pg\n\nBEGIN;\nDROP TABLE users;\nCOMMIT;\n"

    assert not at(found("users.sql", text), "BC002")


def test_a_waiver_above_the_first_mark_is_one_for_the_file():
    text = (
        "-- migrator: allow-file LK003 because nobody is connected\n"
        "-- migrate:up\nDROP INDEX i;\n-- migrate:down\nDROP INDEX j;\n"
    )

    report = report_on(Source("a.sql", text))

    assert report.waived == 2
    assert not {finding.code for finding in report.findings} & {"LK003", "WV004"}


@pytest.mark.parametrize(("name", "flagged"), [("V1__a.sql", True), ("1_a.up.sql", False), ("plain.sql", False)])
def test_flyway_refuses_what_golang_migrate_sends_alone(name: str, flagged: bool):
    assert not at(found(name, CONCURRENT), "LK002")
    assert bool(at(found(name, f"CREATE TABLE t (a int);\n{CONCURRENT}"), "LK002")) is (flagged or name != "plain.sql")


def test_flyway_placeholders_stand_for_names_and_are_shown_as_written():
    text = "ALTER TABLE ${Schema}.users DROP COLUMN a;\n${grants}\n;DROP TABLE z;\n"

    findings = found("V1__a.sql", text)

    (column,) = [finding for finding in findings if finding.code == "BC001"]
    assert (column.message.split()[1], column.column) == ("${Schema}.users.a", 29)
    assert column.statement == "ALTER TABLE ${Schema}.users DROP COLUMN a"
    assert at(findings, "SY002") == [2]
    assert at(findings, "BC002") == [3]
    assert not at(findings, "SY001")


def test_what_django_cannot_write_is_said_once_not_to_be_checked():
    text = "BEGIN;\n--\n-- Raw Python operation\n--\n-- THIS OPERATION CANNOT BE WRITTEN AS SQL\nCOMMIT;\n"
    before = (
        "-- MIGRATION NOW PERFORMS OPERATION THAT CANNOT BE WRITTEN AS SQL:\n-- Raw Python operation\n--\nSELECT 1;\n"
    )

    assert at(found("0002.sql", text), "SY002") == [5]
    assert at(found("0002.sql", before), "SY002") == [1]


def test_names_of_a_folder_are_ordered_as_their_runner_does():
    names = ["R__v.sql", "V10__b.sql", "V2_1__a.sql", "V2__a.sql", "U2__a.sql", "B1__all.sql", "beforeMigrate.sql"]

    assert sorted(names, key=order(names).__getitem__) == [
        "B1__all.sql", "V2__a.sql", "U2__a.sql", "V2_1__a.sql", "V10__b.sql", "beforeMigrate.sql", "R__v.sql",
    ]  # fmt: skip
    names = ["10_b.down.sql", "10_b.up.sql", "2_a.down.sql", "2_a.up.sql"]
    assert sorted(names, key=order(names).__getitem__) == list(reversed(names))


def test_a_sqitch_project_is_read_in_the_order_of_its_plan(tmp_path: Path):
    plan = (
        "%project=shop\n\nusers 2026-01-01T00:00:00Z Ann <a@b.c> # users\norders [users] 2026-01-02T00:00:00Z A <a>\n"
    )
    (tmp_path / "sqitch.plan").write_text(plan)
    for room in ("deploy", "revert", "verify"):
        (tmp_path / room).mkdir()
        for name in ("orders", "users"):
            (tmp_path / room / f"{name}.sql").write_text("SELECT 1;")

    names = [Path(source.name).relative_to(tmp_path).as_posix() for source in read([tmp_path])]

    assert names == ["deploy/users.sql", "revert/users.sql", "deploy/orders.sql", "revert/orders.sql"]


def test_reworked_changes_of_a_sqitch_plan_are_read_in_their_old_form_first():
    assert list(planned("a 2026 x\nb 2026 x\n@v1 2026 x\na [a@v1] 2026 x\n")) == ["a@v1", "b", "a"]


def test_flyways_settings_beside_a_file_count(tmp_path: Path):
    (tmp_path / "V1__a.sql").write_text(f"CREATE TABLE t (a int);\n{CONCURRENT}")
    (tmp_path / "V1__a.sql.conf").write_text("executeInTransaction=false\n")

    assert not at(report_on(*read([tmp_path])).findings, "LK002")


def test_phase_files_are_never_cut():
    source = Source("m/expand.sql", "-- migrate:down\nDROP TABLE users;", Phase.EXPAND, phased=True)

    assert at(report_on(source).findings, "BC002") == [2]


def test_sections_cover_a_file_without_gap():
    text = "-- a\n-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;"

    assert "".join(text[each.start : each.end] for each in sections("a.sql", text)) == text
