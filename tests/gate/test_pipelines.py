"""The page for pipelines says only what the program does."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from migrator import cli
from migrator.errors import all_error_classes
from tests.conftest import CHECKOUT

PAGE = (CHECKOUT / "examples" / "pipelines.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(text.replace("\\\n", " ").partition("  #")[0])
    for text in re.findall(r"^(?:[A-Z_]+=\S+ )?migrator ((?:[^\n\\]|\\\n)+)$", PAGE, re.MULTILINE)
]


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_is_one_with_these_options(words: list[str]) -> None:
    found: click.Command = cli.command
    context = click.Context(found)
    while isinstance(found, click.Group) and words:
        inner = found.get_command(context, words[0])
        if inner is None:
            break
        found, words = inner, words[1:]
    known = {option for parameter in found.params for option in parameter.opts}
    words = [word for word in words if word not in (">", "gate.json")]
    assert {word for word in words if word.startswith("--")} <= known
    if not isinstance(found, click.Group):
        found.make_context("migrator", words)


def test_every_exit_code_is_in_the_table_or_among_the_others() -> None:
    named = {int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    codes = {error_class.exit_code for error_class in all_error_classes()}
    assert named - {0} <= codes
    assert codes - named == {1, 2, 3, 4, 5, 70}


def test_the_pod_failure_policy_covers_every_code_once() -> None:
    lists = [[int(one) for one in text.split(",")] for text in re.findall(r"operator: In, values: \[([\d, ]+)\]", PAGE)]
    values = [value for one in lists for value in one]
    assert sorted(values) == sorted(error_class.exit_code for error_class in all_error_classes())
    assert all(one == sorted(one) for one in lists), "Kubernetes wants them in order"
