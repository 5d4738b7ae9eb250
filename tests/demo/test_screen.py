"""Text for terminals and pipes."""

from __future__ import annotations

import io

import pytest

from migrator.demo.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_output_of_a_command_is_whole_and_fits_the_screen():
    stream = io.StringIO()
    words = " ".join(f"word{number}" for number in range(60))

    Screen(stream).output(f"first\n    DETAIL: {words}\nlast")

    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(stream.getvalue().split()) == f"first DETAIL: {words} last"
    assert lines[1].startswith("      DETAIL: word0")
    assert lines[2].startswith("        word")


def test_a_line_that_fits_is_not_touched():
    stream = io.StringIO()

    Screen(stream).output("    1 | ALTER  TABLE\n      | ^^^^^")

    assert stream.getvalue() == "      1 | ALTER  TABLE\n        | ^^^^^\n"


def test_colours_are_for_terminals_only(monkeypatch: pytest.MonkeyPatch):
    def shown(stream: io.StringIO) -> str:
        screen = Screen(stream)
        screen.heading("title")
        screen.figures("numbers", good=False)
        return stream.getvalue()

    assert "\x1b[" in shown(Terminal())
    assert "\x1b[" not in shown(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in shown(Terminal())


def test_numbers_in_a_table_are_aligned_to_the_right():
    stream = io.StringIO()

    Screen(stream).table(("", "ops"), [("before", "5"), ("after", "12,345")])

    assert stream.getvalue().splitlines() == ["             ops", "  before       5", "  after   12,345"]
