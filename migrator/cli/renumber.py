"""``migrator renumber``."""

from __future__ import annotations

import click

from migrator.cli.options import (
    database_options,
    emit_json,
    history_of,
    json_option,
    load_project,
    project_database,
)


@click.command()
@click.argument("target")
@database_options
@json_option
def command(target: str, url_env: str | None, wait_db: str | None, as_json: bool) -> None:
    """Move a migration that came late up: it gets the level above every other one. Its id stays.

    Two branches that were written side by side have the same level; the one that is merged second is moved up, and its
    code is built anew with the level it has then. Levels are looked up in the files, and in the ledger of the database
    if one is given; what is expanded there already stays as it is.

    \b
    Example:
      migrator renumber 20261124T0312
    """
    from migrator.errors import OutOfOrder
    from migrator.ledger.install import is_installed
    from migrator.ledger.state import State, all_records

    project = load_project()
    database = project_database(project, url_env, wait_db, "renumber")
    records = []
    if database is not None:
        with database.connect("renumber") as session:
            records = all_records(session, project.settings.project) if is_installed(session) else []
    ran = {each.id: each for each in records if each.state not in (State.PENDING, State.ROLLED_BACK)}
    highest = max((each.level for each in ran.values()), default=0)

    history = history_of(project)
    migration = history.find(target)
    known = history.leveled(distinct=False)
    old = next(each.level for each in known if each.id == migration)
    others = [each.level for each in known if each.id != migration]
    if migration in ran:
        raise OutOfOrder(
            f"{migration} is {ran[migration].state} in this database: its level {old} is a fact there",
            hint="write what is left to do as a new migration",
        )
    new = 1 + max(highest, *others, 0)
    if old < new - 1 or old in others or old <= highest:
        files = history.set_level(migration, new)
    else:
        new, files = old, []
    if as_json:
        emit_json({"migration": migration, "level": new, "was": old, "files": files})
        return
    if not files:
        click.echo(f"{migration} has the highest level already: {old}")
        return
    click.echo(f"{migration}: level {old} is {new} now")
    for name in files:
        click.echo(f"  {name}")
    if database is None:
        click.echo("note: no database was asked which levels are expanded there", err=True)
    click.echo('next: build the code that uses it with the level that "migrator level" prints', err=True)
