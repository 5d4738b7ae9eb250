"""``migrator new``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from migrator.cli.options import (
    database_options,
    emit_json,
    history_of,
    json_option,
    load_project,
    project_database,
    require_alembic_project,
)
from migrator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrator.config import Project
    from migrator.integrations.alembic.authoring import WrittenRevision
    from migrator.planning.planner import Change
    from migrator.postgres.session import Session


@click.command()
@click.argument("title", required=False)
@click.option(
    "--sql", "sql", metavar="TEXT", default=None, help="The schema changes as SQL, one or several statements."
)
@click.option("--file", "path", metavar="FILE", default=None, help='A file with the SQL; "-" reads standard input.')
@click.option(
    "--change",
    "words",
    metavar='"KIND KEY=VALUE …"',
    multiple=True,
    help="A change by kind and parameters instead of SQL; may be given several times.",
)
@click.option(
    "--from-revision",
    "revised",
    metavar="REV",
    default=None,
    help="In a project of Alembic: split what this revision does at once, in its own file. It must not be applied yet.",
)
@click.option(
    "--models",
    "models",
    metavar="MODULE:ATTR",
    default=None,
    help="In a project of Alembic: what differs between these models and the database. Without SQL and changes, the "
    "models that env.py names.",
)
@click.option(
    "--rename",
    "renames",
    metavar="TABLE.COLUMN:NEW",
    multiple=True,
    help="With models: this column (or TABLE:NEW, this table) was renamed, not dropped and another one added.",
)
@click.option(
    "--drop",
    "drops",
    metavar="TABLE.COLUMN",
    multiple=True,
    help="With models: this column or table is dropped, however alike a new one is.",
)
@click.option(
    "--code-later",
    "code_later",
    is_flag=True,
    default=False,
    help='The code of this checkout does not use the new shape yet; "migrator level bump" says when it does.',
)
@click.option(
    "--refresh",
    "refreshed",
    metavar="TARGET",
    default=None,
    help="Write the files of a migration anew, from its [[change]] tables and the database as it is now.",
)
@database_options
@json_option
def command(
    title: str | None,
    sql: str | None,
    path: str | None,
    words: tuple[str, ...],
    revised: str | None,
    models: str | None,
    renames: tuple[str, ...],
    drops: tuple[str, ...],
    code_later: bool,
    refreshed: str | None,
    url_env: str | None,
    wait_db: str | None,
    as_json: bool,
) -> None:
    """Split schema changes into phases and write them to a folder for review, or to a revision of Alembic.

    With a database in DATABASE_URL, types, defaults, indexes and what depends on a column are read from it; nothing is
    changed there. Without one, what could not be checked is listed.

    In a project with an alembic.ini and no folder of migrations, a revision is written on top of the head; without SQL
    it is of what differs between models and database. --from-revision takes one that was written or generated as usual
    and is not applied yet: its upgrade() and downgrade() become phased operations, its id and place stay.

    \b
    Example:
      migrator new "rename users.name" --sql "ALTER TABLE users RENAME COLUMN name TO full_name"
      migrator new "first tables" --file - < tables.sql
      migrator new "orders have a total" --change "add_column table=orders column=total type=numeric"
      migrator new "rename users.name" --models app.models:Base --rename users.name:full_name
      migrator new --from-revision head
    """
    import contextlib
    import functools
    from datetime import UTC, datetime

    from migrator.authoring import new
    from migrator.planning.folders import find, load_all
    from migrator.sql.parser import parse_script

    if words and (sql or path):
        raise UsageError("--change goes without --sql and --file")
    project = load_project()
    database = project_database(project, url_env, wait_db, "new")
    existing = load_all(project.migrations) if project.has_folder else []
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(database.connect("new")) if database else None
        if refreshed is not None:
            if title or sql or path or words or revised or models or renames or drops:
                raise UsageError("--refresh takes neither a title nor SQL, a revision or models")
            if session is None:
                raise UsageError("--refresh needs a database to look at", hint="export DATABASE_URL=postgresql://…")
            written = new.refresh(find(existing, refreshed), session)
        else:
            is_alembic = project.keeps_revisions
            if not is_alembic and (revised or models or renames or drops):
                raise UsageError(
                    "--from-revision, --models, --rename and --drop are for projects with a history of Alembic"
                )
            if revised is not None:
                if title or sql or path or words or models or renames or drops:
                    raise UsageError("--from-revision takes neither a title nor SQL, changes or models")
                _split(revised, session, project, code_later=code_later, as_json=as_json)
                return
            if not (title or "").strip():
                raise UsageError("a title is needed", hint='migrator new "rename users.name" --sql "…"')
            title = _utf8(str(title), "the title")
            if is_alembic:
                if not (sql or path or words):
                    _differences(
                        title, models, renames, drops, session, project, code_later=code_later, as_json=as_json
                    )
                    return
                if models or renames or drops:
                    raise UsageError("--models, --rename and --drop go without --sql, --file and --change")
                _revision(title, sql, path, words, session, project, code_later=code_later, as_json=as_json)
                return
            if words:
                make = functools.partial(new.create_from, title, [_change(each) for each in words])
            else:
                make = functools.partial(new.create, title, parse_script(*_source(sql, path)))
            written = make(
                folder=project.migrations,
                existing=existing,
                project=project.settings.project,
                session=session,
                now=datetime.now(UTC),
            )
    if code_later:
        history_of(project).set_code_later(written.migration.id, later=True)
    migration = written.migration
    names = ["migration.toml", *(f"{phase.value}.sql" for phase in migration.texts)]
    if as_json:
        emit_json(
            {
                "migration": {"id": migration.id, "level": migration.level, "title": migration.title},
                "folder": migration.folder,
                "files": names,
                "notes": list(written.notes),
                "database_read": database is not None,
            }
        )
        return
    click.echo(f"wrote {_relative(migration.folder)}/  level {migration.level}")
    click.echo(f"  {names[0]:<16}what was asked for, and what the plan assumes")
    for phase in migration.texts:
        count = len(migration.phase(phase))
        click.echo(f"  {phase.value + '.sql':<16}{count} step{'s' if count != 1 else ''}")
    for note in written.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f'next: review the files, "migrator plan {migration.id}", then "migrator expand"', err=True)


def _revision(
    title: str,
    sql: str | None,
    path: str | None,
    words: tuple[str, ...],
    session: Session | None,
    project: Project,
    *,
    code_later: bool,
    as_json: bool,
) -> None:
    """Write a revision of an Alembic project."""
    from migrator.authoring.new import asked_changes
    from migrator.sql.parser import parse_script

    opened = require_alembic_project(project)
    from migrator.integrations.alembic.authoring import write_revision

    script = None if words else parse_script(*_source(sql, path))
    changes, notes = asked_changes(script or [_change(each) for each in words], session)
    written = write_revision(opened, title, changes, _level_in_ledger(session, project))
    if code_later:
        history_of(project).set_code_later(written.id, later=True)
    _tell_of_revision(written, title, notes, session, as_json=as_json)


def _split(revised: str, session: Session | None, project: Project, *, code_later: bool, as_json: bool) -> None:
    """Split what a revision of an Alembic project does, in its own file."""
    from migrator.authoring.new import asked_changes

    opened = require_alembic_project(project)
    from migrator.integrations.alembic.splitting import split, what_it_runs

    revision = opened.revision(revised)
    applied = None if session is None else opened.connection()[1]
    changes, notes = asked_changes(what_it_runs(opened, revision, applied), session)
    written = split(opened, revision, changes, _level_in_ledger(session, project))
    if applied is None:
        notes = (*notes, "there was no database to ask whether the revision is applied: it must not be")
    if code_later:
        history_of(project).set_code_later(written.id, later=True)
    _tell_of_revision(written, revision.doc or revision.revision, notes, session, as_json=as_json)


def _differences(
    title: str,
    models: str | None,
    renames: tuple[str, ...],
    drops: tuple[str, ...],
    session: Session | None,
    project: Project,
    *,
    code_later: bool,
    as_json: bool,
) -> None:
    """Write a revision of what differs between models and database."""
    opened = require_alembic_project(project)
    from migrator.integrations.alembic.autogenerate import questioner
    from migrator.integrations.alembic.models import write_differences
    from migrator.integrations.alembic.renaming import answers
    from migrator.integrations.sqlalchemy.models import metadata_of

    metadata = metadata_of(models) if models else None
    said = answers(renames, drops, questioner())
    written = write_differences(opened, title, metadata, said, _level_in_ledger(session, project))
    if written is not None:
        if code_later:
            history_of(project).set_code_later(written.id, later=True)
        _tell_of_revision(written, title, (), session, as_json=as_json)
    elif as_json:
        emit_json({"migration": None, "file": None, "notes": [], "database_read": True})
    else:
        click.echo("the models and the database are the same: no revision was written")


def _level_in_ledger(session: Session | None, project: Project) -> int:
    from migrator.ledger.install import is_installed
    from migrator.ledger.state import highest_level

    if session is None or not is_installed(session):
        return 0
    return highest_level(session, project.settings.project)


def _tell_of_revision(
    written: WrittenRevision, title: str, notes: Sequence[str], session: Session | None, *, as_json: bool
) -> None:
    if as_json:
        emit_json(
            {
                "migration": {"id": written.id, "level": written.level, "title": title},
                "file": str(written.path),
                "notes": list(notes),
                "database_read": session is not None,
            }
        )
        return
    click.echo(f"wrote {_relative(str(written.path))}  level {written.level}")
    for note in notes:
        click.echo(f"note: {note}", err=True)
    click.echo('next: review the file, then "migrator expand" (or "alembic upgrade head")', err=True)


def _change(words: str) -> Change:
    """A change from the words of --change, taken apart as a shell does."""
    import shlex

    from migrator.changes.registry import spec_from_words
    from migrator.planning.planner import Change

    at = f"--change {words}"
    try:
        return Change(*spec_from_words(shlex.split(_utf8(words, "--change")), at), at)
    except ValueError as error:
        raise UsageError(f"--change cannot be read: {error}", at=at) from None


def _source(sql: str | None, path: str | None) -> tuple[str, str]:
    """The SQL given, and a name for it in messages."""
    from pathlib import Path

    if (sql is None) == (path is None):
        raise UsageError(
            "give the schema changes with either --sql or --file",
            hint='migrator new "rename users.name" --sql "ALTER TABLE users RENAME COLUMN name TO full_name"',
        )
    if sql is not None:
        return _utf8(sql, "--sql"), "--sql"
    try:
        if path == "-":
            import sys

            return sys.stdin.buffer.read().decode(), "<stdin>"
        return Path(str(path)).read_text(encoding="utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def _utf8(text: str, what: str) -> str:
    """The text, if it was UTF-8 where it came from: Python smuggles other bytes through as lone surrogates."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise UsageError(f"{what} is not UTF-8")
    return text


def _relative(folder: str) -> str:
    import os

    return os.path.relpath(folder)
