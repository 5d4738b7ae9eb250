"""``migrator gate can-deploy``."""

from __future__ import annotations

import click

from migrator.cli.options import database_options, emit_json, json_option, load_project, require_database


@click.command("can-deploy", short_help="exit 13 if a release must not be deployed")
@click.argument("service")
@click.argument("version", required=False)
@click.option("--level", type=int, default=None, metavar="N", help="Schema level of the code, instead of a version.")
@json_option
@database_options
def command(
    service: str, version: str | None, level: int | None, as_json: bool, url_env: str | None, wait_db: str | None
) -> None:
    """Exit 13 if VERSION of SERVICE must not be deployed now, a rollback too: before it becomes a crash loop.

    VERSION is a version or an image digest that "gate release" recorded, or an image reference with a digest. One that
    nobody recorded is exit 11. Any role may ask.

    \b
    Examples:
      migrator gate can-deploy web 1.41.3
      migrator gate can-deploy web registry.example.com/web@sha256:9f86d081884c7d65…
      migrator gate can-deploy web --level 41
    """
    from migrator.gate.levels import can_deploy

    project = load_project()
    database = require_database(project, url_env, wait_db, "gate can-deploy")
    with database.connect("can-deploy") as session:
        permit = can_deploy(session, service, build=version, level=level)
    window = permit.window
    if as_json:
        emit_json(
            {
                "service": service,
                "version": version,
                "level": permit.level,
                "min_level": window.min_level,
                "max_level": window.max_level,
                "can_deploy": True,
            }
        )
        return
    build = f" {version}" if version else ""
    click.echo(
        f'"{service}"{build} at level {permit.level} may be deployed:'
        f" levels {window.min_level} to {window.max_level} may run"
    )
