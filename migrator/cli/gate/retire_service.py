"""``migrator gate retire-service``."""

from __future__ import annotations

import click

from migrator.cli.gate_session import opened
from migrator.cli.options import database_options, load_project, require_database


@click.command("retire-service", short_help="take a service off the list")
@click.argument("service")
@click.option("--reason", required=True, metavar="TEXT", help="Why it will not run any more; kept for ever.")
@database_options
def command(service: str, reason: str, url_env: str | None, wait_db: str | None) -> None:
    """Take SERVICE off the ledger's list, so that no contract asks for it any more.

    The configuration only adds services, because a checkout that does not know one must not forget it for all. It must
    not name the service any more, and no instance may count as running.

    \b
    Example:
      migrator gate retire-service reports --reason "moved to the warehouse in May"
    """
    project = load_project()
    database = require_database(project, url_env, wait_db, "gate retire-service")
    with opened(project, database) as (session, gate):
        gate.retire_service(session, service, reason)
    click.echo(f'service "{service}" is off the list; a beat under its name counts as one of nobody\'s service now')
