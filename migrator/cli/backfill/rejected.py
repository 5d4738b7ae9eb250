"""``migrator backfill rejected``."""

from __future__ import annotations

import click

from migrator.cli.backfill_orders import ordered
from migrator.cli.options import database_options, emit_json, json_option


@click.command("rejected", short_help="list the rows that were set aside")
@click.argument("target")
@database_options
@json_option
def command(target: str, url_env: str | None, wait_db: str | None, as_json: bool) -> None:
    """List the rows that were set aside because they cannot be updated: key, SQLSTATE, message.

    \b
    Example:
      migrator backfill rejected 20261124T031245
    """
    from migrator.backfill import rejects

    with ordered(target, url_env, wait_db) as order:
        rows = rejects.listed(order.session, order.project, order.migration.id)
    migration = order.migration.id
    if as_json:
        names = ("step", "leaf", "key", "tid", "sqlstate", "message", "detail", "at")
        listed = [{("table" if name == "leaf" else name): getattr(row, name) for name in names} for row in rows]
        emit_json({"migration": migration, "rejected": listed})
        return
    for row in rows:
        click.echo(f"{row.name}: {row.message} (SQLSTATE {row.sqlstate})")
    if rows:
        click.echo(f'when they are corrected: "migrator backfill retry {migration}"', err=True)
    else:
        click.echo(f"{migration}: no row was rejected", err=True)
