"""``migrator gate abort``."""

from __future__ import annotations

import click

from migrator.cli.gate_session import one_target, opened
from migrator.cli.options import database_options, load_project, require_database


@click.command("abort", short_help="lower the fence of TARGET, end its soak")
@click.argument("target")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept for ever.")
@database_options
def command(target: str, reason: str, url_env: str | None, wait_db: str | None) -> None:
    """Lower the fence of TARGET and end its soak; possible until its contract is applied.

    \b
    Example:
      migrator gate abort 20261124T031245 --reason "the new release is rolled back"
    """
    project = load_project()
    database = require_database(project, url_env, wait_db, "gate abort")
    with opened(project, database) as (session, gate):
        gate.abort(session, one_target(database, project, target).id, reason)
