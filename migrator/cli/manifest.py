"""``migrator manifest``."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.errors import UsageError


@click.command()
@click.argument("models", metavar="MODULE:ATTR")
@click.option("--service", default="", metavar="NAME", help="The application it is of, as its heartbeat calls it.")
@click.option("--level", type=click.IntRange(min=0), default=None, metavar="N", help="Schema level of the release.")
@click.option(
    "--schema",
    default="public",
    metavar="NAME",
    help="Where tables are whose models name no schema  [default: public].",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to a file, and one line to standard error.",
)
def command(models: str, service: str, level: int | None, schema: str, output: Path | None) -> None:
    """Write which tables and columns a release reads and writes, from its models of SQLAlchemy; as JSON.

    MODULE:ATTR is a declarative base, a registry or a MetaData, in a module that imports every model. It is imported
    from the working folder, and no database is asked. Made where the release is built, and shipped with it.

    \b
    Counted is every column that is mapped, also deferred ones, and all columns of tables without a class. Not counted
    are columns that the mapping leaves out: Unmapped[…] (SQLAlchemy 2.1.5 or later), exclude_properties. SQL that the
    code writes as text is not seen; "unseen" in the document says what else is not.

    \b
    Example:
      migrator manifest app.models:Base --service web --level 42 --output web.manifest.json
    """
    try:
        from migrator.integrations.sqlalchemy.mapping import manifest_of
        from migrator.integrations.sqlalchemy.models import models_of
    except ModuleNotFoundError as error:
        raise UsageError(
            f"models are read with SQLAlchemy, which is not installed here: {error}",
            hint="run it in the environment of the application",
        ) from None
    from migrator.integrations.sqlalchemy import file

    found = manifest_of(models_of(models), models=models, service=service, level=level, schema=schema)
    text = file.text(found)
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f'cannot write "{output}": {error.strerror}') from None
        columns = sum(len(table.columns) for table in found.tables)
        click.echo(f"wrote {output}: {len(found.tables)} tables, {columns} columns", err=True)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    for reason in found.unseen:
        click.echo(f"not seen: {reason}", err=True)
