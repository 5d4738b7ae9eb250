"""The entry point: help, typos, errors, exit codes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator

import click
import pytest

from migrator import __version__, cli
from migrator.cli import options
from migrator.errors import GateBlocked, MigratorError, StatementFailed, all_error_classes

HEAVY = ("sqlalchemy", "alembic", "psycopg", "rich", "postgast", "msgspec", "asyncio", "mako", "tenacity", "google")


@pytest.fixture
def throwaway(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., object]], None]:
    """Makes a function the command ``throwaway``."""

    def install(function: Callable[..., object]) -> None:
        module = type(sys)("throwaway_command")
        module.command = click.command("throwaway")(options.json_option(function))
        monkeypatch.setitem(sys.modules, "throwaway_command", module)
        monkeypatch.setitem(
            cli.COMMANDS, "throwaway", cli.CommandEntry("throwaway_command:command", "for a test", "Learn")
        )

    return install


def migrator(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from migrator.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_help_imports_no_command_and_nothing_heavy():
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "from migrator.cli import main; main()", "--help"],
        capture_output=True,
        text=True,
    )

    imported = {line.rsplit("|", 1)[1].strip() for line in result.stderr.splitlines() if line.startswith("import time")}
    assert result.returncode == 0
    assert "click" in imported
    assert {name for name in imported if name.split(".")[0] in HEAVY} == set()
    assert {name for name in imported if name.startswith("migrator.")} == {"migrator.cli", "migrator.errors"}


def test_help_shows_every_command_in_its_section_and_the_exit_codes_last():
    shown = migrator("--help").stdout

    assert [line for line in shown.splitlines() if re.fullmatch(r"\w[\w ]*:", line)] == [
        "Options:", "Author:", "Ship:", "Watch:", "Learn:", "Exit codes:",
    ]  # fmt: skip
    for name in cli.COMMANDS:
        assert re.search(rf"^  {name}  ", shown, re.MULTILINE)
    codes = shown.split("Exit codes:")[1]
    for error_class in all_error_classes():
        assert re.search(rf"^  {error_class.exit_code} ", codes, re.MULTILINE)


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_has_help_with_a_worked_example(name: str):
    result = migrator(name, "--help")

    assert result.returncode == 0, result.stderr
    assert f"migrator {name}" in result.stdout.split("\n", 1)[1]


def test_version():
    assert migrator("--version").stdout == f"migrator {__version__}\n"


def _all_commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _all_commands(found, (*path, name))


@pytest.mark.parametrize("path", list(_all_commands(cli.command)), ids=" ".join)
def test_the_prose_of_help_fits_a_terminal(path: tuple[str, ...], capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run([*path, "--help"]) == 0

    # what is indented deeper is to be copied, and stays as it is
    prose = re.compile(r"(?=.{81})( {2})?\S")
    assert [line for line in capsys.readouterr().out.splitlines() if prose.match(line)] == []


def test_no_command_shows_the_help_and_is_not_success():
    result = migrator()

    assert (result.returncode, result.stdout) == (2, "")
    assert "Exit codes:" in result.stderr


def test_a_misspelt_command_names_the_nearest_one():
    result = migrator("expnad")

    assert result.returncode == 2
    assert result.stderr == 'error: there is no command "expnad"\n  HINT: did you mean "migrator expand"?\n'


def test_a_command_unlike_any_other_points_to_the_help():
    result = migrator("zzz")

    assert result.returncode == 2
    assert 'HINT: all commands: "migrator --help"' in result.stderr


def test_an_unknown_option_is_a_usage_error():
    result = migrator("--frobnicate")

    assert result.returncode == 2
    assert "--frobnicate" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_command_returns_its_exit_code(throwaway, capsys):
    throwaway(lambda as_json: 1)
    assert cli.run(["throwaway"]) == 1
    assert cli.run(["--version"]) == 0


@pytest.mark.parametrize("error_class", all_error_classes())
def test_an_error_becomes_its_exit_code_and_is_shown_on_stderr(throwaway, capsys, error_class: type[MigratorError]):
    def fail(as_json: bool) -> None:
        raise error_class("something", detail="facts", hint="do this", at="a.sql:3")

    throwaway(fail)

    assert cli.run(["throwaway"]) == error_class.exit_code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "error: something\n  at: a.sql:3\n  DETAIL: facts\n  HINT: do this\n"


def test_an_error_is_one_json_document_for_machines(throwaway, capsys):
    def fail(as_json: bool) -> None:
        raise GateBlocked("closed", hint="wait")

    throwaway(fail)

    assert cli.run(["throwaway", "--json"]) == 10
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "schema_version": 1,
        "error": {"exit_code": 10, "message": "closed", "detail": None, "hint": "wait", "at": None},
    }
    assert shown.err.startswith("error: closed\n")


def test_a_command_that_wrote_its_document_before_failing_does_not_get_a_second_one(throwaway, capsys):
    def fail(as_json: bool) -> None:
        options.emit_json({"verdict": "BLOCK"})
        raise GateBlocked("closed")

    throwaway(fail)

    assert cli.run(["throwaway", "--json"]) == 10
    assert json.loads(capsys.readouterr().out) == {"schema_version": 1, "verdict": "BLOCK"}


def test_a_wrong_option_with_json_is_a_document_too(throwaway, capsys):
    throwaway(lambda as_json: None)

    assert cli.run(["throwaway", "--json", "--nope"]) == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["exit_code"] == 2
    assert 'HINT: "migrator throwaway --help" shows how to use it' in shown.err


def test_a_bug_is_exit_70_without_a_traceback(throwaway, capsys, monkeypatch):
    monkeypatch.delenv("MIGRATOR_DEBUG", raising=False)

    def fail(as_json: bool) -> None:
        raise ZeroDivisionError("division by zero")

    throwaway(fail)

    assert cli.run(["throwaway"]) == 70
    shown = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in shown
    assert "MIGRATOR_DEBUG=1" in shown
    assert "Traceback" not in shown


def test_a_bug_shows_its_traceback_when_asked(throwaway, monkeypatch):
    monkeypatch.setenv("MIGRATOR_DEBUG", "1")

    def fail(as_json: bool) -> None:
        raise ZeroDivisionError

    throwaway(fail)

    with pytest.raises(ZeroDivisionError):
        cli.run(["throwaway"])


def test_an_interrupt_says_that_running_again_continues(throwaway, capsys):
    def fail(as_json: bool) -> None:
        raise KeyboardInterrupt

    throwaway(fail)

    assert cli.run(["throwaway"]) == 130
    assert "run the same command again: it continues where it stopped" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error():
    script = (
        "import sys, types, click; from migrator import cli\n"
        "module = types.ModuleType('loud')\n"
        "@click.command()\n"
        "def command():\n"
        "    for _ in range(100_000): click.echo('a long line of output')\n"
        "module.command = command; sys.modules['loud'] = module\n"
        "cli.COMMANDS['loud'] = cli.CommandEntry('loud:command', '', 'Learn')\n"
        "cli.main(['loud'])\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize("thread", [False, True], ids=["alone", "beside a thread"])
def test_what_is_left_to_do_at_the_end_is_done(thread):
    script = (
        "import atexit, sys, threading, time; from migrator.cli import main\n"
        "atexit.register(print, 'last words')\n"
        "def late(): time.sleep(0.05); print('a thread ended')\n"
        f"if {thread}: threading.Thread(target=late).start()\n"
        "sys.stdout.write('first words '); main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script, "lint", "--nonsense"], capture_output=True, text=True)

    assert done.returncode == 2
    assert done.stdout == "first words " + "a thread ended\n" * thread + "last words\n"
    assert "--nonsense" in done.stderr


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>/dev/full"])
def test_an_output_that_cannot_be_written_ends_without_a_traceback(closed):
    command = shlex.join([sys.executable, "-c", "from migrator.cli import main; main()", "--version"])
    done = subprocess.run(["sh", "-c", f"{command} {closed}"], capture_output=True, text=True)

    assert done.returncode == (70 if "full" in closed else 0)
    assert "Traceback" not in done.stderr


def test_a_statement_failure_keeps_the_server_facts(throwaway, capsys):
    def fail(as_json: bool) -> None:
        raise StatementFailed("column does not exist", detail="statement: SELECT x\nLINE 1")

    throwaway(fail)

    assert cli.run(["throwaway"]) == 4
    assert capsys.readouterr().err == "error: column does not exist\n  DETAIL: statement: SELECT x\n    LINE 1\n"


def test_the_package_runs_as_a_module():
    result = subprocess.run([sys.executable, "-m", "migrator", "--version"], capture_output=True, text=True)

    assert (result.returncode, result.stdout) == (0, f"migrator {__version__}\n"), result.stderr
