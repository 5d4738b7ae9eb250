"""``migrator lint``."""

from __future__ import annotations

import gc
import sys
from datetime import UTC
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from migrator.cli.options import json_option, load_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from migrator.config import Project
    from migrator.lint.report import Report
    from migrator.lint.selection import Selection
    from migrator.lint.sizes import Sizes
    from migrator.lint.sources import Source
    from migrator.model.manifest import Manifest


FORMATS = ("text", "json", "jsonl", "sarif", "github", "gitlab", "junit", "markdown")
"""Each but text has a ``pieces(report)`` in ``migrator.reporting.lint_NAME``."""


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="How to show it  [default: text].")
@json_option
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to a file, and one line to standard error.",
)
@click.option(
    "--since",
    metavar="GITREF",
    help="Report only files that are new or changed since the branch left GITREF; the others are their history.",
)
@click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Do not report what this file lists  [default: baseline of the configuration].",
)
@click.option(
    "--write-baseline",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write everything that is found now to a baseline, and report nothing.",
)
@click.option(
    "--base",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The schema that is there already, as of pg_dump --schema-only  [default: base of the configuration].",
)
@click.option(
    "--database",
    metavar="URL",
    help="Read the schema that is there already, and its sizes, from a server; or the variable that holds the URL.",
)
@click.option(
    "--stats",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Weigh findings by table sizes that migrator stats wrote  [default: stats of the configuration].",
)
@click.option("--fix", is_flag=True, default=False, help="Write the safe rewrites into the files, show what is left.")
@click.option("--diff", is_flag=True, default=False, help="Show what --fix would write as a diff, and write nothing.")
@click.option(
    "--unsafe-fixes",
    is_flag=True,
    default=False,
    help="With --fix and --diff: also rewrites that do not mean the same; alone: count them as fixable.",
)
@click.option("--exit-zero", is_flag=True, default=False, help="Exit with 0 whatever is found.")
@click.option(
    "--pg-version",
    type=click.IntRange(14, 30),
    default=None,
    help="Major version of the oldest server in use  [default: from the configuration, 14].",
)
@click.option(
    "--dialect",
    type=click.Choice(["postgresql", "mysql", "mariadb", "sqlite"]),
    default=None,
    help="What the files are written for; others than PostgreSQL less exactly  [default: from the configuration].",
)
@click.option(
    "--phase",
    type=click.Choice(["expand", "backfill", "contract", "rollback"]),
    default=None,
    help="Judge every file as this phase  [default: by the name of the file in a migration folder].",
)
@click.option("--trace", is_flag=True, default=False, help="Run the files on a scratch server and show what they do.")
@click.option(
    "--app-sql",
    "app_sql",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Statements of the running version, tried on a scratch server before and after; may be repeated.",
)
@click.option(
    "--manifest",
    "manifests",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What a release uses, from migrator manifest; may be repeated  [default: manifests of the configuration].",
)
def command(
    paths: tuple[Path, ...],
    form: str,
    as_json: bool,
    output: Path | None,
    since: str | None,
    baseline: Path | None,
    write_baseline: Path | None,
    base: Path | None,
    database: str | None,
    stats: Path | None,
    fix: bool,
    diff: bool,
    unsafe_fixes: bool,
    exit_zero: bool,
    pg_version: int | None,
    dialect: str | None,
    phase: str | None,
    trace: bool,
    app_sql: tuple[Path, ...],
    manifests: tuple[Path, ...],
) -> int:
    """Find what breaks running code, blocks production or loses data, at the line, with what to write instead.

    PATHS are SQL files, folders (*.sql at any depth, in order), migration folders, revisions of Alembic and their
    folder, and - for standard input; default: the project's migrations. Together, in this order, they are one history:
    what earlier files create is known in later ones. Some of the project's migrations come with those before them.

    Exit code 0: nothing as severe as fail_on (default: error); 1: findings; 2: wrong usage. A finding is let pass by a
    comment before the statement, or on its line:

    \b
      -- migrator: allow BC002 until 2027-01-31 because nothing reads it since release 41

    \b
    Example:
      migrator lint migrations
      echo "ALTER TABLE users RENAME COLUMN name TO full_name" | migrator lint -

    --fix edits SQL files in place, and prints standard input as it is then; with --since only files that are new or
    changed. The exit code is that of what is left. --diff exits with 1 if there is anything to fix, else with 0:

    \b
      migrator lint --diff change.sql
      migrator lint --fix --since origin/main

    On a pull request, with the lines shown there; GitHub code scanning reads --format sarif, GitLab --format gitlab,
    most others --format junit:

    \b
      migrator lint --since origin/main --format github

    What is there already comes from a dump or a server, which is only read and whose table sizes count as well:

    \b
      pg_dump --schema-only shop > schema.sql && migrator lint --base schema.sql change.sql
      migrator lint --database postgresql://reader@db/shop --since origin/main

    With sizes, work under a lock on a small table is a note, on a large one an error; what breaks code stays an error:

    \b
      migrator stats --output stats.json && migrator lint --stats stats.json

    --trace and --app-sql start a PostgreSQL of the version in --pg-version if its programs are here, else the embedded
    one, run the files there as they commit, and remove it. Statements of the running version come as SQL with
    semicolons, or as pg_stat_statements shows them (CSV, JSON, psql's table):

    \b
      psql -c "COPY (SELECT query FROM pg_stat_statements) TO STDOUT CSV HEADER" > app.csv
      migrator lint migrations --trace --app-sql app.csv

    --manifest says what a release still uses of what migrations drop, in their contract too:

    \b
      migrator manifest app.models:Base --service web --level 42 --output web.json
      migrator lint migrations --manifest web.json
    """
    from datetime import datetime

    from msgspec.structs import replace

    from migrator.cli import lint_show, lint_sources
    from migrator.cli.lint_facts import Asked, facts
    from migrator.lint.forks import may_fork
    from migrator.model.finding import Severity
    from migrator.model.phase import Phase

    project = load_project()
    settings = project.settings.lint
    dialect = dialect or settings.dialect
    version = pg_version or settings.pg_version
    stdin = sys.stdin.buffer.read() if Path("-") in paths else b""
    runs = trace or bool(app_sql)
    read = lint_sources.Read(paths, project, Phase(phase) if phase else None, stdin, runs=runs)
    with read.ahead(forks=dialect == "postgresql" and not runs and may_fork()) as ahead:
        from migrator.lint.engine import Linter
        from migrator.lint.halves import lint_in_two
        from migrator.lint.selection import select

        selection = select(settings.select, settings.ignore, settings.severity, settings.per_file_ignores, dialect)
        selection = replace(selection, root=str(project.root))
        ahead.take()
    gc.freeze()  # what was imported stays: to look for cycles in it once takes as long as to look at a hundred files
    known = facts(Asked(base, database, stats), project, dialect, version)
    releases = _manifests(manifests, project, dialect)

    def run(files: Mapping[str, bytes]) -> Report:
        sources = read.sources()
        if since is not None:
            sources = lint_sources.since(sources, since)
        if files:
            from migrator.lint.fixing import overlaid

            sources = overlaid(sources, files)
        if releases:
            from migrator.lint.sources import with_levels

            sources = with_levels(sources)
        if dialect == "postgresql":
            sources = chain(known.base, known.objecting(sources))
        if dialect != "postgresql":
            report = _of_dialect(sources, selection, dialect, scratch=runs)
        elif runs:
            report = _traced(list(sources), selection, version, app_sql, known.sizes, releases)
        else:
            today = datetime.now(UTC).date()
            report = lint_in_two(
                sources,
                lambda: Linter(selection, pg_version=version, today=today, sizes=known.sizes, manifests=releases),
                forks=may_fork(),
            )
        report.root = str(project.root)
        if write_baseline is None:
            lint_show.leave_out_baseline(report, baseline, project)
        return report

    if fix or diff:
        from migrator.cli import lint_fix

        lint_fix.require_possible(
            diff=diff,
            form="json" if as_json else form,
            dialect=dialect,
            traced=runs,
            write_baseline=write_baseline is not None,
        )
        migrations = lint_fix.Migrations(project)
        result = lint_fix.fixed(run, stdin if Path("-") in paths else None, migrations, with_unsafe=unsafe_fixes)
        if diff:
            text = lint_fix.diff(result)
            if output is None:
                click.echo(text, nl=False)
            else:
                lint_show.write(output, [text])
            return int(bool(text) and not exit_zero)
        lint_fix.write(result, stdin if Path("-") in paths else None, migrations)
        report = result.report
    else:
        report = run({})
    if write_baseline is not None:
        return lint_show.write_baseline(report, write_baseline)
    lint_show.show(
        report, "json" if as_json else form, output, with_unsafe=unsafe_fixes, err=fix and Path("-") in paths
    )
    return 0 if exit_zero else int(report.fails(Severity(settings.fail_on)))


def _of_dialect(sources: Iterator[Source], selection: Selection, dialect: str, *, scratch: bool) -> Report:
    from datetime import datetime

    from migrator.errors import UsageError
    from migrator.lint.dialects.engine import lint_dialect

    if scratch:
        raise UsageError(
            "--trace and --app-sql run on PostgreSQL only", hint=f"leave them out with --dialect {dialect}"
        )
    return lint_dialect(sources, selection, dialect, today=datetime.now(UTC).date())


def _manifests(paths: tuple[Path, ...], project: Project, dialect: str) -> list[Manifest]:
    from migrator.errors import UsageError

    if dialect != "postgresql":
        if paths:
            raise UsageError("--manifest is for PostgreSQL only", hint=f"leave it out with --dialect {dialect}")
        return []
    paths = paths or tuple(project.root / path for path in project.settings.lint.manifests)
    if not paths:
        return []
    from migrator.integrations.sqlalchemy.file import read

    return [read(path) for path in paths]


def _traced(
    sources: list[Source],
    selection: Selection,
    version: int,
    app_sql: tuple[Path, ...],
    sizes: Sizes | None,
    manifests: Sequence[Manifest],
) -> Report:
    from datetime import datetime

    from migrator.lint.engine import Companion, lint
    from migrator.lint.sources import Standing
    from migrator.trace.application.reading import read
    from migrator.trace.verify import Wish, lint_and_trace

    def run_lint(rules: Selection, companion: Companion) -> Report:
        today = datetime.now(UTC).date()
        return lint(
            sources, rules, pg_version=version, today=today, companion=companion, sizes=sizes, manifests=manifests
        )

    statements = [statement for path in app_sql for statement in read(path)]
    return lint_and_trace(
        run_lint, selection, Wish(version, statements, lambda source: source.standing is Standing.BASE)
    )
