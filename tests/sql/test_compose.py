"""Quoting: what is composed here means the same to the server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.errors import Refused
from migrator.sql.compose import MAX_NAME_BYTES, bounded_name, expression, ident, literal, qualified, type_name

NAMES = [
    "users", "Users", "user", "order", "select", "table", "between", "int", "integer", "varchar", "values",
    "authorization", "verbose", "left", "name", "level", "year", "text", "timestamp", "a b", "quo\"te",
    "semi;colon", "größe", "漢字", "1st", "a$b", "$a", "_x", "x.y", "tab\tbed", "new\nline", "back\\slash",
    "per%cent", "%(x)s", "'", "--", "/*", "null", "coalesce", "xmlparse", "setof", "grouping", "exists", "json",
    "interval", "character", "precision", "x" * 63,
]  # fmt: skip
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: len(name.encode()) <= MAX_NAME_BYTES
)


def test_a_quoted_name_is_the_same_name_on_the_server(session):
    for name in NAMES:
        session.execute(f"CREATE TABLE {qualified('public', name)} ({ident(name)} int)")
        session.query(f"SELECT {ident(name)} AS one FROM {ident(name)} AS t WHERE t.{ident(name)} = {ident(name)}")

    found = session.query(
        "SELECT relname, attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0"
    )
    assert sorted(found) == sorted((name, name) for name in NAMES)


@pytest.mark.parametrize("name", ["users", "_x", "name", "level", "text"])
def test_names_that_need_no_quotes_get_none(name):
    assert ident(name) == name


def test_names_are_quoted_where_the_server_quotes_them(session):
    by_server = session.query(
        "SELECT name, quote_ident(name) AS quoted FROM unnest(%(names)s::text[]) AS t(name)", {"names": NAMES}
    )

    for row in by_server:
        # Words that became keywords after the server's version are quoted as well.
        assert ident(row.name) in {row.quoted, f'"{row.name}"'}
    assert ident("users") == "users"


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 64, "ü" * 32])
def test_names_the_server_would_change_or_refuse_are_refused(name):
    with pytest.raises(Refused):
        ident(name)


def test_qualified():
    assert qualified("public", "users") == "public.users"
    assert qualified(None, "Users") == '"Users"'
    assert qualified("My Schema", "a.b") == '"My Schema"."a.b"'


def test_literals_are_the_same_values_on_the_server_whatever_its_settings(session):
    texts = ["", "it's", "back\\slash", "\\'; DROP TABLE x; --", "größe 🐘", "%", "%s", "new\nline", "$$", "E'x'"]
    for standard in ("on", "off"):
        session.execute(f"SET standard_conforming_strings = {standard}")
        for text in texts:
            assert session.one(f"SELECT {literal(text)}::text AS value").value == text


@pytest.mark.parametrize(("value", "sql"), [(None, "NULL"), (True, "TRUE"), (False, "FALSE"), (42, "42"), (-1, "-1")])
def test_other_literals(value, sql):
    assert literal(value) == sql


def test_a_text_with_nul_is_refused():
    with pytest.raises(Refused):
        literal("a\0b")


@given(names)
def test_a_quoted_name_parses_as_one_name(name):
    assert str(expression(ident(name))) in (ident(name), f'"{name}"', name) or '"' in name


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("lower( name )", "lower(name)"), ("a+1", "a + 1"), ("(SELECT max(x) FROM t)", None), ("a::text || 'ü'", None)],
)
def test_an_expression_is_parsed_and_canonical(text, canonical):
    composed = expression(text)

    assert canonical is None or composed == canonical
    assert expression(composed) == composed


@pytest.mark.parametrize(
    "text",
    [
        "", "1, 2", "1; DROP TABLE users", "1 AS x", "1 FROM users", "a b", "1 WHERE true", "1 --\n; SELECT 2", "*",
        "1 ORDER BY 1", "1 LIMIT 1", "DISTINCT a", "1 UNION SELECT 2", "1 INTO t", "1 FOR UPDATE", ")", "1 /*",
        "a) + (b", "t.*", "1 OFFSET 1", "1 WINDOW w AS (ORDER BY a)",
    ],
)  # fmt: skip
def test_what_is_not_one_expression_is_refused(text):
    with pytest.raises(Refused):
        expression(text)


@pytest.mark.parametrize(
    "text",
    ["text", "numeric(10, 2)[]", "timestamp with time zone", "public.mood", 'my."Type"', "varchar(20)", "int[][]"],
)
def test_types(text):
    assert type_name(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "text, 1", "text; SELECT 1", "text FROM users", "text AS x", "text)", "text || 'x'", "int) + (1", "text -- x",
     "text::int", "text COLLATE \"C\"", "1"],
)  # fmt: skip
def test_what_is_not_a_type_is_refused(text):
    with pytest.raises(Refused):
        type_name(text)


@given(st.lists(names, min_size=1, max_size=4), st.lists(names, min_size=1, max_size=4))
def test_bounded_names_fit_and_are_the_same_at_every_run(parts, over):
    name = bounded_name(*parts, over=tuple(over))

    assert len(name.encode()) <= MAX_NAME_BYTES
    assert name == bounded_name(*parts, over=tuple(over))
    ident(name)


def test_bounded_names_that_would_be_cut_alike_differ():
    long = "a" * 70
    made = {bounded_name("sync", long, over=("public", "t", f"{long}{number}")) for number in range(1000)}

    assert len(made) == 1000


def test_bounded_names_know_where_one_part_ends():
    assert bounded_name("x", over=("a", "bc")) != bounded_name("x", over=("ab", "c"))


def test_a_letter_of_several_bytes_is_not_cut_in_half():
    name = bounded_name("ü" * 40, over=("x",))

    assert "\ufffd" not in name
    assert len(name.encode()) <= MAX_NAME_BYTES
