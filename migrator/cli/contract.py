"""``migrator contract``."""

from __future__ import annotations

import click

from migrator.cli.options import database_options, json_option
from migrator.cli.shipping import (
    chosen,
    confirm,
    passage_options,
    shipping,
    terminable,
    wait_seconds,
    yet_to_expand,
)


@click.command()
@click.argument("target", required=False)
@passage_options(waits_for="old code to leave and for the soak")
@click.option("--yes", is_flag=True, default=False, help="Do not ask on a terminal.")
@database_options
@json_option
def command(
    target: str | None,
    wait: str | None,
    yes: bool,
    offline: str | None,
    url_env: str | None,
    wait_db: str | None,
    as_json: bool,
) -> None:
    """Remove the old shape, once it is proven that no running code needs it; the post-deploy job.

    Old code found running is exit 10 and changes nothing: it may restart and scale as before. No proof is exit 11, a
    soak that is not over is exit 12; run it again, or give --wait. Without TARGET, everything that may be contracted.

    \b
    Example:
      migrator contract --wait 30min --yes
    """
    from migrator.execution import phases
    from migrator.execution.several import for_each
    from migrator.model.events import Note

    wait_s = wait_seconds(wait)
    with shipping("contract", url_env, wait_db, as_json=as_json) as run, terminable():
        migrations = chosen(run, target)
        pending = migrations if target else phases.ready_for_contract(run, migrations)
        if not pending:
            run.listener(Note("nothing is waiting to be contracted" + yet_to_expand(run, migrations)))
        else:
            names = ", ".join(each.id for each in pending)
            confirm(f"Contract removes the old shape of {names} for good. Go on?", yes=yes, as_json=as_json)
        for_each(
            run,
            pending,
            lambda each: phases.contract(run, each, wait_s=wait_s, offline=offline),
            in_order=False,
        )
