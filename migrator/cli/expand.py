"""``migrator expand``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from migrator.cli.options import database_options, json_option
from migrator.cli.shipping import chosen, shipping, terminable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrator.execution.run import Run


@click.command()
@click.argument("target", required=False)
@click.option("--dry-run", is_flag=True, default=False, help="Check everything and show the SQL; run nothing.")
@database_options
@json_option
def command(target: str | None, dry_run: bool, url_env: str | None, wait_db: str | None, as_json: bool) -> None:
    """Add the new shape; the pre-deploy job. Code that knows only the old shape goes on to work.

    TARGET is a migration id or the beginning of one; without it, everything pending in order. A refused lock is tried
    again; a run that was cut off goes on where it stopped.

    In a project with an alembic.ini this runs its revisions, each in a run of Alembic of its own; TARGET is the last.

    \b
    Example:
      migrator expand --wait-db 60s
    """
    from migrator.execution.dry_run import show_expand
    from migrator.execution.several import expand_all, for_each, without_repetition
    from migrator.model.events import Note

    with shipping("expand", url_env, wait_db, as_json=as_json) as run, terminable():
        if run.project.keeps_revisions:
            ran = _revisions(run, target, dry_run=dry_run)
            if not as_json and ran:
                click.echo(_next(run, ran), err=True)
            return
        migrations = chosen(run, target)
        told = run if target else without_repetition(run)
        if dry_run:
            for_each(told, migrations, lambda each: show_expand(told, each), in_order=True)
            return
        expanded = expand_all(told, migrations)
        if migrations and not target and not expanded:
            run.listener(Note("everything is expanded already"))
        if not as_json and expanded:
            click.echo(_next(run, [each.id for each in expanded]), err=True)


def _next(run: Run, expanded: Sequence[str]) -> str:
    """What to do after these were expanded: in a fresh database, and where nothing is dropped, no phase is left."""
    from migrator.ledger import state
    from migrator.model.phase import Phase

    over = (state.State.CONTRACTED, state.State.COMPLETE)
    with run.database.connect("look") as session:
        records = state.all_records(session, run.key)
    pending = [each for each in records if each.id in expanded and each.state not in over]
    left = [
        f'"migrator {phase.value}"'
        for phase in (Phase.BACKFILL, Phase.CONTRACT)
        if any(phase.value in each.spec["phases"] for each in pending)
    ]
    return "next: deploy the new code" + (f" and run {', then '.join(left)}" if left else "")


def _revisions(run: Run, target: str | None, *, dry_run: bool) -> list[str]:
    """Run the revisions of an Alembic project."""
    from migrator.cli.options import require_alembic_project
    from migrator.config import seconds
    from migrator.ledger.install import ensure_installed
    from migrator.model.events import Note

    project = require_alembic_project(run.project)
    from migrator.integrations.alembic import running

    if dry_run:
        for revision in project.pending(project.connection()[1]):
            click.echo(f"{revision.revision}  {revision.doc}")
        return []
    with run.database.connect("upgrade") as session:
        ran = running.expand(
            project,
            session,
            key=run.key,
            target=target,
            budget_s=seconds(run.project.settings.lock_budget),
            tell=lambda text: run.listener(Note(text)),
        )
        ensure_installed(session)
        run.gate.sync_services(session)
    run.listener(
        Note(f"ran {len(ran)} revision{'s' if len(ran) != 1 else ''}" if ran else "everything is expanded already")
    )
    return ran
