"""``migrator init``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from migrator.cli.options import emit_json, json_option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@click.command()
@click.option(
    "--alembic",
    "with_alembic",
    is_flag=True,
    default=False,
    help="The project has an Alembic history: check that it can be used, and make no folder of migrations.",
)
@json_option
def command(with_alembic: bool, as_json: bool) -> None:
    """Set up the working folder: migrator.toml, a folder for migrations, snippets for CI.

    Safe to run again: what is there is left alone. With a [tool.migrator] table in pyproject.toml, no migrator.toml is
    written.

    \b
    Example:
      cd shop && migrator init
    """
    from pathlib import Path

    from migrator.authoring.init import init

    root = Path.cwd()
    made = init(root, _revisions(root) if with_alembic else ())
    if as_json:
        emit_json({"files": [{"path": each.path, "what": each.what, "existed": each.existed} for each in made]})
        return
    for each in made:
        click.echo(f"{'kept ' if each.existed else 'wrote'}  {each.path:<26} {each.what}")
    click.echo('next: name the services that use the database in the configuration, then "migrator new"', err=True)
    if with_alembic:
        click.echo("      or in a revision of your own: from migrator import alembic as phased", err=True)


def _revisions(root: Path) -> Sequence[str]:
    """The folders of the revisions of an Alembic project that can be used.

    Raises:
        UsageError: there is none, it is for several databases, or Alembic is not installed.
    """
    import os.path

    from migrator.cli.options import alembic_project
    from migrator.config import load
    from migrator.errors import UsageError

    project = load(root)
    opened = alembic_project(project)
    if opened is None:
        raise UsageError(
            f"there is no alembic.ini in {project.root}, and no [tool.alembic] in pyproject.toml",
            hint='"alembic init" makes one; alembic = "…" in the configuration of migrator names one elsewhere',
        )
    return [os.path.relpath(each, root) for each in opened.folders]
