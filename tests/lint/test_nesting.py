"""However deep statements are nested, lint judges them or says that it did not, and goes on behind them."""

from __future__ import annotations

import pytest

from tests.lint.linting import codes, findings

BEHIND = ";\nDROP TABLE behind;\n"


@pytest.mark.parametrize(
    "deep",
    [
        "INSERT INTO t " + "SELECT 1 UNION ALL " * 3000 + "SELECT 1",
        "ALTER TABLE t ADD CHECK (a = " + "1 + " * 12_000 + "1) NOT VALID",
        "COMMENT ON TABLE t IS 'x'; SELECT " + "'line' || " * 1000 + "'end'",
        "CREATE VIEW v AS " + "SELECT * FROM (" * 500 + "SELECT 1" + ") a" * 500,
        "UPDATE t SET a = " + "CASE WHEN a THEN 1 ELSE " * 500 + "1" + " END" * 500 + " WHERE id = 1",
        "ALTER TABLE t ADD COLUMN c text DEFAULT " + "lower(" * 500 + "'a'" + ")" * 500,
        "ALTER TABLE t ADD CHECK (" + "(" * 1500 + "a IS NOT NULL" + " AND b)" * 1500 + ") NOT VALID",
        "DO $$ BEGIN " + "IF x THEN " * 1000 + "PERFORM 1; " + "END IF; " * 1000 + "END $$",
        "SELECT " + "(" * 20_000 + "1" + ")" * 20_000,
    ],
    ids=["unions", "operators", "texts", "subqueries", "case", "calls", "conditions", "blocks", "parentheses"],
)
def test_what_follows_a_deep_statement_is_judged(deep: str):
    assert "BC002" in codes(deep + BEHIND)


def test_a_deep_statement_is_judged_itself():
    sql = "ALTER TABLE t ADD CHECK (a = " + "1 + " * 1000 + "1)"

    assert "LK014" in codes(sql)


def test_a_text_joined_of_many_lines_is_looked_into():
    sql = "DO $$ BEGIN EXECUTE 'DROP TABLE t'" + " || ' '\n" * 1500 + "; END $$"

    assert codes(sql) == {"BC002"}


def test_a_block_nested_too_deeply_is_said_to_be_not_checked():
    block = "DO $$ BEGIN " + "IF x THEN " * 1000 + "DROP TABLE t; " + "END IF; " * 1000 + "END $$"

    assert [(each.code, each.message.rpartition(": ")[2]) for each in findings(block)] == [
        ("SY002", "nested too deeply")
    ]


def test_a_refused_text_is_quoted_in_short():
    rest = "BEGIN\n" + "  PERFORM 1;\n" * 1000

    (found,) = findings(f"DO $$ {rest}")

    assert found.message == 'unterminated dollar-quoted string at or near "$$ BEGIN…"'
