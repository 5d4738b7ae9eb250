"""``migrator backfill set``."""

from __future__ import annotations

import click

from migrator.cli.backfill_orders import lag_option, ordered, rejected_option, target_ms_option, workers_option
from migrator.cli.options import database_options, emit_json, json_option


@click.command("set", short_help="change its limits, for all its processes")
@click.argument("target")
@workers_option
@target_ms_option
@lag_option
@rejected_option
@click.option("--reset", is_flag=True, default=False, help="First forget what was set: as each process is configured.")
@database_options
@json_option
def command(
    target: str,
    workers: int | None,
    target_ms: int | None,
    max_lag: str | None,
    max_rejected: int | None,
    reset: bool,
    url_env: str | None,
    wait_db: str | None,
    as_json: bool,
) -> None:
    """Change limits of a backfill for all its processes, those that run and those to come; within a second.

    \b
    Examples:
      migrator backfill set 20261124T031245 --workers 4 --target-ms 200
      migrator backfill set 20261124T031245 --reset
    """
    from migrator.backfill import control
    from migrator.config import milliseconds
    from migrator.errors import UsageError

    given: dict[str, int | None] = {
        "workers": workers,
        "target_ms": target_ms,
        "max_lag_ms": milliseconds(max_lag) if max_lag is not None else None,
        "max_rejected": max_rejected,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes and not reset:
        raise UsageError("nothing to set", hint='"migrator backfill set --help" shows what can be set')
    with ordered(target, url_env, wait_db) as order:
        order.require_open()
        if reset:
            control.reset(order.session, order.project, order.migration.id)
        if changes:
            control.change(order.session, order.project, order.migration.id, changes)
        order.record("limits set", reset=reset, **changes)
        orders = control.orders(order.session, order.project, order.migration.id)
    names = ("workers", "target_ms", "max_lag_ms", "max_rejected")
    in_force = {name: getattr(orders, name) for name in names}
    if as_json:
        emit_json({"migration": order.migration.id, "limits": in_force})
        return
    said = ", ".join(f"{name} = {value}" for name, value in in_force.items() if value is not None)
    click.echo(f"{order.migration.id}: {said or 'limits are as each process is configured'}")
