"""``migrator rollback``."""

from __future__ import annotations

import click

from migrator.cli.options import database_options, json_option
from migrator.cli.shipping import chosen, passage_options, shipping, terminable, wait_seconds


@click.command()
@click.argument("target")
@passage_options(waits_for="new code to leave")
@click.option("--yes", is_flag=True, default=False, help="Lose data that exists only in the new shape.")
@database_options
@json_option
def command(
    target: str,
    wait: str | None,
    yes: bool,
    offline: str | None,
    url_env: str | None,
    wait_db: str | None,
    as_json: bool,
) -> None:
    """Undo a migration that is not contracted, once no code needs its new shape.

    The gate looks the other way: code at the migration's level or above blocks it (exit 10).

    \b
    Example:
      migrator rollback 20261124T0312
    """
    from migrator.execution import phases

    with shipping("rollback", url_env, wait_db, as_json=as_json) as run, terminable():
        for migration in chosen(run, target):
            phases.rollback(run, migration, wait_s=wait_seconds(wait), offline=offline, yes=yes)
