"""Scripts to statements with positions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.sql.parser import SqlSyntaxError, deparse, deparse_expression, parse_script, pb, position, unwrap, walk


def test_statements_have_their_text_and_place():
    script = parse_script("SELECT 1;\n\n  CREATE TABLE t (\n    id int\n  ) ;\nSELECT 2", "a.sql")

    assert [(s.text, s.kind, s.line, s.column, s.end_line) for s in script.statements] == [
        ("SELECT 1", "select_stmt", 1, 1, 1),
        ("CREATE TABLE t (\n    id int\n  )", "create_stmt", 3, 3, 5),
        ("SELECT 2", "select_stmt", 6, 1, 6),
    ]
    for statement in script.statements:
        assert script.source[statement.offset :].startswith(statement.text)


def test_characters_are_counted_and_not_bytes():
    script = parse_script("SELECT 'größe 漢字 🐘'; SELECT 'x', unbekannt -- ü\n;  SELECT 3")

    assert [(s.text, s.line, s.column) for s in script.statements] == [
        ("SELECT 'größe 漢字 🐘'", 1, 1),
        ("SELECT 'x', unbekannt", 1, 22),
        ("SELECT 3", 2, 4),
    ]
    column = next(node for node in walk(script.statements[1].node) if isinstance(node, pb.ColumnRef))
    assert script.position_of(column.location) == (1, 34)


def test_comments_belong_to_the_statement_they_precede_or_are_in():
    script = parse_script(
        "-- first\nSELECT 1 /* inside */ + 1; -- behind it\n/* multi\n   line */\nSELECT 2\n-- at the end\n"
    )

    first, second = script.statements
    assert [comment.body for comment in first.comments] == ["first", "inside"]
    assert [(comment.body, comment.line) for comment in second.comments] == [("behind it", 2), ("multi\n   line", 3)]
    assert [comment.body for comment in script.comments][-1] == "at the end"
    assert first.text == "SELECT 1 /* inside */ + 1"
    assert first.line == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n \t"])
@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT /* one */ 1", "SELECT 'ä -- no comment'"])
def test_lines_of_comments_above_a_statement_are_the_same_whatever_stands_in_it(end, statement):
    script = parse_script(f"-- é first{end}{statement};; --second; {end} --{end}{statement} -- last")

    one, two = script.statements
    assert [one.text, two.text] == [statement, statement]
    assert [each.text for each in one.comments if each.text[1] == "-"] == ["-- é first"]
    assert [each.text for each in two.comments if each.text[1] == "-"] == ["--second; ", "--"]
    assert script.comments[-1].text == "-- last"
    for each in script.comments:
        assert script.source.startswith(each.text, each.offset)
        assert each.line == script.source.count("\n", 0, each.offset) + 1
    assert two.line == script.source.count("\n", 0, two.offset) + 1


def test_comment_marks_in_strings_are_no_comments():
    script = parse_script("SELECT '-- no', $$ /* no */ $$, \"--no\" FROM t")

    assert script.comments == ()


def test_dollar_quoted_bodies_are_not_split():
    script = parse_script("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $x$ SELECT 1; SELECT 2; $x$; SELECT 3")

    assert [s.kind for s in script.statements] == ["create_function_stmt", "select_stmt"]


@pytest.mark.parametrize("text", ["", "   \n", ";", ";;\n;", "-- only a comment\n", "/* c */;"])
def test_nothing_is_no_statement(text):
    assert parse_script(text).statements == ()


def test_empty_statements_between_others_are_left_out():
    assert [s.text for s in parse_script(";;SELECT 1;; ;SELECT 2;;").statements] == ["SELECT 1", "SELECT 2"]


def test_windows_line_ends():
    script = parse_script("SELECT 1;\r\nSELECT 2;\r\n")

    assert [(s.text, s.line, s.column) for s in script.statements] == [("SELECT 1", 1, 1), ("SELECT 2", 2, 1)]


def test_only_line_feeds_end_a_line():
    script = parse_script("SELECT 1;\f SELECT '\u2028';\v SELECT 2;\nSELECT 3")

    assert [(s.line, s.column) for s in script.statements] == [(1, 1), (1, 12), (1, 25), (2, 1)]
    with pytest.raises(SqlSyntaxError) as refused:
        parse_script("SELECT '\u2028'; \fSELECT FORM,;\nSELECT 1")
    assert (refused.value.line, refused.value.source_line) == (1, "SELECT '\u2028'; \fSELECT FORM,;")


def test_a_syntax_error_has_line_column_and_caret():
    with pytest.raises(SqlSyntaxError) as refused:
        parse_script("SELECT 1;\nALTER TABEL users ADD x int;\n", "m/expand.sql")

    error = refused.value
    assert (error.line, error.column, error.exit_code) == (2, 7, 1)
    assert error.render() == (
        'error: syntax error at or near "TABEL"\n'
        "  at: m/expand.sql:2:7\n"
        "  2 | ALTER TABEL users ADD x int;\n"
        "            ^"
    )


def test_the_caret_stands_under_the_word_after_tabs_and_other_letters():
    with pytest.raises(SqlSyntaxError) as refused:
        parse_script("\tSELECT 'größe' FORM t")

    _, _, line, caret = refused.value.render().splitlines()
    assert line[caret.index("^")] == "t"
    assert caret[: caret.index("^")].count("\t") == 1


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("SELECT (1", 1, 10),
        ("SELECT 'open", 1, 8),
        ("SELECT 1;\nSELECT $$ open", 2, 8),
        ("SELECT 1 /* open", 1, 10),
        ('SELECT "" FROM t', 1, 8),
        ("SELECT 1;\n\nSELECT (\n  1,\n", 4, 5),
    ],
)
def test_what_is_left_open_is_a_syntax_error_in_its_place(text, line, column):
    with pytest.raises(SqlSyntaxError) as refused:
        parse_script(text)

    assert (refused.value.line, refused.value.column) == (line, column)
    assert refused.value.source_line == text.splitlines()[line - 1]


def test_a_nul_character_is_refused():
    # The parser's text would end there, and what follows would be passed over.
    with pytest.raises(SqlSyntaxError) as refused:
        parse_script("SELECT 1;\n\0DROP TABLE users")

    assert (refused.value.line, refused.value.column) == (2, 1)


@given(st.text())
def test_any_text_parses_or_is_refused_in_a_place_that_exists(text):
    try:
        script = parse_script(text)
    except SqlSyntaxError as error:
        refused = error
    else:
        for statement in script.statements:
            assert text[statement.offset :].startswith(statement.text)
        return
    assert 1 <= refused.line <= text.count("\n") + 1
    assert refused.render()


@given(st.lists(st.sampled_from(["SELECT 'ä'", "UPDATE t SET a = 1 WHERE b = '🐘'", "-- ü\nSELECT 1", "TABLE x"])))
def test_a_script_of_statements_is_found_whole(texts):
    script = parse_script(";\n".join(texts))

    assert [s.text for s in script.statements] == [text.removeprefix("-- ü\n") for text in texts]
    for statement in script.statements:
        assert (statement.line, statement.column) == position(script.source, statement.offset)


def test_deparse_is_the_canonical_form():
    (statement,) = parse_script('alter   table Users add column  "Name" text').statements

    assert deparse(statement.kind, statement.node) == 'ALTER TABLE users ADD COLUMN "Name" text'


def test_deparse_of_an_expression():
    (statement,) = parse_script("SELECT a+b*(c)").statements

    assert deparse_expression(unwrap(statement.node.target_list[0]).val) == "a + (b * c)"
