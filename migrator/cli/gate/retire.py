"""``migrator gate retire``."""

from __future__ import annotations

import click

from migrator.cli.gate_session import opened
from migrator.cli.options import database_options, load_project, require_database


@click.command("retire", short_help="a stale instance is gone for certain")
@click.argument("service")
@click.argument("instance")
@click.option(
    "--reason", required=True, metavar="TEXT", help="How it is known that the process is gone; kept for ever."
)
@database_options
def command(service: str, instance: str, reason: str, url_env: str | None, wait_db: str | None) -> None:
    """Record that the stale INSTANCE of SERVICE is gone for certain.

    A stale instance counts as running, for a process that is paused looks the same as one that is gone. Should it
    beat again, it is told to stop, and counts as running once more.

    \b
    Example:
      migrator gate retire web web-7 --reason "node 12 was returned to the provider"
    """
    project = load_project()
    database = require_database(project, url_env, wait_db, "gate retire")
    with opened(project, database) as (session, gate):
        count = gate.retire(session, service, instance, reason)
    click.echo(f'retired {count} process{"" if count == 1 else "es"} of "{service}" called "{instance}"')
