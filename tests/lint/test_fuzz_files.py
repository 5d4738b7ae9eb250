"""Whatever a file of any runner holds: no crash, no hang, every position in the file, nothing lost between parts."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.lint.parts import parts_of
from migrator.lint.selection import everything
from migrator.lint.sources import Source, of_bytes
from tests.lint.linting import report_on

EXAMPLES = sorted(Path(__file__).parents[2].glob("examples/**/*.sql"))
NAMES = ["a.sql", "V1__a.sql", "R__a.sql", "1_a.up.sql", "1_a.down.sql", "U1__a.sql"]
STATEMENTS = st.sampled_from(
    ["DROP TABLE ü", "ALTER TABLE a.b ADD COLUMN c int NOT NULL", "CREATE INDEX CONCURRENTLY i ON t (größe)", "BEGIN",
     "COMMIT", "SELECT count(*) INTO n FROM t", "SET lock_timeout = '1s'", "UPDATE t SET a = 1", "SELEC 1", "NULL",
     "EXECUTE 'DROP TABLE x'", "EXECUTE format('DROP TABLE %I', 'Ü')", "EXECUTE q", "PERFORM f()", "COMMIT",
     "DROP TABLE ${x}", "SELECT :v, :'w', :\"x\"", "${all}", "COPY t FROM stdin", "{{ y }}"]
)  # fmt: skip
LINES = st.sampled_from(
    ["-- migrate:up transaction:false", "-- migrate:down", "-- +goose Up", "-- +goose Down", "-- +goose NO TRANSACTION",
     "--liquibase formatted sql", "--changeset a:b endDelimiter:/", "--rollback DROP TABLE x;", "/", "-- Up Migration",
     "\\i a.sql", "\\gexec", "\\if :x", "\\set a b", "\\foo \\bar", "\\.", "1\t2", "-- migrator: allow ALL because x",
     "-- migrator: allow-file BC002 because x", "$$", "'", "/*", "*/", "", "\r",
     "-- THIS OPERATION CANNOT BE WRITTEN AS SQL"]
)  # fmt: skip


@st.composite
def blocks(draw: st.DrawFn) -> str:
    body = "\n  ".join(f"{each};" for each in draw(st.lists(STATEMENTS, max_size=4)))
    shapes = ["{}", "IF a THEN {} ELSE NULL; END IF;", "FOR r IN SELECT 1\nLOOP {} END LOOP;", "BEGIN {} END;"]
    inner = draw(st.sampled_from(shapes)).format(body or "NULL;")
    quote = draw(st.sampled_from(["$$", "$ä$", "'"]))
    head = draw(
        st.sampled_from(["DO ", "DO LANGUAGE plpgsql ", "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS "])
    )
    return f"{head}{quote}DECLARE r record; n int; q text;\nBEGIN -- ö\n{inner}\nEND{quote}"


FILES = st.lists(st.one_of(STATEMENTS.map("{};".format), blocks().map("{};".format), LINES), max_size=10).map("\n".join)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(EXAMPLES)).read_text(encoding="utf-8")
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 20))
        text = text[:place] + draw(st.one_of(LINES, st.text(max_size=3), STATEMENTS)) + text[place + cut :]
    return text


def hold(name: str, text: str) -> None:
    source = Source(name, text)
    for part in parts_of(source):
        assert part.source.text == text[part.source.offset : part.source.offset + len(part.source.text)]
        assert part.source.first_line == 1 + text.count("\n", 0, part.source.offset)
    lines = text.split("\n")
    report = report_on(source, selection=everything())
    for finding in report.findings:
        assert 1 <= finding.line <= finding.end_line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
        assert finding.length >= 1
        assert report.lines[finding.file, finding.line] == lines[finding.line - 1].rstrip("\r")


BOUNDED = settings(max_examples=150, deadline=10_000, suppress_health_check=[HealthCheck.too_slow])


@BOUNDED
@given(st.sampled_from(NAMES), FILES)
def test_files_of_any_runner(name: str, text: str):
    hold(name, text)


@BOUNDED
@given(st.sampled_from(NAMES), mutated())
def test_mutated_examples(name: str, text: str):
    hold(name, text)


@BOUNDED
@given(st.binary(max_size=60))
def test_any_bytes(data: bytes):
    report = report_on(of_bytes("a.sql", data))

    assert report.files == 1
