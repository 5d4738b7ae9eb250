"""``migrator backfill resume``."""

from __future__ import annotations

import click

from migrator.cli.backfill_orders import ordered
from migrator.cli.options import database_options, emit_json, json_option


@click.command("resume", short_help="let a paused backfill go on")
@click.argument("target")
@database_options
@json_option
def command(target: str, url_env: str | None, wait_db: str | None, as_json: bool) -> None:
    """Let a paused backfill go on.

    \b
    Example:
      migrator backfill resume 20261124T031245
    """
    from migrator.backfill import control

    with ordered(target, url_env, wait_db) as order:
        changed = control.resume(order.session, order.project, order.migration.id)
        if changed:
            order.record("resumed")
        orders = control.orders(order.session, order.project, order.migration.id)
    migration, processes = order.migration.id, orders.processes if orders else 0
    if as_json:
        emit_json({"migration": migration, "paused": False, "changed": changed, "processes": processes})
        return
    said = "goes on" if changed else "was not paused"
    nobody = "" if processes else f'; no process is at it: run "migrator backfill {migration}"'
    if order.is_done:
        nobody = "; its backfill is done"
    click.echo(f"{migration}: {said}{nobody}")
