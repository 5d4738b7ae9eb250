"""Options that several commands share, and what they lead to: the project, the database, who asks, JSON.

Everything heavier than click is imported inside the functions: ``migrator lint`` never loads the driver.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from migrator.errors import UsageError

if TYPE_CHECKING:
    from migrator.authoring.history import History
    from migrator.config import Project
    from migrator.integrations.alembic.project import AlembicProject
    from migrator.postgres.connect import Database

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """``--json``: one document on stdout; arrives as ``as_json``."""
    return click.option(
        "--json", "as_json", is_flag=True, default=False, help="One JSON document on stdout, for machines."
    )(function)


def database_options(function: F) -> F:
    """``--url-env`` and ``--wait-db``; arrive as ``url_env`` and ``wait_db``."""
    function = click.option(
        "--wait-db",
        metavar="TIME",
        default=None,
        help="Wait so long for a server that does not answer yet, as in 60s.",
    )(function)
    return click.option(
        "--url-env",
        metavar="NAME",
        default=None,
        help="Environment variable that holds the URL  [default: MIGRATOR_DATABASE_URL, then DATABASE_URL, then PG*]",
    )(function)


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """The section ``Options`` of a command that is meant where a group is called without a subcommand."""
    records = [parameter.get_help_record(ctx) for parameter in command.get_params(ctx) if parameter.name != "target"]
    with formatter.section("Options"):
        formatter.write_dl([record for record in records if record is not None])


def load_project() -> Project:
    """The configuration in force for the working folder.

    Raises:
        UsageError: it is broken.
    """
    from migrator.config import load

    return load()


def find_database(url_env: str | None, wait_db: str | None, command: str) -> Database | None:
    """The database the environment names, or None if it names none.

    Args:
        url_env: value of ``--url-env``.
        wait_db: value of ``--wait-db``, a duration.
        command: what the user ran, for ``application_name``.

    Raises:
        UsageError: ``url_env`` is not set, or ``wait_db`` is not a duration.
    """
    from migrator.config import seconds
    from migrator.postgres import connect

    wait_s = seconds(wait_db) if wait_db else 0.0
    return connect.find_database(url_env=url_env, wait_s=wait_s, command=command)


def project_database(project: Project, url_env: str | None, wait_db: str | None, command: str) -> Database | None:
    """The database the environment names, else the one that the project's ``env.py`` of Alembic connects to.

    Errors as of ``find_database``, and those of an ``env.py`` that fails.
    """
    database = find_database(url_env, wait_db, command)
    if database is not None or project.alembic is None:
        return database
    from dataclasses import replace

    from migrator.config import seconds

    opened = alembic_project(project)
    return replace(opened.database(command), wait_s=seconds(wait_db) if wait_db else 0.0) if opened else None


def alembic_project(project: Project) -> AlembicProject | None:
    """The project's revisions, or None if it has none.

    Raises:
        UsageError: the configuration of Alembic is broken, or Alembic is not installed.
    """
    if project.alembic is None:
        return None
    try:
        from migrator.integrations.alembic.project import open_project
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{project.alembic.name} is a configuration of Alembic, which is not installed here: {error}",
            hint='pip install "expand-contract[alembic]", in the environment that env.py needs',
        ) from None
    return open_project(project.alembic)


def require_alembic_project(project: Project) -> AlembicProject:
    """As ``alembic_project``, where the caller knows that there is one."""
    opened = alembic_project(project)
    if opened is None:
        raise UsageError("there is no configuration of Alembic here")
    return opened


def history_of(project: Project) -> History:
    """The migrations of a project, wherever it keeps them.

    Raises:
        UsageError: the configuration of Alembic is broken, or Alembic is not installed.
    """
    if project.keeps_revisions:
        opened = require_alembic_project(project)
        from migrator.integrations.alembic.levels import Revisions

        return Revisions(opened)
    from migrator.authoring.history import Folders

    return Folders(project.migrations)


def require_database(project: Project, url_env: str | None, wait_db: str | None, command: str) -> Database:
    """As ``find_database``, where the command cannot do without.

    Args:
        project: says where the configuration is, for the message.
        url_env: value of ``--url-env``.
        wait_db: value of ``--wait-db``.
        command: what the user ran.

    Raises:
        UsageError: no database is named.
    """
    database = project_database(project, url_env, wait_db, command)
    if database is None:
        where = project.source or project.root
        raise UsageError(
            f'"migrator {command}" needs a database, and the environment names none',
            detail=f"project: {where}",
            hint="export DATABASE_URL=postgresql://user@host:5432/database (the password is best left to .pgpass)",
        )
    return database


def actor() -> str:
    """Who asks, for the ledger: ``user@host``."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = f"uid {os.getuid()}"  # a container's user often has no name
    return f"{user}@{socket.gethostname()}"


def emit_json(document: Mapping[str, Any]) -> None:
    """Write the one JSON document of a command to stdout, ``schema_version`` first.

    Dates become ISO 8601; everything else must be JSON already.
    """
    import json

    text = json.dumps({"schema_version": 1, **document}, ensure_ascii=False, indent=2, default=_plain)
    click.echo(text)
    document_begins()


def document_begins() -> None:
    """Take note that standard output holds a JSON document: an error later on must not add another."""
    context = click.get_current_context(silent=True)
    if context is not None and hasattr(context.obj, "document_written"):
        context.obj.document_written = True


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
