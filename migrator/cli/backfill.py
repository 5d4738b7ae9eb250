"""``migrator backfill``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from migrator.cli.options import database_options, json_option
from migrator.cli.shipping import chosen, shipping, stoppable

if TYPE_CHECKING:
    from migrator.config import Project


@click.command()
@click.argument("target", required=False)
@click.option("--workers", type=click.IntRange(1, 64), default=None, help="Connections that move data at once.")
@click.option("--target-ms", type=click.IntRange(5, 60_000), default=None, help="How long one batch should take.")
@click.option("--max-lag", metavar="TIME", default=None, help="Pause while a standby is further behind than this.")
@database_options
@json_option
def command(
    target: str | None,
    workers: int | None,
    target_ms: int | None,
    max_lag: str | None,
    url_env: str | None,
    wait_db: str | None,
    as_json: bool,
) -> None:
    """Move the data in small batches, and verify that no row was missed.

    Any number of these processes on any number of machines help each other. Ctrl-C and SIGTERM stop after the current
    batch (exit 14); running it again goes on there, as it does after a crash.

    \b
    Example:
      migrator backfill --workers 2 --target-ms 50
    """
    from dataclasses import replace

    from migrator.execution import phases
    from migrator.execution.several import for_each
    from migrator.model.events import Note

    with shipping("backfill", url_env, wait_db, as_json=as_json) as run, stoppable() as should_stop:
        tuned = replace(run, project=_tuned(run.project, workers, target_ms, max_lag))
        migrations = chosen(tuned, target)
        pending = migrations if target else phases.ready_for_backfill(tuned, migrations)
        if not pending:
            run.listener(Note("no data is waiting to be moved"))
        for_each(tuned, pending, lambda each: phases.backfill(tuned, each, should_stop), in_order=False)


def _tuned(project: Project, workers: int | None, target_ms: int | None, max_lag: str | None) -> Project:
    """The project with the flags over its settings."""
    import msgspec

    from migrator.config import milliseconds

    given = {"workers": workers, "target_ms": target_ms, "max_lag": max_lag}
    if max_lag is not None:
        milliseconds(max_lag)
    changed = {name: value for name, value in given.items() if value is not None}
    settings = project.settings
    backfill = msgspec.structs.replace(settings.backfill, **changed)
    return msgspec.structs.replace(project, settings=msgspec.structs.replace(settings, backfill=backfill))
