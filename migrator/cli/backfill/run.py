"""``migrator backfill [TARGET]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from migrator.cli.backfill_orders import lag_option, rejected_option, target_ms_option, workers_option
from migrator.cli.options import database_options, json_option
from migrator.cli.shipping import chosen, shipping, stoppable, yet_to_expand

if TYPE_CHECKING:
    from migrator.config import Project


@click.command("run")
@click.argument("target", required=False)
@workers_option
@target_ms_option
@lag_option
@rejected_option
@database_options
@json_option
def command(
    target: str | None,
    workers: int | None,
    target_ms: int | None,
    max_lag: str | None,
    max_rejected: int | None,
    url_env: str | None,
    wait_db: str | None,
    as_json: bool,
) -> None:
    """Move the data in small batches, and verify that no row was missed.

    \b
    Example:
      migrator backfill --workers 2 --target-ms 50
    """
    from dataclasses import replace

    from migrator.execution import phases
    from migrator.execution.several import for_each
    from migrator.model.events import Note

    with shipping("backfill", url_env, wait_db, as_json=as_json) as run, stoppable() as should_stop:
        tuned = replace(run, project=tuned_project(run.project, workers, target_ms, max_lag, max_rejected))
        migrations = chosen(tuned, target)
        pending = migrations if target else phases.ready_for_backfill(tuned, migrations)
        if not pending:
            run.listener(Note("no data is waiting to be moved" + yet_to_expand(tuned, migrations)))
        for_each(tuned, pending, lambda each: phases.backfill(tuned, each, should_stop), in_order=False)


def tuned_project(
    project: Project, workers: int | None, target_ms: int | None, max_lag: str | None, max_rejected: int | None
) -> Project:
    """The project with the flags over its settings."""
    import msgspec

    from migrator.config import milliseconds

    given = {"workers": workers, "target_ms": target_ms, "max_lag": max_lag, "max_rejected": max_rejected}
    if max_lag is not None:
        milliseconds(max_lag)
    changed = {name: value for name, value in given.items() if value is not None}
    settings = project.settings
    backfill = msgspec.structs.replace(settings.backfill, **changed)
    return msgspec.structs.replace(project, settings=msgspec.structs.replace(settings, backfill=backfill))
