"""``migrator plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from migrator.cli.options import (
    database_options,
    emit_json,
    json_option,
    load_project,
    project_database,
    require_alembic_project,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from migrator.config import Project
    from migrator.integrations.alembic.foreseen import Foreseen
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

    A revision of Alembic that is not expanded yet is planned on the tables as they are now. One that is about tables of
    others before it can be planned when those are expanded, and says which they are.

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
    ahead = _ahead(project, database, {each.id for each in migrations})
    waiting: list[Foreseen] = []
    notes: dict[str, tuple[str, ...]] = {each.id: each.notes for each in ahead}
    if target is not None:
        chosen = [_revision(project, target, migrations, ahead) or find(migrations, target)]
    else:
        planned = [each.migration for each in ahead if each.migration is not None]
        chosen = [*_unfinished(migrations, database, project.settings.project), *planned]
        waiting = [each for each in ahead if each.migration is None]
    known = [*migrations, *(each.migration for each in ahead if each.migration is not None)]
    for name, reasons in _foreseen(known, database, project.settings.project).items():
        notes[name] = (*notes.get(name, ()), *reasons)
    phases = (Phase(phase),) if phase else (Phase.EXPAND, Phase.BACKFILL, Phase.CONTRACT)
    if as_json:
        limit_ms = milliseconds(project.settings.lock_timeout)
        documents = [plan_json.document(each, phases, limit_ms, notes.get(each.id, ())) for each in chosen]
        # One migration is the document itself, as the contract has it; several stand in a list.
        emit_json(documents[0] if len(documents) == 1 and not waiting else _several(documents, waiting))
        return
    if not chosen and not waiting:
        is_empty = not migrations and not project.keeps_revisions
        click.echo(
            "nothing is pending" if not is_empty else f"no migrations in {project.settings.migrations}", err=True
        )
        return
    rows = _estimated_rows(chosen, database)
    for number, migration in enumerate(chosen):
        if number:
            click.echo("")
        for line in plan_text.sql_lines(migration, phases) if only_sql else plan_text.lines(migration, phases, rows):
            click.echo(line)
        for note in notes.get(migration.id, ()):
            click.echo(f"note: {note}", err=True)
    for each in waiting:
        error = each.error
        click.echo(f"\n{each.id}  {each.title}: not planned" + (f": {error.message}" if error else ""), err=only_sql)
        for line in filter(None, (error.at, error.detail, error.hint) if error else ()):
            click.echo(f"  {line}", err=only_sql)


def _ahead(project: Project, database: Database | None, known: set[str]) -> list[Foreseen]:
    """Revisions that are not expanded yet; there are none in a project of folders."""
    if database is None or not project.keeps_revisions:
        return []
    opened = require_alembic_project(project)
    from migrator.integrations.alembic.foreseen import foreseen

    with database.connect("plan") as session:
        return [each for each in foreseen(opened, session, project.settings.project) if each.id not in known]


def _revision(
    project: Project, target: str, migrations: Sequence[Migration], ahead: Sequence[Foreseen]
) -> Migration | None:
    """The migration of a revision; None: this is no project of revisions, or it has none that the target fits.

    Raises:
        UsageError: the revision is past, and the ledger has nothing of it.
        MigratorError: it cannot be planned, or not yet.
    """
    from migrator.errors import UsageError

    if not project.keeps_revisions or any(each.id.startswith(target) for each in migrations):
        return None
    opened = require_alembic_project(project)
    revision = opened.revision(target)
    found = next((each for each in ahead if each.id == revision.revision), None)
    if found is not None and found.error is not None:
        raise found.error
    if found is not None:
        return found.migration
    in_ledger = next((each for each in migrations if each.id == revision.revision), None)
    if in_ledger is None:
        from migrator.integrations.alembic import running

        if running.is_phased(revision.module):
            hint = running.how_it_runs(opened, revision)
            raise UsageError(running.never_ran(revision), at=str(revision.path), hint=hint)
        raise UsageError(
            f"revision {revision.revision} ran here, and has no phased operations: nothing of it is left to do",
            at=str(revision.path),
        )
    return in_ledger


def _several(documents: list[dict[str, Any]], waiting: Sequence[Foreseen]) -> dict[str, Any]:
    later = [
        {
            "migration": {"id": each.id, "title": each.title},
            "reason": each.error.message if each.error else "",
            "hint": each.error.hint if each.error else None,
        }
        for each in waiting
    ]
    return {"migrations": documents, **({"waiting": later} if later else {})}


def _unfinished(migrations: Sequence[Migration], database: Database | None, project: str) -> list[Migration]:
    if database is None:
        return list(migrations)
    from migrator.ledger import state
    from migrator.ledger.install import is_installed

    with database.connect("plan") as session:
        records = state.all_records(session, project) if is_installed(session) else []
    finished = {each.id for each in records if each.state in (state.State.CONTRACTED, state.State.COMPLETE)}
    return [each for each in migrations if each.id not in finished]


def _foreseen(migrations: list[Migration], database: Database | None, project: str) -> Mapping[str, tuple[str, ...]]:
    """By id, what other migrations will have against their expand."""
    if database is None:
        return {}
    from migrator.execution.others import foreseen

    with database.connect("plan") as session:
        return foreseen(session, project, migrations)


def _estimated_rows(migrations: Sequence[Migration], database: Database | None) -> dict[str, int]:
    if database is None:
        return {}
    from migrator.postgres.catalog import estimated_rows

    with database.connect("plan") as session:
        return estimated_rows(session, {step.effects.relation for each in migrations for step in each.steps})
