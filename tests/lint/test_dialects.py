"""MySQL, MariaDB and SQLite: each rule's examples, what is not known, positions, and what says it is less exact."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.lint.dialects.engine import lint_dialect
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.registry import all_rules, dialect_rules, find
from migrator.lint.report import Report
from migrator.lint.selection import select
from migrator.lint.sources import Source
from migrator.model.plan import Phase
from migrator.reporting import lint_json, lint_text

RULES = [rule for rule in dialect_rules().values() if isinstance(rule, DialectRule)]
PAIRS = [(rule, dialect) for rule in RULES for dialect in rule.dialects]


def report_on(*sources: Source, dialect: str = "mysql", selected: tuple[str, ...] = ("ALL",)) -> Report:
    return lint_dialect(sources, select(selected, dialect=dialect), dialect, today=date(2026, 6, 1))


def codes(sql: str, dialect: str = "mysql", selected: tuple[str, ...] = ("ALL",)) -> list[str]:
    return [each.code for each in report_on(Source("a.sql", sql), dialect=dialect, selected=selected).findings]


@pytest.mark.parametrize(("rule", "dialect"), PAIRS, ids=[f"{rule.name}-{dialect}" for rule, dialect in PAIRS])
def test_every_rule_fires_on_its_bad_examples_only(rule: DialectRule, dialect: str):
    assert rule.good
    assert rule.bad
    for good in rule.good:
        assert rule.code not in codes(good.sql, dialect, (rule.code,)), good.sql
    for bad in rule.bad:
        if dialect == "sqlite" and rule.dialects[0] != "sqlite" and ("CHANGE" in bad.sql or "RENAME TABLE" in bad.sql):
            continue  # not SQLite's words
        found = [
            each for each in report_on(Source("a.sql", bad.sql), dialect=dialect).findings if each.code == rule.code
        ]
        if rule.opt_in:
            assert not found
            assert rule.code in codes(bad.sql, dialect, (rule.code,))
            continue
        assert [each.fix for each in found] == [bad.fix], bad.sql
        assert "not tried on a server" in found[0].why


def test_codes_and_names_are_free():
    names = [rule.name for rule in (*all_rules().values(), *RULES)]

    assert not set(all_rules()) & set(dialect_rules())
    assert len(set(names)) == len(names)
    assert find("MY001") is find("table-copied") is dialect_rules()["MY001"]


@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE t ADD COLUMN a int, ALGORITHM=INSTANT",
        "CREATE INDEX i ON t (a) ALGORITHM=INPLACE LOCK=NONE",
        "ALTER TABLE t ALTER COLUMN a SET DEFAULT 1, ALTER b DROP DEFAULT",
        "ALTER TABLE t RENAME INDEX a TO b, COMMENT = 'x, DROP COLUMN y'",
        "ALTER TABLE t ADD PARTITION (PARTITION p3 VALUES LESS THAN (2026))",
        "INSERT INTO t (a) VALUES ('it\\'s; DROP TABLE x')",
        "CREATE TABLE t (id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
        "SET FOREIGN_KEY_CHECKS = 0",
        "# a comment; DROP TABLE x\nSELECT 1",
        "CREATE VIEW v AS SELECT 1",
    ],
)
def test_harmless_statements_are_clean(sql: str, dialect: str):
    assert codes(sql, dialect) == []


def test_types_known_from_earlier_files_count():
    earlier = Source("1.sql", "CREATE TABLE `t` (a varchar(20), b varchar(60) NOT NULL, c enum('x'));")
    change = Source(
        "2.sql",
        "ALTER TABLE t MODIFY a varchar(60);\nALTER TABLE t MODIFY a varchar(100);\n"
        "ALTER TABLE t MODIFY b varchar(60);\nALTER TABLE t MODIFY c enum('x', 'y');\nALTER TABLE t MODIFY c int;\n",
    )

    found = [(each.code, each.line) for each in report_on(earlier, change).findings]

    assert found == [("MY001", 2), ("MY002", 3), ("MY001", 5)]


@pytest.mark.parametrize("renamed", ["RENAME TABLE `shop`.`t` TO shop.u, x TO y", "ALTER TABLE t RENAME TO u"])
def test_types_are_known_under_new_names(renamed: str):
    earlier = Source("1.sql", f"CREATE TABLE t (a varchar(20), b varchar(20), c int); {renamed};")
    columns = Source("2.sql", "ALTER TABLE u RENAME COLUMN a TO d; ALTER TABLE u CHANGE b e varchar(30);")
    change = Source(
        "3.sql",
        "ALTER TABLE u MODIFY d varchar(60);\nALTER TABLE u MODIFY e varchar(40);\nALTER TABLE u MODIFY c int;\n"
        "ALTER TABLE u DROP COLUMN c;\nALTER TABLE u ADD COLUMN c text;\nALTER TABLE t MODIFY d varchar(60);\n",
    )

    found = report_on(earlier, columns, change).findings

    # line 3 says the same again; t is a table nobody knows
    assert [(each.line, each.code) for each in found if each.file == "3.sql"] == [(4, "OD001"), (6, "MY001")]


@pytest.mark.parametrize(
    ("sql", "is_new"),
    [
        ("CREATE TABLE t (a int); RENAME TABLE t TO u;", True),
        ("RENAME TABLE u TO v; CREATE TABLE t (a int); RENAME TABLE t TO u;", True),
        ("CREATE TABLE u (a int); DROP TABLE IF EXISTS u, w;", False),
        ("CREATE TABLE t (a int); RENAME TABLE u TO t;", False),
    ],
)
def test_a_new_table_stays_new_under_its_new_name(sql: str, is_new: bool):
    assert ("MY001" in codes(f"{sql} ALTER TABLE u MODIFY a text;")) is not is_new


@pytest.mark.parametrize(
    ("dialect", "sql", "lines"),
    [
        (
            "mysql",
            "ALTER TABLE t FROBNICATE x;\nCREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x');",
            [1, 2],
        ),
        (
            "mysql",
            "SELECT 1;\nDELIMITER //\nCREATE PROCEDURE p() BEGIN DROP TABLE t; END//\nDELIMITER ;\nSELECT 2;",
            [2],
        ),
        ("mysql", "/*!40000 ALTER TABLE t DISABLE KEYS */;\nCALL p();", [1, 2]),
        ("mysql", "DROP VIEW 'x", [1]),
        ("sqlite", "CREATE TRIGGER x AFTER INSERT ON t BEGIN UPDATE u SET a = 1; DELETE FROM v; END;\nSELECT 1;", []),
        ("sqlite", "ATTACH 'x' AS y;\nFOO bar;", [2]),
    ],
)
def test_what_is_not_understood_is_said_not_to_be_checked(dialect: str, sql: str, lines: list[int]):
    findings = report_on(Source("a.sql", sql), dialect=dialect).findings

    assert [(each.code, each.line) for each in findings] == [("SY002", line) for line in lines]


def test_positions_are_those_of_the_action_in_characters():
    sql = "SELECT 'größer';\nALTER TABLE `straße` ADD a int,\n  DROP COLUMN `größe`;\n"

    (finding,) = report_on(Source("a.sql", sql)).findings

    line = sql.split("\n")[finding.line - 1]
    assert line[finding.column - 1 : finding.column - 1 + finding.length] == "DROP COLUMN `größe`"
    assert finding.message.startswith("dropping `straße`.größe")


def test_down_is_rollback_and_waivers_hold():
    sql = (
        "-- +goose Up\n-- migrator: allow OD002 because nobody reads it\nDROP TABLE t;\n"
        "-- migrator: allow OD001 because of age\nSELECT 1;\n-- +goose Down\nALTER TABLE t DROP COLUMN a;\n"
    )

    report = report_on(Source("1_a.sql", sql))

    assert [(each.code, each.line) for each in report.findings] == [("WV004", 4)]
    assert report.waived == 1


def test_a_phase_that_may_drop_is_not_told_so():
    assert not report_on(Source("a.sql", "DROP TABLE t;", Phase.CONTRACT)).findings


def test_it_is_said_that_this_is_less_exact():
    report = report_on(Source("a.sql", "ALTER TABLE t DROP PRIMARY KEY;"))

    assert lint_json.document(report)["dialect"] == "MySQL"
    assert lint_json.document(report)["exact"] is False
    text = "\n".join(lint_text.lines(report))
    assert "  blocks: writes" in text
    assert "read as MySQL: less exact than for PostgreSQL" in text
    json.dumps(lint_json.document(report))


def test_one_configuration_may_be_for_several_dialects():
    assert "MY001" not in select(["ALL"], ["LK001", "MY001"], dialect="mysql").codes
    assert "MY002" in select(["ALL"], ["LK001"], dialect="mysql").codes
    assert "LK001" not in select(["ALL"], ["LK001", "MY001"]).codes


EXAMPLES = [example.sql for rule in RULES for example in (*rule.good, *rule.bad)]
PIECES = st.one_of(
    st.sampled_from(EXAMPLES),
    st.sampled_from(["'", '"', "`", "#", "--", "/*", "/*!", "*/", ";", "(", ")", ",", "ä", "DELIMITER //", "\n", "."]),
)


@settings(max_examples=150, deadline=10_000)
@given(st.sampled_from(["mysql", "mariadb", "sqlite"]), st.lists(PIECES, max_size=8).map(" ".join), st.randoms())
def test_whatever_a_file_holds_positions_lie_in_it(dialect: str, text: str, random):
    for _ in range(2):
        place = random.randrange(len(text) + 1)
        text = text[:place] + text[place + random.randrange(3) :]
    report = report_on(Source("a.sql", text), dialect=dialect)
    lines = text.split("\n")
    for finding in report.findings:
        assert 1 <= finding.line <= finding.end_line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
        assert report.lines[finding.file, finding.line] == lines[finding.line - 1].rstrip("\r")


def test_every_page_reads_as_the_others_do(capsys: pytest.CaptureFixture[str]):
    from migrator.lint.pages import page

    for rule in RULES:
        text = page(rule)
        for heading in ("Why it matters", "What to do", "Source", "Dialects", "less exact"):
            assert heading in text, (rule.code, heading)


def test_dialects_are_chosen_by_option_or_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from click.testing import CliRunner

    from migrator.cli.lint import command

    monkeypatch.chdir(tmp_path)
    Path("a.sql").write_text("ALTER TABLE t ENGINE=InnoDB;\nALTER TABLE t DROP PRIMARY KEY;\n")
    runner = CliRunner()

    by_option = runner.invoke(command, ["a.sql", "--dialect", "mysql", "--json"], standalone_mode=False)
    Path("migrator.toml").write_text('[lint]\ndialect = "mariadb"\n')
    by_configuration = runner.invoke(command, ["a.sql", "--json"], standalone_mode=False)

    assert (by_option.return_value, by_configuration.return_value) == (1, 1)
    assert json.loads(by_option.stdout)["dialect"] == "MySQL"
    assert [each["code"] for each in json.loads(by_configuration.stdout)["findings"]] == ["MY002", "MY001"]
    assert json.loads(by_configuration.stdout)["dialect"] == "MariaDB"


def test_other_formats_know_these_rules():
    from migrator.reporting import lint_github, lint_gitlab, lint_junit, lint_markdown, lint_sarif

    report = report_on(Source("a.sql", "ALTER TABLE t DROP PRIMARY KEY;"))

    for form in (lint_github, lint_gitlab, lint_junit, lint_markdown, lint_sarif):
        assert "MY001" in form.text(report)
