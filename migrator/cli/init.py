"""``migrator init``."""

from __future__ import annotations

import click

from migrator.cli.options import emit_json, json_option


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Set up the working folder: migrator.toml, a folder for migrations, snippets for CI.

    Safe to run again: what is there is left alone. With a [tool.migrator] table in pyproject.toml, no migrator.toml is
    written.

    \b
    Example:
      cd shop && migrator init
    """
    from pathlib import Path

    from migrator.authoring.init import init

    made = init(Path.cwd())
    if as_json:
        emit_json({"files": [{"path": each.path, "what": each.what, "existed": each.existed} for each in made]})
        return
    for each in made:
        click.echo(f"{'kept ' if each.existed else 'wrote'}  {each.path:<26} {each.what}")
    click.echo('next: name the services that use the database in the configuration, then "migrator new"', err=True)
