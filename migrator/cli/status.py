"""``migrator status``."""

from __future__ import annotations

import click

from migrator.cli.options import database_options, emit_json, json_option
from migrator.errors import UsageError


@click.command()
@click.argument("target", required=False)
@click.option("--watch", is_flag=True, default=False, help="Show it again every two seconds until Ctrl-C.")
@database_options
@json_option
def command(target: str | None, watch: bool, url_env: str | None, wait_db: str | None, as_json: bool) -> None:
    """Every migration: its phases, progress, and who blocks it. Exit 0 unless the database cannot be asked.

    Each call also takes a sample of who is running, which counts towards the soak.

    \b
    Example:
      migrator status
    """
    import time

    from migrator.cli.options import actor, load_project, require_database
    from migrator.execution.kept import migrations_of
    from migrator.execution.run import Run
    from migrator.execution.status import overview
    from migrator.model.events import ignore
    from migrator.planning.folders import find
    from migrator.reporting import status_json, status_text

    if watch and as_json:
        raise UsageError("--watch and --json do not go together", hint="call it again and again instead")
    project = load_project()
    database = require_database(project, url_env, wait_db, "status")
    migrations = migrations_of(project, database) if project.has_folder or project.alembic else []
    run = Run(database, project, migrations, actor(), "status", ignore)
    wanted = [find(migrations, target)] if target is not None else None
    while True:
        seen = overview(run, wanted)
        if as_json:
            emit_json(status_json.document(seen))
            return
        if watch:
            click.clear()
        for line in status_text.lines(seen):
            click.echo(line)
        if not watch:
            return
        time.sleep(2)
