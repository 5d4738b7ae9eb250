"""``migrator backfill pause``."""

from __future__ import annotations

import click

from migrator.cli.backfill_orders import ordered
from migrator.cli.options import database_options, emit_json, json_option


@click.command("pause", short_help="let no further batch begin, until it is resumed")
@click.argument("target")
@database_options
@json_option
def command(target: str, url_env: str | None, wait_db: str | None, as_json: bool) -> None:
    """Let no further batch begin, in any process, until it is resumed. Processes stay, and wait.

    \b
    Example:
      migrator backfill pause 20261124T031245
    """
    from migrator.backfill import control

    with ordered(target, url_env, wait_db) as order:
        order.require_open()
        changed = control.pause(order.session, order.project, order.migration.id, order.actor)
        if changed:
            order.record("paused")
    migration = order.migration.id
    if as_json:
        emit_json({"migration": migration, "paused": True, "changed": changed})
        return
    click.echo(
        f"{migration}: {'paused' if changed else 'was paused already'};"
        f' "migrator backfill resume {migration}" lets it go on'
    )
