"""``migrator advance``."""

from __future__ import annotations

import click

from migrator.cli.options import database_options, json_option
from migrator.cli.shipping import chosen, shipping, stoppable


@click.command()
@database_options
@json_option
def command(url_env: str | None, wait_db: str | None, as_json: bool) -> None:
    """Expand, backfill and contract everything as far as it may go now, without waiting.

    What is blocked is passed over, the rest goes on; the exit code is the worst of what stood in the way.

    \b
    Example:
      migrator advance
    """
    from migrator.execution.several import advance

    with shipping("advance", url_env, wait_db, as_json=as_json) as run, stoppable() as should_stop:
        advance(run, chosen(run, None), should_stop)
