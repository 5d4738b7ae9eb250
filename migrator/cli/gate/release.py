"""``migrator gate release``."""

from __future__ import annotations

import click

from migrator.cli.gate_session import opened
from migrator.cli.options import actor, database_options, load_project, require_database


@click.command("release", short_help="record which level a release needs")
@click.argument("service")
@click.argument("version")
@click.option("--level", type=click.IntRange(min=0), required=True, metavar="N", help="Schema level its code needs.")
@click.option("--digest", default="", metavar="sha256:…", help="Digest of its image, where builds have one.")
@database_options
def command(service: str, version: str, level: int, digest: str, url_env: str | None, wait_db: str | None) -> None:
    """Record which level VERSION of SERVICE needs, for "gate can-deploy"; where it is built.

    Versions are never compared: only what is registered is known. The same again is no error, another level is.

    \b
    Example:
      migrator gate release web 1.42.0 --level 42 --digest sha256:9f86d081884c7d65…
    """
    from migrator.gate import levels
    from migrator.ledger.releases import Release

    project = load_project()
    database = require_database(project, url_env, wait_db, "gate release")
    with opened(project, database) as (session, gate):
        gate.sync_services(session)
        levels.register(session, project.settings.project, service, Release(version, digest, level), actor())
    click.echo(f'"{service}" {version} needs level {level}')
