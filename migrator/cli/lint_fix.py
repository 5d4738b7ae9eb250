"""``migrator lint --fix`` and ``--diff``."""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from migrator.config import Project
    from migrator.lint.fixing import Fixed
    from migrator.lint.report import Report
    from migrator.model.plan import Migration

STDIN = "stdin"
"""How standard input is named in findings."""


def require_possible(*, diff: bool, form: str, dialect: str, traced: bool, write_baseline: bool) -> None:
    """Refuse options that do not go with ``--fix`` or ``--diff``.

    Raises:
        UsageError: there is one.
    """
    from migrator.errors import UsageError

    given = "--diff" if diff else "--fix"
    if dialect != "postgresql":
        raise UsageError(f"{given} rewrites files for PostgreSQL only", hint=f"leave it out with --dialect {dialect}")
    if traced:
        raise UsageError(f"{given} does not go with --trace and --app-sql", hint="fix first, then trace")
    if diff and form != "text":
        raise UsageError(f"--diff shows a diff, not {form}", hint="leave out --format; -o writes the diff to a file")
    if diff and write_baseline:
        raise UsageError("--diff does not go with --write-baseline, which lists what is left after --fix")


class Migrations:
    """Where statements can be moved to: the project's folder, with the database if the environment names one."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._folder = project.migrations
        self._takes_any = not project.keeps_revisions

    def takes(self, title: str, statement: str) -> bool:
        """Whether a migration could be made of a statement; nothing is written."""
        from migrator.errors import Refused

        if not self._takes_any:
            return False
        try:
            with tempfile.TemporaryDirectory() as folder:
                self._create(title, statement, Path(folder))
        except Refused:
            return False
        return True

    def add(self, title: str, statement: str) -> Migration:
        """Write a migration of one statement.

        Raises:
            Refused: the statement is of no kind that can be split, or not on this schema.
        """
        return self._create(title, statement, self._folder)

    def _create(self, title: str, statement: str, folder: Path) -> Migration:
        from datetime import UTC, datetime

        from migrator.authoring.new import create
        from migrator.cli.options import project_database
        from migrator.planning.folders import load_all
        from migrator.sql.parser import parse_script

        project = self._project
        database = project_database(project, None, None, "new")
        with contextlib.ExitStack() as stack:
            return create(
                title,
                parse_script(statement),
                folder=folder,
                existing=load_all(self._folder) if project.has_folder else [],
                project=project.settings.project,
                session=stack.enter_context(database.connect("new")) if database else None,
                now=datetime.now(UTC),
            ).migration


def fixed(
    lint: Callable[[Mapping[str, bytes]], Report], stdin: bytes | None, migrations: Migrations, *, with_unsafe: bool
) -> Fixed:
    """Apply fixes in memory.

    Args:
        lint: lints everything, with the bytes given in the place of files.
        stdin: what came from standard input, if it is linted.
        migrations: where statements may be moved to.
        with_unsafe: also those that do not mean the same.
    """
    from migrator.lint.fixing import fix

    def read(name: str) -> bytes:
        return stdin if name == STDIN and stdin is not None else Path(name).read_bytes()

    return fix(lint, read, with_unsafe=with_unsafe, may_move=migrations.takes)


def write(result: Fixed, stdin: bytes | None, migrations: Migrations) -> None:
    """Write new migrations and the files, and standard input to standard output, edited or not; say what was done.

    Raises:
        Refused: a migration cannot be written.
        UsageError: a file cannot be written, or was changed by somebody else meanwhile.
    """
    for _, title, statement in result.moved:
        migration = migrations.add(title, statement)
        click.echo(f"wrote {os.path.relpath(migration.folder)}/  level {migration.level}", err=True)
    if result.moved:
        click.echo(
            "next: review them; with a database, migrator new --refresh ID reads what the files do not tell", err=True
        )
    for name, data in result.after.items():
        if not (name == STDIN and stdin is not None):
            _replace(Path(name), result.before[name], data)
    if stdin is not None:
        click.echo(result.after.get(STDIN, stdin), nl=False)
    _say("fixed", result)


def diff(result: Fixed) -> bytes:
    """A unified diff of everything that would be written, as ``git apply`` takes it."""
    result_lines: list[bytes] = []
    for name, data in result.after.items():
        path = name.replace("\\", "/").encode()
        lines = difflib.diff_bytes(
            difflib.unified_diff, _lines(result.before[name]), _lines(data), b"a/" + path, b"b/" + path
        )
        result_lines += (line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in lines)
    _say("would fix", result)
    return b"".join(result_lines)


def _lines(data: bytes) -> list[bytes]:
    """Its lines with what ends them; a carriage return alone ends none."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _say(did: str, result: Fixed) -> None:
    number, files = result.codes.total(), len(result.after)
    if number:
        codes = ", ".join(f"{code} ({count})" if count > 1 else code for code, count in sorted(result.codes.items()))
        findings = "1 finding" if number == 1 else f"{number:,} findings"
        places = "1 file" if files == 1 else f"{files:,} files"
        click.echo(f"{did} {findings} in {places}: {codes}", err=True)
    else:
        click.echo(f"{did} nothing", err=True)
    if did != "fixed":
        for name, title, _ in result.moved:
            click.echo(f"would move a statement of {name} to a migration: {title}", err=True)
    for name in sorted(result.broken):
        click.echo(f"the fixes of {name} were taken back: it did not parse any more; please report this", err=True)
    in_python = sum("Python" in finding.unfixed for finding in result.report.findings)
    if in_python:
        left = "1 finding there is" if in_python == 1 else f"{in_python:,} findings there are"
        click.echo(f"revisions of Alembic are not edited: {left} left to do by hand", err=True)


def _replace(path: Path, before: bytes, after: bytes) -> None:
    from migrator.errors import UsageError

    target = path.resolve()
    try:
        if target.read_bytes() != before:
            raise UsageError(f'"{path}" was changed while it was being fixed', hint="run it again")
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(after)
            shutil.copymode(target, temporary)
            Path(temporary).replace(target)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f'cannot write "{path}": {error.strerror}') from None
