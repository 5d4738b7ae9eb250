"""``migrator demo``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from migrator.cli.options import emit_json, json_option

_ROWS, _QUICK_ROWS = 200_000, 20_000


@click.command()
@click.option(
    "--rows", type=click.IntRange(1_000, 50_000_000), default=None, help="Orders in the shop  [default: 200000]."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 16),
    default=2,
    help="Processes of each version of the shop  [default: 2].",
)
@click.option("--seed", type=int, default=1, help="Of the shop's random choices  [default: 1].")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder for the files it leaves to look at  [default: a fresh ./migrator-demo].",
)
@click.option("--quick", is_flag=True, default=False, help="20000 rows and about 15 seconds, for tests.")
@json_option
def command(rows: int | None, workers: int, seed: int, keep: Path | None, quick: bool, as_json: bool) -> int:
    """Play the whole story on a PostgreSQL of its own: rename a column while old and new code run.

    Takes about a minute, needs no database and no root, and touches nothing but a fresh folder. Processes of an
    application read and write all the time, and every failed query is counted. The exit code is 1 when a promise was
    broken.

    \b
    Example:
      migrator demo
      migrator demo --rows 1000000 --workers 4 --keep /tmp/look
    """
    from migrator.demo.play import Options, play
    from migrator.demo.screen import Screen

    screen = Screen(sys.stderr if as_json else sys.stdout)
    options = Options(rows or (_QUICK_ROWS if quick else _ROWS), workers, seed, keep, quick)
    report = play(options, screen)
    report.show(screen)
    if as_json:
        emit_json(report.document())
    return report.exit_code
