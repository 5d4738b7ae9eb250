"""Statements in DO blocks are linted as run there."""

from __future__ import annotations

import pytest

from migrator.lint.sources import Source
from tests.lint.linting import codes, findings, report_on


def lines(sql: str, code: str) -> list[int]:
    return [each.line for each in findings(sql) if each.code == code]


def test_a_hazard_in_a_block_is_reported_at_its_line():
    assert lines("DO $$\nBEGIN\n  IF true THEN\n    DROP TABLE users;\n  END IF;\nEND $$;", "BC002") == [4]


@pytest.mark.parametrize("text", ["'DROP TABLE users'", "format('DROP TABLE %I', 'users')"])
def test_constant_dynamic_sql_is_looked_into(text: str):
    assert lines(f"DO $$ BEGIN\nEXECUTE {text};\nEND $$;", "BC002") == [2]


def test_a_block_is_a_transaction_whatever_the_runner_does():
    block = "DO $$ BEGIN CREATE INDEX CONCURRENTLY i ON users (a); END $$;\n"

    assert lines(f"-- migrator: transaction = false\n{block}", "LK002") == [2]
    assert not lines(f"-- migrator: transaction = false\n{block}CREATE INDEX CONCURRENTLY j ON users (b);", "LK002")[1:]


def test_what_a_block_makes_is_known_behind_it():
    sql = "DO $$ BEGIN CREATE TABLE users (a int); END $$; CREATE INDEX ON users (a); DROP TABLE users;"

    assert codes(sql) <= {"PO001"}


def test_a_waiver_of_a_block_holds_for_what_it_runs():
    block = "DO $$ BEGIN\n  DROP TABLE users;\nEND $$;"
    report = report_on(Source("a.sql", f"-- migrator: allow BC002 because nobody reads it\n{block}"))

    assert report.waived == 1
    assert not {each.code for each in report.findings} & {"BC002", "WV004"}


def test_a_waiver_inside_a_block_holds_for_its_statement():
    sql = "DO $$ BEGIN\n  -- migrator: allow BC002 because nobody reads it\n  DROP TABLE a;\n  DROP TABLE b;\nEND $$;"

    assert lines(sql, "BC002") == [4]


def test_a_function_with_ddl_from_an_earlier_file_is_said_not_to_be_checked():
    made = Source("1.sql", "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE x; END $$;")

    report = report_on(made, Source("2.sql", "SELECT 1;\nSELECT f();"))

    assert [(each.file, each.line, each.column) for each in report.findings if each.code == "SY002"] == [
        ("2.sql", 2, 8)
    ]


def test_a_body_that_does_not_parse_is_a_syntax_error_there():
    assert lines("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\nSELEC 2 $$;", "SY001") == [2]
