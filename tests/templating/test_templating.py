"""Templates: no value without a filter, no name that is not given, no way out of quotes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator import templating
from migrator.errors import MigratorError, Refused
from migrator.sql.compose import Sql, dollar_quoted
from migrator.sql.parser import parse_script, unwrap
from migrator.templating import comment, render, sql, templates_folder, toml


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a template of a text and renders it."""

    def rendered(text: str, **values: object) -> str:
        (tmp_path / "t.mako").write_text(text, encoding="utf-8")
        monkeypatch.setattr(templating, "templates_folder", lambda: tmp_path)
        templating._lookup.cache_clear()
        return render("t.mako", **values)

    yield rendered
    templating._lookup.cache_clear()


@pytest.mark.parametrize("expression", ["${x}", "${ x }", "${x|h}", "${x|ident,trim}", "${x.ident}", "${'|ident' + x}"])
def test_an_expression_without_one_of_our_filters_is_refused(template, expression: str):
    with pytest.raises(MigratorError, match="names no filter"):
        template(f"SELECT {expression}", x="1")


def test_each_filter_does_what_it_says(template):
    text = "${a|ident} ${a|literal} ${b|sql} ${a|comment} ${a|toml} ${c|field} ${d|ident}"

    shown = template(text, a="x\"'\n", b=Sql("now()"), c="if", d="if")

    assert shown == '"x""\'\n" \'x"\'\'\n\' now() x"\' "x\\"\'\\n" "if" if'


def test_a_name_that_is_not_given_is_an_error(template):
    with pytest.raises(NameError):
        template("${missing|ident}")


def test_text_not_known_to_be_sql_is_refused_where_sql_is_wanted(template):
    with pytest.raises(MigratorError, match="not known to be SQL"):
        template("${x|sql}", x="now()")
    with pytest.raises(MigratorError, match="not known to be SQL"):
        sql(None)


def test_every_shipped_template_compiles():
    names = [path.relative_to(templates_folder()) for path in templates_folder().rglob("*.mako")]

    assert len(names) > 20
    for name in names:
        templating._lookup().get_template(name.as_posix())


def test_a_comment_stays_on_its_line():
    assert comment("a\nb\r\n\tc\x0bd") == "a b c d"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_toml_string_comes_back_unchanged(text: str):
    assert tomllib.loads(f"x = {toml(text)}") == {"x": text}


@pytest.mark.parametrize("value", ["", "a", 3, True, ["a", "b"], [], '\x7f\x00\\"'])
def test_toml_values(value: object):
    assert tomllib.loads(f"x = {toml(value)}") == {"x": value}


@given(st.text(st.sampled_from("$migrator_12 \n'\"")))
def test_a_function_body_ends_where_it_should(body: str):
    (statement,) = parse_script(f"DO {dollar_quoted(body)}").statements

    assert unwrap(unwrap(statement.node.args[0]).arg).sval == body


@pytest.mark.parametrize(
    ("body", "tag"),
    [("BEGIN END", "$migrator$"), ("'$migrator$'", "$migrator_1$"), ("$migrator$ $migrator_1$", "$migrator_2$")],
)
def test_the_tag_is_one_that_does_not_occur(body: str, tag: str):
    assert dollar_quoted(body) == f"{tag}{body}{tag}"


@pytest.mark.parametrize("name", ["", "a\0b", "n" * 64])
def test_a_name_no_object_can_have_is_refused(template, name: str):
    with pytest.raises(Refused):
        template("${x|ident}", x=name)
