"""``migrator gate override``."""

from __future__ import annotations

import click

from migrator.cli.gate_session import direction_of, one_target, opened, rollback_option
from migrator.cli.options import database_options, emit_json, json_option, load_project, require_database


@click.command("override", short_help="ask to overrule one verdict, once")
@click.argument("target")
@click.option(
    "--only",
    required=True,
    metavar="SOURCE:SERVICE",
    help="The one verdict; the service is - for what a source says about no listed service.",
)
@click.option("--reason", required=True, metavar="TEXT", help="How it is known to be wrong; shown ever after.")
@click.option(
    "--approved-by", required=True, metavar="ROLE", help="Database role of a second person, who must approve it."
)
@click.option("--expires", default="30min", show_default=True, metavar="TIME", help="How long it is good for.")
@rollback_option
@json_option
@database_options
def command(
    target: str,
    only: str,
    reason: str,
    approved_by: str,
    expires: str,
    rollback: bool,
    as_json: bool,
    url_env: str | None,
    wait_db: str | None,
) -> None:
    """Ask to overrule one verdict of one source about one service, for the next contract of TARGET only.

    It counts once the named role has run "migrator gate approve" in a session of its own, is spent by the next fence,
    and is void when the files, a service or a fence change. It never stands in for fresh evidence, for locks, or for
    the window of levels, and it is shown ever after.

    \b
    Example:
      migrator gate override 20261124T031245 --only heartbeat:web --approved-by alice \\
        --reason "web-7 is on the node that burned down"
    """
    from dataclasses import asdict

    project = load_project()
    database = require_database(project, url_env, wait_db, "gate override")
    with opened(project, database) as (session, gate):
        one = gate.request_override(
            session,
            one_target(database, project, target),
            direction_of(rollback),
            only=only,
            reason=reason,
            approver=approved_by,
            expires=expires,
        )
    if as_json:
        emit_json({"override": asdict(one)})
        return
    click.echo(f"override {one.id} of {one.only} is asked for, good until {one.expires_at:%Y-%m-%d %H:%M:%S %Z}")
    click.echo(f'it counts once role "{one.approver}" has run, connected as itself: migrator gate approve {one.id}')
