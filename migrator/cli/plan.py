"""``migrator plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from migrator.cli.options import database_options, emit_json, json_option, load_project, project_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrator.model.plan import Migration
    from migrator.postgres.connect import Database


@click.command()
@click.argument("target", required=False)
@click.option("--sql", "only_sql", is_flag=True, default=False, help="Only the statements.")
@click.option(
    "--phase",
    type=click.Choice(["expand", "backfill", "contract", "rollback"]),
    default=None,
    help="Only this phase  [default: expand, backfill and contract].",
)
@database_options
@json_option
def command(
    target: str | None, only_sql: bool, phase: str | None, url_env: str | None, wait_db: str | None, as_json: bool
) -> None:
    """Show every step: SQL, lock, whom it makes wait, transaction, undo. Nothing is run.

    TARGET is a migration id or the beginning of one; without it, every migration that is not finished in the database,
    or all of them when there is no database to ask.

    \b
    Example:
      migrator plan
      migrator plan 20261124T0312 --phase expand --sql
    """
    from migrator.config import milliseconds
    from migrator.execution.kept import migrations_of
    from migrator.model.plan import Phase
    from migrator.planning.folders import find
    from migrator.reporting import plan_json, plan_text

    project = load_project()
    database = project_database(project, url_env, wait_db, "plan")
    migrations = migrations_of(project, database)
    chosen = (
        [find(migrations, target)]
        if target is not None
        else _unfinished(migrations, database, project.settings.project)
    )
    phases = (Phase(phase),) if phase else (Phase.EXPAND, Phase.BACKFILL, Phase.CONTRACT)
    if as_json:
        limit_ms = milliseconds(project.settings.lock_timeout)
        documents = [plan_json.document(each, phases, limit_ms) for each in chosen]
        # One migration is the document itself, as the contract has it; several stand in a list.
        emit_json(documents[0] if len(documents) == 1 else {"migrations": documents})
        return
    if not chosen:
        click.echo("nothing is pending" if migrations else f"no migrations in {project.settings.migrations}", err=True)
        return
    rows = _estimated_rows(chosen, database)
    for number, migration in enumerate(chosen):
        if number:
            click.echo("")
        for line in plan_text.sql_lines(migration, phases) if only_sql else plan_text.lines(migration, phases, rows):
            click.echo(line)


def _unfinished(migrations: Sequence[Migration], database: Database | None, project: str) -> list[Migration]:
    if database is None:
        return list(migrations)
    from migrator.ledger import state
    from migrator.ledger.install import is_installed

    with database.connect("plan") as session:
        records = state.all_records(session, project) if is_installed(session) else []
    finished = {each.id for each in records if each.state in (state.State.CONTRACTED, state.State.COMPLETE)}
    return [each for each in migrations if each.id not in finished]


def _estimated_rows(migrations: Sequence[Migration], database: Database | None) -> dict[str, int]:
    if database is None:
        return {}
    from migrator.postgres.catalog import estimated_rows

    with database.connect("plan") as session:
        return estimated_rows(session, {step.effects.relation for each in migrations for step in each.steps})
