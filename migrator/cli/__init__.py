"""The command line: ``main`` is the entry point; each command is one file, imported only when it is called.

``migrator --help`` must be instant, so the commands stand in a table with their one line of help, and nothing but click
is imported to show it. A command's return value is its exit code (None: 0); every ``MigratorError`` it raises is shown
and becomes the exit code of its class.
"""

# ruff: noqa: E402 - what is imported below is among what is searched for cycles
from __future__ import annotations

import gc

# New objects between two searches for cycles. Importing makes tens of thousands that stay: 75 searches by default, 20
# of them, which take 4 ms, before `main` begins.
gc.set_threshold(50_000)

import atexit
import contextlib
import itertools
import os
import re
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

import click

from migrator import __version__
from migrator.errors import Interrupted, MigratorError, UsageError, all_error_classes

_SIGPIPE_EXIT = 141
"""What a shell reports for a program that was ended by SIGPIPE (128 + 13)."""


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A command as ``--help`` shows it.

    Attributes:
        target: ``module:attribute`` of the click command.
        summary: one line of help, no full stop.
        section: heading it stands under.
    """

    target: str
    summary: str
    section: str


def _entry(name: str, section: str, summary: str) -> CommandEntry:
    return CommandEntry(f"migrator.cli.{name}:command", summary, section)


COMMANDS: dict[str, CommandEntry] = {
    "init": _entry("init", "Author", "set up a project: configuration and a folder for migrations"),
    "new": _entry("new", "Author", "split schema changes into safe phases and write the files"),
    "level": _entry("level", "Author", "the level that code of this checkout has, for its release"),
    "renumber": _entry("renumber", "Author", "move a migration that came late above all others"),
    "plan": _entry("plan", "Author", "show every step: SQL, lock, whom it blocks, undo"),
    "lint": _entry("lint", "Author", "find what breaks running code, blocks production or loses data"),
    "manifest": _entry("manifest", "Author", "write which tables and columns a release uses, from its models"),
    "lsp": _entry("lsp", "Author", "serve an editor: diagnostics, locks on hover, quick fixes"),
    "expand": _entry("expand", "Ship", "add the new shape; before the new code is deployed"),
    "backfill": _entry("backfill", "Ship", "move the data in small batches; resumable"),
    "gate": _entry("gate", "Ship", "who still runs old code, and the command that clears it"),
    "contract": _entry("contract", "Ship", "remove the old shape, once no running code needs it"),
    "advance": _entry("advance", "Ship", "expand, backfill and contract as far as it may go now"),
    "rollback": _entry("rollback", "Ship", "undo a migration that is not contracted"),
    "status": _entry("status", "Watch", "every migration: phase, progress, who blocks"),
    "stats": _entry("stats", "Watch", "how large and how busy each table is; lint weighs by it"),
    "explain": _entry("explain", "Learn", "the page of a lint rule, a change kind or an exit code"),
    "demo": _entry("demo", "Learn", "play the whole story on an embedded PostgreSQL, under load"),
}


@dataclass(slots=True)
class Invocation:
    """One run of the program, reachable from commands as click's ``obj``.

    Attributes:
        document_written: whether the one JSON document that stdout may hold is there already.
    """

    document_written: bool = False


class LazyGroup(click.Group):
    """A group whose commands are imported when called, shown in sections, with the exit codes at the end."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None if there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, attribute = entry.target.split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a misspelt command names its nearest neighbour."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
            hint = f'did you mean "migrator {near[0]}"?' if near else 'all commands: "migrator --help"'
            raise UsageError(f'there is no command "{name}"', hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """One list per section, from the table alone."""
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            rows = [(name, entry.summary) for name, entry in COMMANDS.items() if entry.section == section]
            with formatter.section(section):
                formatter.write_dl(rows, col_max=12)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The exit codes, from the classes that carry them."""
        codes = {0: "done, clean or passed"}
        for error_class in all_error_classes()[1:]:
            codes[error_class.exit_code] = _first_clause(error_class.__doc__ or "")
        codes[MigratorError.exit_code] = "a bug in migrator"
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in sorted(codes.items())], col_max=12)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, "--version", prog_name="migrator", message="%(prog)s %(version)s")
def command() -> None:
    """Change the schema of a PostgreSQL database while old and new code run against it.

    \b
    Author a change, ship it in phases, remove the old shape when none needs it:
      migrator new "rename users.name" --sql "ALTER TABLE users RENAME COLUMN name TO full_name"
      migrator expand
      migrator backfill
      migrator contract
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit.

    Args:
        arguments: without the program's name; default: those of the process.
    """
    code = run(sys.argv[1:] if arguments is None else arguments)
    if arguments is None and threading.active_count() == 1:
        _leave(code)
    gc.freeze()  # all of it goes with the process: the interpreter need not look for cycles in it before
    sys.exit(code)


def _leave(code: int) -> NoReturn:
    """End the process without taking apart what goes with it: 20 ms of 120 of a command that does nothing else."""
    atexit._run_exitfuncs()  # noqa: SLF001 - os._exit passes over them
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: it was closed before the start
        with contextlib.suppress(OSError):  # a full disk was reported already
            if not stream.closed:
                stream.flush()
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the program; its exit code. Errors are shown on stderr, with ``--json`` also as a document on stdout."""
    invocation = Invocation()
    try:
        code = _invoke(arguments, invocation)
        if sys.stdout is not None and not sys.stdout.closed:  # before the start, or by a server that ended
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough. The interpreter's last flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _SIGPIPE_EXIT
    except MigratorError as error:
        return _fail(error, arguments, invocation)
    except click.ClickException as error:
        return _fail(_as_usage_error(error), arguments, invocation)
    except (KeyboardInterrupt, click.Abort):
        hint = "run the same command again: it continues where it stopped"
        return _fail(Interrupted("interrupted", hint=hint), arguments, invocation)
    except Exception as error:
        # The last resort: users never see a traceback they did not ask for.
        if os.environ.get("MIGRATOR_DEBUG"):
            raise
        bug = MigratorError(
            f"a bug in migrator {__version__}: {type(error).__name__}: {error}",
            hint="run again with MIGRATOR_DEBUG=1 to see the traceback, and report it; state in the database is kept",
        )
        return _fail(bug, arguments, invocation)
    return code


def _invoke(arguments: Sequence[str], invocation: Invocation) -> int:
    if not arguments:
        # An empty variable in a script must not look like success.
        click.echo(command.get_help(click.Context(command, info_name="migrator", **command.context_settings)), err=True)
        return UsageError.exit_code
    try:
        with command.make_context("migrator", list(arguments), obj=invocation) as context:
            result = command.invoke(context)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    return result if isinstance(result, int) else 0


def _first_clause(docstring: str) -> str:
    clause = re.split(r"[.;:]", docstring, maxsplit=1)[0]
    return clause[:1].lower() + clause[1:]


def _as_usage_error(error: click.ClickException) -> UsageError:
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "migrator"
    return UsageError(message[:1].lower() + message[1:], hint=f'"{path} --help" shows how to use it')


def _fail(error: MigratorError, arguments: Sequence[str], invocation: Invocation) -> int:
    if "[[tool.migrator." in error.render():
        from migrator.config import in_own_words

        error.detail = in_own_words(error.detail) if error.detail else None
        error.hint = in_own_words(error.hint) if error.hint else None
    click.echo(error.render(), err=True)
    if _wants_json(arguments) and not invocation.document_written:
        import json

        facts = {key: getattr(error, key) for key in ("message", "detail", "hint", "at")}
        document = {"schema_version": 1, "error": {"exit_code": error.exit_code, **facts}}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    return error.exit_code


def _wants_json(arguments: Sequence[str]) -> bool:
    options = list(arguments)
    if "--" in options:
        options = options[: options.index("--")]
    return (
        "--json" in options
        or "--format=json" in options
        or any(pair == ("--format", "json") for pair in itertools.pairwise(options))
    )
