"""Findings for people."""

from __future__ import annotations

from migrator.lint.selection import select
from migrator.lint.sources import Source
from migrator.reporting import lint_text
from tests.lint.linting import report_on


def shown(sql: str, *, colour: bool = False, ignore: tuple[str, ...] = ("LK020",)) -> str:
    report = report_on(Source("a.sql", sql), selection=select(["ALL"], ignore))
    return "\n".join(lint_text.lines(report, colour=colour))


def test_a_finding_says_place_lock_reason_fix_and_where_to_read_on():
    assert shown("SET a.b = 1;\n  CREATE INDEX users_email ON users (email);\n") == (
        "a.sql:2:3: error: creating an index on users blocks writes until it is built "
        "[LK001 index-without-concurrently] [*]\n"
        "  2 |   CREATE INDEX users_email ON users (email);\n"
        "    |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  lock: SHARE on users (build), blocks writes\n"
        "  why:  every INSERT, UPDATE and DELETE on the table waits while all its rows are read\n"
        "  fix:  CREATE INDEX CONCURRENTLY users_email ON users (email);\n"
        "  more: migrator explain LK001\n"
        "\n"
        "1 error in 1 of 1 file, 2 statements\n"
        "[*] 1 fixable with --fix"
    )


def test_the_caret_stands_under_wide_characters_and_behind_tabs():
    lines = shown('\tALTER TABLE "日本" DROP COLUMN "名";').splitlines()

    assert lines[1] == '  1 | \tALTER TABLE "日本" DROP COLUMN "名";'
    assert lines[2] == "    | \t" + " " * len('ALTER TABLE "...." ') + "^" * len('DROP COLUMN ".."')


def test_a_note_is_short():
    text = shown("ALTER TABLE users ADD COLUMN a int;", ignore=())

    assert text.splitlines()[0].startswith("a.sql:1:1: note: no lock_timeout: users is locked")
    assert len(text.splitlines()) == 5


def test_colour_only_on_request():
    assert "\x1b[31;1merror\x1b[0m" in shown("DROP TABLE users;", colour=True)
    assert "\x1b" not in shown("DROP TABLE users;")


def test_the_summary_counts():
    sql = "DROP TABLE a;\nDROP TABLE b; LOCK TABLE c;\n-- migrator: allow BC002 because of age\nDROP TABLE d;"

    assert shown(sql).splitlines()[-2] == "2 errors, 1 warning in 1 of 1 file, 4 statements; 1 waived"
    assert shown("SELECT 1;") == "nothing found in 1 file, 1 statement"


def test_carriage_returns_are_not_shown():
    assert "\r" not in shown("DROP TABLE a;\r\nDROP TABLE b;\r\n")


def test_of_a_long_line_only_what_is_around_the_place_is_shown():
    rows = "INSERT INTO t VALUES " + ", ".join("(1)" for _ in range(5000))

    lines = shown(f"{rows}; DROP TABLE behind; {rows}").splitlines()

    assert lines[1][:7] == "  1 | …"
    assert len(lines[1]) < 420
    place = lines[2].index("^")
    assert lines[1][place:].startswith("DROP TABLE behind;")
    assert lines[1].endswith("…")
    assert len(lines[2]) < 420


def test_of_a_long_statement_at_the_start_of_a_line_the_start_is_shown():
    lines = shown("DROP TABLE " + ", ".join(f"t{number}" for number in range(1000))).splitlines()

    assert lines[1].startswith("  1 | DROP TABLE t0, t1,")
    assert len(lines[1]) < 420 > len(lines[2])


def test_control_characters_do_not_reach_the_terminal():
    lines = shown("DROP TABLE t; -- \x1b[2J\x07 \x9b\tend").splitlines()

    assert lines[1] == "  1 | DROP TABLE t; -- \N{REPLACEMENT CHARACTER}[2J" + "\N{REPLACEMENT CHARACTER} " + (
        "\N{REPLACEMENT CHARACTER}\tend"
    )
