"""``migrator expand``."""

from __future__ import annotations

import click

from migrator.cli.options import database_options, json_option
from migrator.cli.shipping import chosen, shipping, terminable


@click.command()
@click.argument("target", required=False)
@click.option("--dry-run", is_flag=True, default=False, help="Check everything and show the SQL; run nothing.")
@database_options
@json_option
def command(target: str | None, dry_run: bool, url_env: str | None, wait_db: str | None, as_json: bool) -> None:
    """Add the new shape; the pre-deploy job. Code that knows only the old shape goes on to work.

    TARGET is a migration id or the beginning of one; without it, everything pending in order. A refused lock is tried
    again; a run that was cut off goes on where it stopped.

    \b
    Example:
      migrator expand --wait-db 60s
    """
    from migrator.execution.dry_run import show_expand
    from migrator.execution.several import expand_all, for_each, without_repetition
    from migrator.model.events import Note

    with shipping("expand", url_env, wait_db, as_json=as_json) as run, terminable():
        migrations = chosen(run, target)
        told = run if target else without_repetition(run)
        if dry_run:
            for_each(told, migrations, lambda each: show_expand(told, each), in_order=True)
            return
        expanded = expand_all(told, migrations)
        if migrations and not target and not expanded:
            run.listener(Note("everything is expanded already"))
    if not as_json and expanded:
        click.echo('next: deploy the new code and run "migrator backfill", then "migrator contract"', err=True)
