"""Positions, syntax errors, transactions and history."""

from __future__ import annotations

import pytest

from migrator.lint.selection import select
from migrator.lint.sources import Source
from migrator.model.finding import Severity
from migrator.model.plan import Phase
from tests.lint.linting import codes, findings, report_on


def place(sql: str, code: str) -> tuple[int, int, str]:
    """Line, column and the text that is underlined."""
    (finding,) = (each for each in findings(sql) if each.code == code)
    line = sql.split("\n")[finding.line - 1]
    return finding.line, finding.column, line[finding.column - 1 : finding.column - 1 + finding.length]


@pytest.mark.parametrize("pad", ["", "-- a comment\n\n", "SELECT 'größer €𝄞';\n", "/* 日本 */ "])
def test_a_position_is_that_of_the_clause_in_characters(pad: str):
    sql = f'{pad}ALTER TABLE "straße"\n  ADD COLUMN "größe" int,\n  DROP COLUMN "名前", ADD "数" int NOT NULL;'
    line = pad.count("\n") + 3

    assert place(sql, "BC001") == (line, 3, 'DROP COLUMN "名前"')
    assert place(sql, "BC005") == (line, 25, '"数" int NOT NULL')


def test_a_whole_statement_is_underlined_on_its_first_line():
    assert place("SELECT 'ä'; DROP TABLE\n users;", "BC002") == (1, 13, "DROP TABLE")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_do_not_matter(end: str):
    sql = f"SELECT 1;{end}{end}DROP TABLE users;{end}"

    (finding,) = (each for each in findings(sql) if each.code == "BC002")

    assert (finding.line, finding.column, finding.end_line) == (3, 1, 3)
    assert finding.length == len("DROP TABLE users")


def test_names_in_texts_and_comments_do_not_mislead():
    sql = "ALTER TABLE t -- DROP a\n  ADD CONSTRAINT c CHECK (x <> 'DROP a, b') NOT VALID, DROP a;"

    assert place(sql, "BC001")[2] == "DROP a"
    assert place(sql, "BC008")[2] == "CONSTRAINT c CHECK (x <> 'DROP a, b') NOT VALID"


def test_a_syntax_error_is_a_finding_and_other_files_are_linted():
    report = report_on(Source("a.sql", "SELECT 1;\n  SELEC 2;"), Source("b.sql", "DROP TABLE users;"))

    first, second, *_ = report.findings
    assert (first.file, first.code, first.line, first.column, first.severity) == ("a.sql", "SY001", 2, 3, "error")
    assert report.lines["a.sql", 2] == "  SELEC 2;"
    assert (second.file, second.code) == ("b.sql", "BC002")
    assert report.files == 2


def test_a_syntax_error_cannot_be_deselected():
    report = report_on(Source("a.sql", "SELEC 2;"), selection=select(["LK001"], ["SY"]))

    assert [each.code for each in report.findings] == ["SY001"]


def test_commands_to_psql_that_run_no_sql_are_passed_over():
    sql = "\\restrict aB3\n\\set ON_ERROR_STOP on\nDROP TABLE a;\n\\unrestrict aB3\n"

    assert place(sql, "BC002") == (3, 1, "DROP TABLE a")


@pytest.mark.parametrize("text", ["", "\n\n", "-- nothing\n", ";;;", "/* */"])
def test_a_file_without_statements_is_clean(text: str):
    report = report_on(Source("a.sql", text))

    assert (report.findings, report.files, report.statements) == ([], 1, 0)


def test_findings_are_in_the_order_of_lines():
    found = findings("DROP TABLE a;\nDROP TABLE b;\nUPDATE c SET d = 1;\nDROP TABLE e;")

    assert [each.line for each in found] == sorted(each.line for each in found)


INDEX = "CREATE INDEX CONCURRENTLY i ON users (a);"


@pytest.mark.parametrize(
    ("sql", "inside"),
    [
        (INDEX, False),
        (f"BEGIN; {INDEX} COMMIT;", True),
        (f"BEGIN; COMMIT; {INDEX}", False),
        (f"BEGIN; END; {INDEX}", False),
        (f"BEGIN; ROLLBACK; {INDEX}", False),
        (f"BEGIN; ABORT; {INDEX}", False),
        (f"BEGIN; COMMIT AND CHAIN; {INDEX}", True),
        (f"START TRANSACTION; SAVEPOINT a; ROLLBACK TO a; {INDEX}", True),
        (f"BEGIN; PREPARE TRANSACTION 'x'; {INDEX}", False),
        (f"-- migrator: transaction = true\n{INDEX}", True),
        (f"-- migrator: transaction = true\nCOMMIT; {INDEX}", True),
        (f"-- migrator: transaction = false\n{INDEX}", False),
    ],
)
def test_transactions_are_followed(sql: str, inside: bool):
    assert ("LK002" in codes(sql)) == inside


@pytest.mark.parametrize(
    ("sql", "inside"),
    [
        (f"-- step: a transaction=g\n{INDEX}", True),
        (f"-- step: a transaction=none\n{INDEX}", False),
        (f"-- step: a\n{INDEX}", False),
        (f"-- step: a transaction=g\n-- why: x\nSELECT 1;\n-- step: b transaction=none undoes=a\n{INDEX}", False),
        (INDEX, False),
    ],
)
def test_steps_name_their_transaction(sql: str, inside: bool):
    assert ("LK002" in codes(sql, phase=Phase.EXPAND)) == inside


def test_what_expand_made_is_in_use_in_contract():
    report = report_on(
        Source("m/expand.sql", "CREATE TABLE t (a int); CREATE INDEX ON t (a);", Phase.EXPAND, phased=True),
        Source("m/contract.sql", "CREATE INDEX ON t (a);", Phase.CONTRACT, phased=True),
    )

    assert [(each.file, each.code) for each in report.findings] == [("m/contract.sql", "LK001")]


def test_a_rollback_is_no_part_of_what_later_files_build_on():
    check = Source("b.sql", "ALTER TABLE t ALTER COLUMN a TYPE varchar(20);")
    expand = Source("m/expand.sql", "ALTER TABLE t ADD COLUMN a varchar(10);", Phase.EXPAND, phased=True)
    rollback = Source("m/rollback.sql", "ALTER TABLE t DROP COLUMN a;", Phase.ROLLBACK, phased=True)

    notes = {"LK020", "RB011"}
    assert {each.code for each in report_on(expand, rollback, check).findings} == notes


def test_a_temporary_table_lives_as_long_as_its_file():
    earlier = "CREATE TEMP TABLE t (a int);"

    assert codes("CREATE INDEX ON t (a);", earlier=earlier) == {"LK001"}


def test_severity_of_configuration_and_fail_on():
    selection = select(["ALL"], ["LK020"], {"BC002": "warning"})
    report = report_on(Source("a.sql", "DROP TABLE users;"), selection=selection)

    assert [each.severity for each in report.findings] == [Severity.WARNING]
    assert not report.fails(Severity.ERROR)
    assert report.fails(Severity.WARNING)
    assert report.fails(Severity.INFO)


def test_many_files_do_not_slow_each_other_down():
    # the history grows with each file; work per file must not grow with it
    import time

    def run(count: int) -> float:
        started = time.process_time()
        report_on(
            *(Source(f"{n}.sql", f"CREATE TABLE t{n} (a int); CREATE INDEX ON t{n} (a); ALTER TABLE t{n} DROP a;")
              for n in range(count))
        )  # fmt: skip
        return time.process_time() - started

    run(20)
    assert run(1600) < 16 * run(200) + 0.1


def test_of_several_equal_indexes_the_first_is_named_whatever_the_order_of_a_set():
    indexes = "".join(f"CREATE INDEX t_{name} ON t (x);" for name in "hgfedcba")
    found = findings("CREATE INDEX CONCURRENTLY t_z ON t (x);", earlier=f"CREATE TABLE t (x int); {indexes}",
                     selection=select(["PO024"]))  # fmt: skip

    assert [each.message for each in found] == ["t_h is an index over the same columns"]
