"""``migrator gate wait``."""

from __future__ import annotations

import click

from migrator.cli.gate_session import direction_of, one_target, opened, rollback_option
from migrator.cli.options import database_options, emit_json, json_option, load_project, require_database


@click.command("wait", short_help="wait until the contract may run")
@click.argument("target")
@click.option("--timeout", default="30min", show_default=True, metavar="TIME", help="Longest wait, as in 50min.")
@rollback_option
@json_option
@database_options
def command(target: str, timeout: str, rollback: bool, as_json: bool, url_env: str | None, wait_db: str | None) -> None:
    """Wait until the contract of TARGET may run: old code gone, soak over. Changes nothing.

    One line on stderr for each change: who left, who came, what the verdict became. The exit code is 0 when the gate is
    open, else that of the last look: 10 old code runs, 11 no proof, 12 soaking. Under a fence that was raised by hand
    the gate is confirmed at the end.

    \b
    Example:
      migrator gate wait 20261124T031245 --timeout 50min
    """
    from migrator.config import seconds
    from migrator.reporting import gate_json

    project = load_project()
    timeout_s = seconds(timeout)
    database = require_database(project, url_env, wait_db, "gate wait")
    with opened(project, database) as (session, gate):
        migration = one_target(database, project, target)
        report = gate.wait(
            session, migration, direction_of(rollback), timeout_s, lambda line: click.echo(line, err=True)
        )
    if as_json:
        emit_json(gate_json.document(report))
    else:
        click.echo(f"gate of {report.migration}: {report.verdict.value}")
