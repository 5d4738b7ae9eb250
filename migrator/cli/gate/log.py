"""``migrator gate log``."""

from __future__ import annotations

import click

from migrator.cli.gate_session import one_target, opened
from migrator.cli.options import database_options, emit_json, json_option, load_project, require_database


@click.command("log", short_help="every decision: who, when, why")
@click.argument("target", required=False, default=None)
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, metavar="N", help="How many, newest last.  [default: 100]"
)
@json_option
@database_options
def command(target: str | None, limit: int, as_json: bool, url_env: str | None, wait_db: str | None) -> None:
    """Show every decision: who, when, why; of TARGET, or of the whole project.

    \b
    Example:
      migrator gate log 20261124T031245
    """
    from dataclasses import asdict

    from migrator.ledger import decisions

    project = load_project()
    database = require_database(project, url_env, wait_db, "gate log")
    with opened(project, database, read_only=True) as (session, _):
        migration = one_target(database, project, target).id if target is not None else None
        rows = decisions.recent(session, project.settings.project, migration, limit)[::-1]
    if as_json:
        emit_json({"decisions": [asdict(row) for row in rows]})
        return
    for row in rows:
        about = f" {row.migration}" if row.migration else ""
        verdict = f" {row.verdict}" if row.verdict else ""
        when, who = f"{row.at:%Y-%m-%d %H:%M:%S %Z}", f"{row.actor}, role {row.session_role}"
        click.echo(f"{row.seq:>5}  {when}  {row.kind}{verdict}{about}  by {who}")
        for reason in row.reasons:
            click.echo(f"       {reason}")
