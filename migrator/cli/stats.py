"""``migrator stats``."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli.options import database_options, emit_json, json_option, load_project, require_database


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write them as JSON to a file, for migrator lint --stats.",
)
@database_options
@json_option
def command(output: Path | None, url_env: str | None, wait_db: str | None, as_json: bool) -> None:
    """How large each table is and how busy: rows, bytes, writes and scans in a second.

    Reads estimates and counters of the server in a read-only transaction, no row of data; a standby will do, which has
    sizes and no rates. Rates are averages since the server began to count. What partitions and children hold counts for
    their parent as well. Keep the file with the code, and lint knows which tables are small and which are large:

    \b
    Example:
      migrator stats --output stats.json
      migrator lint --stats stats.json
    """
    from migrator.errors import UsageError
    from migrator.postgres.statistics import read_stats
    from migrator.reporting import stats_json, stats_text

    database = require_database(load_project(), url_env, wait_db, "stats")
    with database.connect("stats", may_be_standby=True) as session:
        stats, is_exact = read_stats(session)
    if not is_exact:
        click.echo("a table is locked: sizes are those of the last VACUUM or ANALYZE", err=True)
    if output is not None:
        try:
            output.write_text(stats_json.text(stats), encoding="utf-8")
        except OSError as error:
            raise UsageError(f'cannot write "{output}": {error.strerror}') from None
        count = "1 relation" if len(stats.relations) == 1 else f"{len(stats.relations)} relations"
        click.echo(f"wrote {output}: {count}", err=True)
        click.echo(f"next: migrator lint --stats {output}", err=True)
    if as_json:
        emit_json(stats_json.document(stats))
    elif output is None:
        for line in stats_text.lines(stats):
            click.echo(line)
