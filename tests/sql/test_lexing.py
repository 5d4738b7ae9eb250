"""Long inputs that nobody writes, and that must not stop who checks them: what the server's scanner reads of them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from migrator.lint.sources import Source
from migrator.sql import native, parser
from migrator.sql.lexing import Mark, marks, without_runs
from migrator.sql.parser import SqlSyntaxError, parse_script
from migrator.sql.tokens import tokens
from tests.lint.linting import report_on

MILLION = 1_000_000
_OPERATORS = frozenset("~!@#^&|`?+-*/%<>=")


def characters_read(text: str) -> int:
    """How many the scanner reads: each once, and behind each start of a comment the operators that follow, again."""
    work, following = len(text), 0
    for place in range(len(text) - 1, -1, -1):
        following = following + 1 if text[place] in _OPERATORS else 0
        if text[place : place + 2] == "/*":
            work += following
    return work


NESTED = "/*" * (MILLION // 4) + "*/" * (MILLION // 4)
INPUTS = {
    "nested": f"{NESTED}\nSELECT 1;\n",
    "nested inside a statement": f"SELECT {NESTED} 1;\n",
    "nested and of operators": "/*+-" * (MILLION // 8) + "*/ " * (MILLION // 8) + "\nSELECT 1;\n",
    "never closed": "SELECT 1;\n" + "/*" * (MILLION // 2),
}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What each call of the scanner is given to read; one that would take minutes is not made."""
    found: list[int] = []

    def counted(name: str) -> Any:
        original = getattr(native, name)

        def call(text: str) -> Any:
            found.append(characters_read(text))
            assert found[-1] < 100 * MILLION, f"native.{name} would read {found[-1]:,} characters"
            return original(text)

        return call

    for name in ("parse", "scan"):
        monkeypatch.setattr(native, name, counted(name))
    return found


@pytest.mark.parametrize("text", INPUTS.values(), ids=INPUTS)
def test_a_megabyte_of_nested_comments_is_read_a_few_times(work: list[int], text: str):
    assert characters_read(text) > 10_000 * MILLION
    report = report_on(Source("a.sql", text))

    assert 0 < sum(work) < 20 * MILLION
    closed = "closed" not in next(name for name, each in INPUTS.items() if each == text)
    assert ("SY001" in {each.code for each in report.findings}) is not closed


def test_what_is_said_of_the_text_does_not_change(work: list[int]):
    runs = "/*" * 60 + "é\n" + "*/" * 60
    text = f"-- a\n{runs} SELECT '{'/*' * 60}' /* b */ ;\nSELECT 2 {runs};"

    script = parse_script(text)

    assert [statement.text for statement in script.statements] == [f"SELECT '{'/*' * 60}'", "SELECT 2"]
    assert [comment.text for comment in script.comments] == ["-- a", runs, "/* b */", runs]
    assert [statement.line for statement in script.statements] == [3, 4]
    assert parser.deparse(script.statements[0].kind, script.statements[0].node) == f"SELECT '{'/*' * 60}'"
    assert [token.text for token in tokens(f"SELECT {runs} 1")] == ["SELECT", "1"]
    assert work


def test_an_error_is_at_its_place_behind_such_a_comment():
    runs = "/*" * 60 + "é\n" + "*/" * 60
    with pytest.raises(SqlSyntaxError) as caught:
        parse_script(f"{runs} SELEC 1;")
    assert (caught.value.line, caught.value.column) == (2, 122)
    with pytest.raises(SqlSyntaxError, match="unterminated /\\* comment"):
        parse_script("SELECT 1;" + "/*" * 60)


def test_ordinary_text_is_left_as_it_is():
    text = "/* /* a */ */ SELECT 1 /*===== title =====*/;"
    assert without_runs(text) is text


def test_many_comments_in_a_statement_are_looked_at_once_each():
    """What was there before is asked of the text itself: a copy of it for each comment would be 20 GB."""
    text = "SELECT 1" + " /*x*/" * (MILLION // 6) + ";"

    copied = []

    class Counting(str):
        __slots__ = ()

        def __getitem__(self, key: Any) -> str:
            part = super().__getitem__(key)
            copied.append(len(part))
            return part

    found = [mark for mark in marks(Counting(text)) if mark.mark is Mark.COMMENT]
    assert len(found) == MILLION // 6
    assert all(mark.begun for mark in found)
    assert sum(copied) < 10 * MILLION
    assert len(re.findall("x", text)) == len(found)
