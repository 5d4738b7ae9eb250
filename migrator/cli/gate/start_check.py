"""``migrator gate start-check``."""

from __future__ import annotations

import click

from migrator.cli.gate_session import tell
from migrator.cli.options import actor, database_options, load_project, require_database


@click.command("start-check", short_help="exit 13 if code must not start")
@click.argument("service")
@click.option("--level", type=int, required=True, metavar="N", help="Schema level of the code that wants to start.")
@click.option("--version", default="", metavar="V", help="Its version, as it beats with: contracts may leave it alone.")
@database_options
def command(service: str, level: int, version: str, url_env: str | None, wait_db: str | None) -> None:
    """Exit 13 if code of SERVICE at this level must not start now; for init containers and rollbacks.

    Any role may ask, that of the application too.

    \b
    Example:
      migrator gate start-check web --level 41
      migrator gate start-check web --level 41 --version 1.41.0
    """
    from migrator.gate.gate import Gate

    project = load_project()
    database = require_database(project, url_env, wait_db, "gate start-check")
    with database.connect("start-check") as session:
        window = Gate(database, project, actor(), tell).start_check(session, service, level, version)
    if level < window.min_level:
        click.echo(f'"{service}" {version} at level {level} may start: no contract changes what it uses')
        return
    click.echo(f'"{service}" at level {level} may start: levels {window.min_level} to {window.max_level} may')
