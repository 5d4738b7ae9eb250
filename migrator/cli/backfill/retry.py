"""``migrator backfill retry``."""

from __future__ import annotations

import click

from migrator.cli.backfill_orders import lag_option, ordered, rejected_option, target_ms_option, workers_option
from migrator.cli.options import database_options, json_option


@click.command("retry", short_help="try the rejected rows again")
@click.argument("target")
@workers_option
@target_ms_option
@lag_option
@rejected_option
@database_options
@json_option
@click.pass_context
def command(
    context: click.Context,
    target: str,
    workers: int | None,
    target_ms: int | None,
    max_lag: str | None,
    max_rejected: int | None,
    url_env: str | None,
    wait_db: str | None,
    as_json: bool,
) -> None:
    """Try the rejected rows again, and move whatever else is left.

    \b
    Example:
      migrator backfill retry 20261124T031245
    """
    from migrator.backfill import rejects
    from migrator.cli.backfill.run import command as run

    with ordered(target, url_env, wait_db) as order:
        count = rejects.forget(order.session, order.project, order.migration.id)
        if count:
            order.record("retried", rows=count)
    click.echo(f"note: {count or 'no'} rejected {'row is' if count == 1 else 'rows are'} tried again", err=True)
    context.invoke(
        run, target=target, workers=workers, target_ms=target_ms, max_lag=max_lag, max_rejected=max_rejected,
        url_env=url_env, wait_db=wait_db, as_json=as_json,
    )  # fmt: skip
