"""``migrator gate verify-log``."""

from __future__ import annotations

import click

from migrator.cli.gate_session import opened
from migrator.cli.options import database_options, emit_json, json_option, load_project, require_database


@click.command("verify-log", short_help="check that nobody changed the log")
@click.option(
    "--noted",
    default=None,
    metavar="SEQ:HASH",
    help="An end of the log noted earlier: it must still be there.",
)
@json_option
@database_options
def command(noted: str | None, as_json: bool, url_env: str | None, wait_db: str | None) -> None:
    """Check that no decision was changed, removed or put in by other means. Exit 1 if one was.

    Each decision carries a hash of itself and of the one before. That the last ones are missing can only be seen with
    an end that was noted elsewhere: keep what this prints.

    \b
    Examples:
      migrator gate verify-log
      migrator gate verify-log --noted 41:9f86d081884c7d65…
    """
    from migrator.gate.audit import verify_log

    project = load_project()
    database = require_database(project, url_env, wait_db, "gate verify-log")
    with opened(project, database, read_only=True) as (session, _):
        last, hash_ = verify_log(session, noted)
    if as_json:
        emit_json({"whole": True, "decisions": last, "end": f"{last}:{hash_}"})
        return
    click.echo(f"{last} decision{'' if last == 1 else 's'}, the chain is whole; its end is {last}:{hash_}")
