"""Scripts for psql, statements that do not parse, large files: what is linted all the same, at which line."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest

from migrator.lint.parts import CHUNK, parts_of
from migrator.lint.sources import Source, of_bytes, read
from migrator.model.finding import Finding
from migrator.sql.lexing import marks
from migrator.sql.parser import Statement, parse_script
from tests.lint.linting import report_on


def found(text: str) -> list[Finding]:
    return report_on(Source("a.sql", text)).findings


def places(text: str, code: str) -> list[tuple[int, str]]:
    """Line of each finding with this code, and the text from its column on."""
    lines = text.split("\n")
    return [(each.line, lines[each.line - 1][each.column - 1 :]) for each in found(text) if each.code == code]


def test_the_statements_around_one_that_does_not_parse_are_linted():
    text = "DROP TABLE a;\nCREATE TABEL b (\n  x int);  DROP TABLE ä; SELEC 1; DROP TABLE c;\n"

    assert places(text, "SY001") == [(2, "TABEL b ("), (3, "SELEC 1; DROP TABLE c;")]
    assert [line for line, _ in places(text, "BC002")] == [1, 3, 3]


def test_a_text_that_is_never_closed_ends_what_can_be_read():
    text = "DROP TABLE a;\nSELECT 'x;\nDROP TABLE b;\n"

    assert places(text, "SY001") == [(2, "'x;")]
    assert places(text, "BC002") == [(1, "DROP TABLE a;")]


def test_a_parenthesis_that_is_never_closed_does_not_swallow_the_rest():
    text = "CREATE TABLE a (x int;\nDROP TABLE b;\n"

    assert places(text, "BC002") == [(2, "DROP TABLE b;")]


def test_semicolons_inside_a_statement_do_not_end_it():
    text = (
        "SELEC 1;\n"
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;\n"
        "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);\n"
        "DO $x$ BEGIN NULL; END $x$;\nSELECT E'\\';', ';', \";\", $$;$$ /* ; /* ; */ ; */ -- ;\n;DROP TABLE a;\n"
    )

    assert len(places(text, "SY001")) == 1
    assert places(text, "BC002") == [(6, "DROP TABLE a;")]


def test_many_errors_are_counted():
    errors = [each for each in found("SELEC 1;\n" * 200) if each.code == "SY001"]

    assert len(errors) == 20
    assert errors[-1].message.endswith("180 more statements do not parse")


def test_variables_of_psql_stand_for_names_and_values():
    text = 'ALTER TABLE :table DROP COLUMN :"col";\n'
    text += "SELECT :'v', a[1:2], 'x:y', b::text FROM t LIMIT :n;\nDROP TABLE z;\n"

    findings = found(text)

    assert [each.message.split()[1] for each in findings if each.code == "BC001"] == [":table.col"]
    assert not [each for each in findings if each.code == "SY001"]


def test_commands_that_run_sql_are_said_not_to_be_checked():
    text = (
        "\\echo a 'b\n\\timing \\pset x\nSELECT 'DROP TABLE t' \\gexec\nSELECT 1 AS a \\gset\n\\if :a\nDROP TABLE b;\n"
        "\\endif\n\\! rm x\n\\lo_import y\n\\unknown\nDROP TABLE c;\n\\dt+ public.*\n"
    )

    assert places(text, "SY002") == [(3, "\\gexec"), (8, "\\! rm x"), (9, "\\lo_import y"), (10, "\\unknown")]
    assert places(text, "BC002") == [(6, "DROP TABLE b;"), (11, "DROP TABLE c;")]
    assert not places(text, "SY001")


def test_rows_behind_copy_are_data():
    text = "COPY t (a,\n b) FROM STDIN WITH (DELIMITER ',');\n1\tit's; \"\n\\N\tDROP TABLE a;\n\\.\n\nDROP TABLE b;\n"

    assert places(text, "BC002") == [(7, "DROP TABLE b;")]
    assert not places(text, "SY001")


def test_included_files_are_linted_in_their_place_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m/x").mkdir(parents=True)
    (tmp_path / "m/all.sql").write_text("BEGIN;\n\\ir x/b.sql\n\\i m/all.sql\n\\i nope.sql\nCOMMIT;\n\\i :file\n")
    (tmp_path / "m/x/b.sql").write_text("CREATE INDEX CONCURRENTLY i ON t (a);\n")

    report = report_on(*read([Path("m")]))

    assert [(each.file, each.line) for each in report.findings if each.code == "LK002"] == [("m/x/b.sql", 1)]
    assert [(each.line, each.message.rsplit(": ")[-1]) for each in report.findings if each.code == "SY002"] == [
        (3, "it includes itself"),
        (4, "there is no such file"),
        (6, "the name of the file is not written out"),
    ]
    assert (report.files, report.names) == (2, ["m/all.sql", "m/x/b.sql"])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_said_and_linted(encoding: str):
    bom = b"\xfe\xff" if encoding == "utf-16-be" else b""
    report = report_on(of_bytes("a.sql", bom + "SELECT 1;\r\nDROP TABLE ä;\r\n".encode(encoding)))

    assert [(each.code, each.line) for each in report.findings if each.code != "LK020"] == [("SY001", 1), ("BC002", 2)]
    assert report.findings[0].message.startswith("UTF-16")


def test_latin_1_is_said_with_its_letter_and_the_rest_linted():
    report = report_on(of_bytes("a.sql", "SELECT 'ä';\nDROP TABLE a;\n".encode("latin-1")))

    assert [(each.code, each.line) for each in report.findings if each.code != "LK020"] == [("SY001", 1), ("BC002", 2)]
    assert '"ä" in Latin-1' in report.findings[0].message


def test_a_nul_character_harms_only_its_statement():
    text = "DROP TABLE a;\nSELECT '\0';\nDROP TABLE b;\n"

    assert [line for line, _ in places(text, "BC002")] == [1, 3]
    assert [line for line, _ in places(text, "SY001")] == [2]


def test_large_files_are_taken_in_pieces_with_lines_of_the_file():
    line = "INSERT INTO t VALUES (1, 'it''s; größer');\n"
    count = 3 * CHUNK // len(line)
    text = "BEGIN;\n" + line * count + "CREATE INDEX CONCURRENTLY i ON t (a);\nCOMMIT;\n"

    parts = list(parts_of(Source("a.sql", text)))

    assert "".join(part.source.text for part in parts) == text
    assert all(len(part.source.text) < CHUNK + 200 for part in parts)
    assert [part.continues for part in parts] == [False, *[True] * (len(parts) - 1)]
    assert places(text, "LK002")[0][0] == count + 2


def test_time_and_memory_for_a_dump_with_data_are_bounded():
    rows = "1\tsome words; and 'a quote\n" * 200_000
    text = f"COPY t (a, b) FROM stdin;\n{rows}\\.\nDROP TABLE x;\n" * 3
    started = time.monotonic()
    tracemalloc.start()
    findings = found(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len([each for each in findings if each.code == "BC002"]) == 3
    assert time.monotonic() - started < 20
    assert peak < 3 * len(text)


FILLER = "INSERT INTO filler (number, words) VALUES (1, 'a text that makes the file longer, one that nobody reads');\n"


@pytest.mark.parametrize(
    "border",
    [
        "SELECT 1 -- one;\n  FROM t;\n",
        "SELECT 1 /* one;\n two; */\n FROM t;\n",
        "SELECT 'one;\n -- two;\n' FROM t;\n",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\nSELECT 1;\nSELECT 2;\n$$;\n",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC\n SELECT 1;\n SELECT 2;\nEND;\n",
        "CREATE RULE r AS ON INSERT TO t DO ALSO (\n SELECT 1;\n SELECT 2;\n);\n",
        "SELECT 1;  \r\n-- migrator: allow BC002 because nobody reads it;\nDROP TABLE t;\n",
        "SELECT 'größer'; SELECT 2;\n\n\nSELECT 3;\n",
    ],
)
@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
def test_a_large_file_is_cut_between_statements_whatever_stands_at_the_cut(
    border: str, cut: float, monkeypatch: pytest.MonkeyPatch
):
    # the length that a piece may have is reached inside what stands at the border
    length = 20_000
    monkeypatch.setattr("migrator.lint.parts.CHUNK", length)
    before = int(length - cut * len(border))
    text = FILLER * (before // len(FILLER))
    text += "-" * (before - len(text) - 1) + "\n" + border + FILLER * 50
    whole = parse_script(text)
    parts = list(parts_of(Source("a.sql", text)))
    statements = [each for part in parts for each in part.script.statements]

    assert len(parts) == 2

    def told(found: Sequence[Statement]) -> list[tuple[str, int, int, list[str]]]:
        return [(each.text, each.line, each.column, [comment.text for comment in each.comments]) for each in found]

    assert told(statements) == told(whole.statements)


def test_rows_behind_copy_are_data_at_the_border_of_pieces_too():
    text = FILLER * (CHUNK // len(FILLER)) + "COPY t FROM stdin;\n" + "DROP TABLE t;\n" * 200 + "\\.\nSELECT 2;\n"
    kinds = [each.kind for part in parts_of(Source("a.sql", text)) for each in part.script.statements]

    assert kinds[-2:] == ["copy_stmt", "select_stmt"]


def test_a_large_file_that_parses_is_not_searched_for_marks(monkeypatch: pytest.MonkeyPatch):
    searched: list[int] = []
    monkeypatch.setattr("migrator.lint.parts.marks", lambda text, start: searched.append(start) or marks(text, start))
    monkeypatch.setattr("migrator.lint.parts.CHUNK", 20_000)
    text = FILLER * (60_000 // len(FILLER))

    assert len(list(parts_of(Source("a.sql", text)))) == 3
    assert searched == []
    list(parts_of(Source("a.sql", f"\\echo begin\n{text}")))
    assert searched == [0]  # and from the next piece on it is taken as it stands again
