"""``migrator gate reset-clone``."""

from __future__ import annotations

import click

from migrator.cli.gate_session import opened
from migrator.cli.options import database_options, load_project, require_database


@click.command("reset-clone", short_help="make a copied database its own")
@click.option("--reason", required=True, metavar="TEXT", help="What this database was made from; kept for ever.")
@database_options
def command(reason: str, url_env: str | None, wait_db: str | None) -> None:
    """Make this copy of a database its own: set aside what the ledger says of the original's code and fences.

    A database that was cloned, restored elsewhere or upgraded with pg_upgrade is noticed by its system identifier and
    oid, and its gate is UNKNOWN until then. Code that runs against the copy beats again and counts from then on.

    \b
    Example:
      migrator gate reset-clone --reason "staging, made from last night's backup"
    """
    project = load_project()
    database = require_database(project, url_env, wait_db, "gate reset-clone")
    with opened(project, database) as (session, gate):
        ended = gate.reset_clone(session, reason)
    click.echo(f"this database is its own now; {len(ended)} running instance{'' if len(ended) == 1 else 's'} set aside")
