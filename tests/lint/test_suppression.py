"""Waivers: where they stand, what they need, and what becomes of those that are wrong."""

from __future__ import annotations

import pytest

from migrator.lint.selection import select
from migrator.lint.sources import Source
from tests.lint.linting import findings, report_on

DROP = "DROP TABLE users;"


def reported(sql: str) -> list[tuple[str, int]]:
    return [(each.code, each.line) for each in findings(sql) if each.severity != "info" or each.code == "WV004"]


@pytest.mark.parametrize(
    "sql",
    [
        f"-- migrator: allow BC002 because nobody reads it\n{DROP}",
        f"-- migrator: allow bc002 because nobody reads it\n{DROP}",
        f"-- migrator: allow drop-table because nobody reads it\n{DROP}",
        f"/* migrator: allow BC002 because\n   nobody reads it */\n{DROP}",
        f"-- migrator: allow BC002 because nobody reads it\n-- another comment\n\n{DROP}",
        f"{DROP} -- migrator: allow BC002 because nobody reads it",
        "DROP TABLE -- migrator: allow BC002 because nobody reads it\n  users;",
        f"-- migrator: allow BC002 until 2026-06-01 because today is the last day\n{DROP}",
        f"{DROP}\nSELECT 1;\n-- migrator: allow-file BC002 because it is an old file",
    ],
)
def test_a_waiver_with_a_reason_holds(sql: str):
    assert reported(sql) == []


def test_a_waiver_holds_for_one_statement():
    sql = f"-- migrator: allow BC002 because nobody reads it\n{DROP}\nDROP TABLE orders;"

    assert reported(sql) == [("BC002", 3)]


def test_a_waiver_for_the_file_holds_for_all():
    assert reported(f"-- migrator: allow-file BC002 because they are old\n{DROP}\nDROP TABLE orders;") == []


def test_several_codes():
    sql = "-- migrator: allow BC002, DL002 because all of it goes\nDROP TABLE users CASCADE;"

    assert reported(sql) == []
    assert reported(sql.replace(", ", " ")) == []


@pytest.mark.parametrize(
    ("waiver", "code"),
    [
        ("allow BC002", "WV001"),
        ("allow BC002 because", "WV001"),
        ("allow BC002 because   ", "WV001"),
        ("allow BC002 until someday because later", "WV001"),
        ("allow because it is fine", "WV002"),
        ("allow BC999 because it is fine", "WV002"),
        ("allow BC002 until 2026-05-31 because May", "WV003"),
    ],
)
def test_a_wrong_waiver_is_reported_and_waives_nothing(waiver: str, code: str):
    assert reported(f"-- migrator: {waiver}\n{DROP}") == [(code, 1), ("BC002", 2)]


def test_an_unknown_code_names_the_nearest():
    (complaint, _) = findings("-- migrator: allow drop-tabel because typo\nSELECT 1; DO 'x';")

    assert '"drop-table"' in complaint.message


def test_an_unused_waiver_is_a_note_where_it_stands():
    (note,) = findings("SELECT 1;\n  -- migrator: allow BC001 because of nothing\nSELECT 2;")

    assert (note.code, note.severity, note.line, note.column) == ("WV004", "info", 2, 3)


def test_one_code_of_two_may_be_unused():
    sql = f"-- migrator: allow BC002, BC001 because nobody reads it\n{DROP}"

    (note,) = (each for each in findings(sql) if each.code.startswith("WV"))

    assert "BC001" in note.message


def test_a_waiver_behind_the_last_statement_is_unused():
    assert reported("SELECT 1;\n\n-- migrator: allow BC002 because of what") == [("WV004", 3)]


def test_a_waiver_of_a_rule_that_is_not_selected_is_not_called_unused():
    source = Source("a.sql", "-- migrator: allow LK001 because the job that selects it knows\nSELECT 1;")

    assert report_on(source, selection=select(["BC", "WV"])).findings == []


def test_waived_findings_are_counted():
    assert report_on(Source("a.sql", f"-- migrator: allow BC002 because of age\n{DROP}")).waived == 1


@pytest.mark.parametrize("comment", ["-- step: a", "-- migrator: transaction = false", "-- allow BC002 because x"])
def test_other_comments_are_no_waivers(comment: str):
    assert reported(f"{comment}\n{DROP}") == [("BC002", 2)]


def test_words_in_a_text_are_no_waiver():
    assert reported("SELECT '-- migrator: allow BC002';") == []


def test_a_waiver_of_a_block_holds_for_what_is_not_looked_at_in_it():
    block = "DO $$ BEGIN\n  EXECUTE 'DROP TABLE ' || current_setting('my.table');\nEND $$;\n"
    waived = f"-- migrator: allow SY002 because it is read each time\n{block}"
    assert findings(waived) == []
    assert [(each.code, each.line) for each in findings(f"{waived}{block}")] == [("SY002", 6)]
