"""``migrator gate fence``."""

from __future__ import annotations

import click

from migrator.cli.gate_session import direction_of, one_target, opened, rollback_option
from migrator.cli.options import database_options, load_project, require_database


@click.command("fence", short_help="refuse old code from now on, by hand")
@click.argument("target")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept for ever.")
@click.option(
    "--yes", is_flag=True, default=False, help="Also while old code runs, which then can neither restart nor scale."
)
@rollback_option
@database_options
def command(target: str, reason: str, yes: bool, rollback: bool, url_env: str | None, wait_db: str | None) -> None:
    """Refuse old code from now on, by hand: until "gate abort TARGET", or until its contract is applied.

    "migrator contract" raises and lowers a fence by itself; this one has no deadline and is shown in every status. Once
    "gate wait TARGET" has seen all old code gone under it, the SQL assertion migrator.confirmed('TARGET') is true.

    \b
    Example:
      migrator gate fence 20261124T031245 --reason "the drop is run by another tool tonight"
    """
    project = load_project()
    database = require_database(project, url_env, wait_db, "gate fence")
    with opened(project, database) as (session, gate):
        migration = one_target(database, project, target)
        report = gate.fence(session, migration, direction_of(rollback), reason, although_blocked=yes)
    refused = f"at level {migration.level} or above" if rollback else f"below level {migration.level}"
    click.echo(f"fence of {migration.id} raised: code {refused} cannot start, until it is lowered by hand")
    click.echo(f"seen before it: {report.verdict.value}", err=True)
    click.echo(f'lower it: migrator gate abort {migration.id} --reason "…"', err=True)
