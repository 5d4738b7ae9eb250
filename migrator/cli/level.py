"""``migrator level``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from migrator.cli.options import emit_json, json_option, load_project, require_alembic_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrator.config import Project
    from migrator.model.level import Leveled


@click.group(invoke_without_command=True)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to a file: a Python module (.py), JSON (.json), or the number alone.",
)
@click.option(
    "--check",
    "checked",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Exit with 1 if the file does not hold what --output would write.",
)
@json_option
@click.pass_context
def command(ctx: click.Context, output: Path | None, checked: Path | None, as_json: bool) -> int | None:
    """The level that code of this checkout has: the highest migration whose new shape it uses.

    Code never types its level, it is generated: run this where the release is built, and hand the number to the
    application, which tells it with every beat. A migration whose new shape comes to be used in a later release only is
    written with "migrator new --code-later"; "migrator level bump" in the change that uses it lifts the level.

    \b
    Example:
      migrator level --output app/schema_level.py      # LEVEL = 42
      migrator level --check app/schema_level.py       # in CI
      docker build --build-arg SCHEMA_LEVEL="$(migrator level)" .
    """
    if ctx.invoked_subcommand is not None:
        return None
    from migrator.errors import UsageError
    from migrator.model.level import level_of_code

    if output and checked:
        raise UsageError("--output and --check exclude each other")
    migrations = _leveled(load_project())
    level = level_of_code(migrations)
    if checked is not None:
        try:
            is_same = checked.read_text(encoding="utf-8") == _content(checked, level)
        except (OSError, UnicodeDecodeError):
            is_same = False
        if not is_same:
            click.echo(f"{checked} is not of level {level}", err=True)
            click.echo(f"next: migrator level --output {checked}", err=True)
            return 1
    elif output is not None:
        try:
            output.write_text(_content(output, level), encoding="utf-8")
        except OSError as error:
            raise UsageError(f'cannot write "{output}": {error.strerror}') from None
        click.echo(f"wrote {output}: level {level}", err=True)
    waiting = [each for each in migrations if each.level > level]
    if as_json:
        emit_json({"level": level, "later": [{"migration": each.id, "level": each.level} for each in waiting]})
    elif output is None and checked is None:
        click.echo(level)
    if waiting and not as_json:
        word = "migration is" if len(waiting) == 1 else "migrations are"
        click.echo(f"{len(waiting)} {word} above it, used by later code: {_names(waiting)}", err=True)
    return 0


@command.command("bump")
@click.argument("target", required=False)
@json_option
def bump(target: str | None, as_json: bool) -> None:
    """The code of this checkout uses the new shape of TARGET, and of every migration below it; default: of all.

    Takes code = "later" out of their files, and prints the level that code has then.

    \b
    Example:
      migrator level bump 20261124T0312
    """
    from migrator.errors import UsageError
    from migrator.model.level import level_of_code

    project = load_project()
    migrations = _leveled(project)
    up_to = None
    if target is not None:
        fitting = [each for each in migrations if each.id.startswith(Path(target).name)]
        if len(fitting) != 1:
            raise UsageError(
                f'"{target}" fits {len(fitting)} migrations' if fitting else f'no migration fits "{target}"',
                detail="\n".join(each.id for each in fitting or migrations),
            )
        up_to = fitting[0].level
    lifted = [each for each in migrations if each.code_is_later and (up_to is None or each.level <= up_to)]
    for each in lifted:
        set_code_later(project, each.id, later=False)
    level = level_of_code(_leveled(project))
    if as_json:
        emit_json({"level": level, "lifted": [each.id for each in lifted]})
        return
    click.echo(level)
    click.echo(f"used from now on: {_names(lifted)}" if lifted else "nothing was left for later", err=True)


def set_code_later(project: Project, migration: str, *, later: bool) -> None:
    """Write whether the code of this checkout does without the new shape of a migration."""
    if project.alembic is not None and not project.has_folder:
        opened = require_alembic_project(project)
        from migrator.integrations.alembic.levels import set_code_later as set_in_header

        set_in_header(opened, migration, later=later)
        return
    from migrator.authoring.levels import set_code_later as set_in_folder
    from migrator.planning.folders import find, load_all

    set_in_folder(find(load_all(project.migrations), migration), later=later)


def _leveled(project: Project) -> Sequence[Leveled]:
    if project.alembic is not None and not project.has_folder:
        opened = require_alembic_project(project)
        from migrator.integrations.alembic.levels import leveled as in_history

        return in_history(opened)
    from migrator.authoring.levels import leveled
    from migrator.planning.folders import load_all

    return leveled(load_all(project.migrations))


def _content(path: Path, level: int) -> str:
    if path.suffix == ".py":
        return f'"""Generated by "migrator level": the schema level that this code needs."""\n\nLEVEL = {level}\n'
    return f'{{"level": {level}}}\n' if path.suffix == ".json" else f"{level}\n"


def _names(migrations: Sequence[Leveled]) -> str:
    return ", ".join(f"{each.id} ({each.level})" for each in migrations)
