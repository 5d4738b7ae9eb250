"""What ``migrator lint`` writes: findings in a format, to standard output or a file, piece by piece, and baselines."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from migrator.cli.options import document_begins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from migrator.config import Project
    from migrator.lint.report import Report

_AT_ONCE = 64 << 10
"""Characters written at once: a report of a hundred thousand findings is never held as one text."""


def show(report: Report, form: str, output: Path | None, *, with_unsafe: bool, err: bool) -> None:
    """Write a report in a format, and what there is to say of the run to standard error.

    Args:
        report: what lint found.
        form: name of the format.
        output: a file instead of standard output.
        with_unsafe: whether fixes that do not mean the same count as fixable.
        err: whether standard error takes the place of standard output.
    """
    from migrator.reporting import lint_text

    if not report.files:
        click.echo("no *.sql files there", err=True)
    for first in report.not_in_base[:1]:
        click.echo(f"{len(report.not_in_base)} of the base could not be read, such as {first}", err=True)
    if report.gone_from_baseline:
        gone = "1 entry" if report.gone_from_baseline == 1 else f"{report.gone_from_baseline} entries"
        click.echo(f"{gone} of the baseline found no more: --write-baseline leaves them out", err=True)
    colour = output is None and (sys.stderr if err else sys.stdout).isatty() and "NO_COLOR" not in os.environ
    pieces: Iterator[str]
    if form == "text":
        pieces = (f"{line}\n" for line in lint_text.lines(report, colour=colour, with_unsafe=with_unsafe))
    else:
        pieces = import_module(f"migrator.reporting.lint_{form}").pieces(report)
    if output is not None:
        write(output, (piece.encode(errors="backslashreplace") for piece in pieces))
        click.echo(f"wrote {output}: {lint_text.summary(report)}", err=True)
        return
    if form == "json" and not err:
        document_begins()
    for text in _together(pieces):
        click.echo(text, nl=False, color=colour, err=err)


def _together(pieces: Iterable[str]) -> Iterator[str]:
    held: list[str] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length > _AT_ONCE:
            yield "".join(held)
            held.clear()
            length = 0
    yield "".join(held)


def write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file.

    Raises:
        UsageError: it cannot be written.
    """
    from migrator.errors import UsageError

    try:
        with path.open("wb") as file:
            file.writelines(pieces)
    except OSError as error:
        raise UsageError(f'cannot write "{path}": {error.strerror}') from None


def write_baseline(report: Report, path: Path) -> int:
    """Write a baseline of everything that was found; the exit code."""
    from migrator.lint import baseline

    write(path, [baseline.written(report).encode(errors="backslashreplace")])
    found = "1 finding" if len(report.findings) == 1 else f"{len(report.findings)} findings"
    click.echo(f"wrote {path}: {found}", err=True)
    click.echo(f"next: keep it with the code, and run migrator lint --baseline {path}", err=True)
    return 0


def leave_out_baseline(report: Report, path: Path | None, project: Project) -> None:
    """Take what a baseline lists out of a report.

    Args:
        report: changed in place.
        path: of the baseline; None: the one of the configuration, if it names one.
        project: has the configuration.

    Raises:
        UsageError: the baseline cannot be read.
    """
    from migrator.errors import UsageError
    from migrator.lint import baseline

    if path is None and project.settings.lint.baseline:
        path = project.root / project.settings.lint.baseline
    if path is None:
        return
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        hint = f"write one: migrator lint --write-baseline {path}"
        raise UsageError(f'cannot read baseline "{path}": {reason}', hint=hint) from None
    baseline.leave_out(report, baseline.read(text, str(path)))
