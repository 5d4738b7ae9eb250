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
@click.option(
    "--recorded",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Statements that the application was seen to send; may be repeated.",
)
def command(
    models: str, service: str, level: int | None, schema: str, output: Path | None, recorded: tuple[Path, ...]
) -> None:
    """Write which tables and columns a release reads and writes, from its models of SQLAlchemy; as JSON.

    MODULE:ATTR is a declarative base, a registry or a MetaData, in a module that imports every model. It is imported
    from the working folder, and no database is asked. Made where the release is built, and shipped with it.

    Counted is every column that is mapped, also deferred ones, and all columns of tables without a class. Not counted
    are columns that the mapping leaves out: Unmapped[…] (SQLAlchemy 2.1.5 or later), exclude_properties. SQL that the
    code writes as text is not seen; "unseen" in the document says what else is not.

    --recorded adds what statements use: the file that record_statements(engine, FILE) of migrator.client.recorder
    wrote, or any that migrator lint --app-sql reads, such as a dump of pg_stat_statements.

    \b
    Example:
      migrator manifest app.models:Base --service web --level 42 --output web.manifest.json
      migrator manifest app.models:Base --service web --level 42 --recorded web.statements.jsonl
    """
    try:
        from migrator.integrations.sqlalchemy.mapping import columns_of, manifest_of
        from migrator.integrations.sqlalchemy.models import models_of
    except ModuleNotFoundError as error:
        raise UsageError(
            f"models are read with SQLAlchemy, which is not installed here: {error}",
            hint="run it in the environment of the application",
        ) from None
    from migrator.integrations.sqlalchemy import file

    loaded = models_of(models)
    found = manifest_of(loaded, models=models, service=service, level=level, schema=schema)
    if recorded:
        from migrator.integrations.sqlalchemy.recorded import with_recorded
        from migrator.trace.application.reading import read

        statements = {each.text: each for path in recorded for each in read(path)}
        known = columns_of(loaded, models=models, schema=schema)
        found = with_recorded(found, list(statements.values()), known, schema)
    text = file.text(found)
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f'cannot write "{output}": {error.strerror}') from None
        columns = sum(len(table.columns) for table in found.tables)
        tables = "1 table" if len(found.tables) == 1 else f"{len(found.tables)} tables"
        click.echo(f"wrote {output}: {tables}, {columns} column{'' if columns == 1 else 's'}", err=True)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    for reason in found.unseen:
        click.echo(f"not seen: {reason}", err=True)
    if not recorded:
        click.echo("next: --recorded FILE adds what migrator.client.recorder saw the application send", err=True)
