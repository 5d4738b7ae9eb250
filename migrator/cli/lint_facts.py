"""What ``migrator lint`` knows beside the files: the schema that is there already, and the sizes of its tables."""

from __future__ import annotations

import os
import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from migrator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.config import Project
    from migrator.execution.phase_lint import Recorded
    from migrator.lint.sizes import Sizes
    from migrator.lint.sources import Source
    from migrator.model.stats import Stats
    from migrator.postgres.session import Session


class Asked(Struct, frozen=True):
    """What the user named.

    Attributes:
        base: a file with the schema.
        database: a URL, or the name of an environment variable that holds one.
        stats: a file of ``migrator stats``.
    """

    base: Path | None = None
    database: str | None = None
    stats: Path | None = None


class Facts(Struct, frozen=True):
    """What is known.

    Attributes:
        base: the schema that is there already, before the files.
        sizes: of its tables; None: not known.
        recorded: what the ledger of the database says; None: no database was asked, or it has none.
    """

    base: tuple[Source, ...] = ()
    sizes: Sizes | None = None
    recorded: Recorded | None = None

    def objecting(self, sources: Iterator[Source]) -> Iterator[Source]:
        """The same files, phase files with what the commands and the ledger object to."""
        for source in sources:
            if source.phased:
                from migrator.execution.phase_lint import with_objections

                yield from with_objections(chain([source], sources), self.recorded)
                return
            yield source


def facts(asked: Asked, project: Project, dialect: str, version: int) -> Facts:
    """What the files and the database say that were named here, or in the configuration.

    Raises:
        UsageError: one cannot be read, or two contradict each other.
        DatabaseUnavailable: it cannot be reached.
    """
    if dialect != "postgresql":
        for option in ("base", "database", "stats"):
            if getattr(asked, option) is not None:
                raise UsageError(f"--{option} is of PostgreSQL only", hint=f"leave it out with --dialect {dialect}")
        return Facts()
    if asked.base is not None and asked.database is not None:
        raise UsageError(
            "--base and --database both say which schema is there",
            hint="leave one of them out: --database reads the schema from the server",
        )
    stats_file = _file(asked.stats, project.settings.lint.stats, project)
    if asked.database is not None:
        return _of_database(asked.database, stats_file, project, version)
    base_file = _file(asked.base, project.settings.lint.base, project)
    base = () if base_file is None else (_base(base_file),)
    stats = None if stats_file is None else _stats(stats_file)
    return Facts(base, _sizes(stats, project, str(stats_file)))


def _file(given: Path | None, configured: str, project: Project) -> Path | None:
    return given if given is not None or not configured else project.root / configured


def _base(path: Path) -> Source:
    from migrator.lint.sources import base_of

    if path.is_dir():
        raise UsageError(
            f'base "{path}" is a folder, and a file is needed', hint=f"pg_dump --schema-only shop > {path}.sql"
        )
    return base_of(str(path), _read(path, "base", f"pg_dump --schema-only shop > {path}"))


def _stats(path: Path) -> Stats:
    from migrator.lint import sizes

    return sizes.read(_read(path, "statistics", f"write them: migrator stats --output {path}"), str(path))


def _read(path: Path, what: str, hint: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f'cannot read {what} "{path}": {error.strerror}', hint=hint) from None


def _sizes(stats: Stats | None, project: Project, name: str) -> Sizes | None:
    if stats is None:
        return None
    if stats.relations and not any(each.rows for each in stats.relations):
        click.echo(
            f"{name} holds no rows: it is not taken to be as large as production, and weighs no finding", err=True
        )
        return None
    from datetime import UTC, datetime

    from migrator.lint.sizes import Sizes, thresholds

    settings = project.settings.lint.sizes
    sizes = Sizes(stats, thresholds(settings), datetime.now(UTC).date())
    if sizes.are_old:
        day = stats.taken_at[:10]
        click.echo(f"{name} is of {day}, older than max_age ({settings.max_age}): no finding is less severe", err=True)
        click.echo(f"next: migrator stats --output {name}", err=True)
    return sizes


def _of_database(named: str, stats_file: Path | None, project: Project, version: int) -> Facts:
    from migrator.execution.phase_lint import recorded
    from migrator.lint.sources import base_of
    from migrator.postgres.connect import find_database
    from migrator.postgres.schema_sql import read_schema_sql
    from migrator.postgres.statistics import read_stats

    is_url = "://" in named or "=" in named
    variable = "MIGRATOR_LINT_DATABASE" if is_url else named
    if not is_url and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", named):
        raise UsageError(
            "--database needs a URL, or the name of an environment variable that holds one",
            hint="--database postgresql://user@host:5432/shop, or --database DATABASE_URL",
        )
    environment = {variable: named} if is_url else os.environ
    database = find_database(environment, url_env=variable, command="lint")
    if database is None:  # a variable that is named is there, or find_database raises
        raise UsageError(f"environment variable {variable} is not set")
    with database.connect("lint", may_be_standby=True) as session:
        _say_version(session, version)
        base = base_of("database", read_schema_sql(session).encode())
        stats = read_stats(session)[0] if stats_file is None else _stats(stats_file)
        ledger = recorded(session, project.settings.project)
    return Facts((base,), _sizes(stats, project, "database" if stats_file is None else str(stats_file)), ledger)


def _say_version(session: Session, version: int) -> None:
    if session.server_version < version:
        click.echo(
            f"the server is PostgreSQL {session.server_version}, and pg_version says {version} is the oldest in use: "
            f"--pg-version {session.server_version} judges for the server",
            err=True,
        )
