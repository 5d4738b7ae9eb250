"""``migrator gate can-deploy``."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli.options import database_options, emit_json, json_option, load_project, require_database


@click.command("can-deploy", short_help="exit 13 if a release must not be deployed")
@click.argument("service")
@click.argument("version", required=False)
@click.option("--level", type=int, default=None, metavar="N", help="Schema level of the code, instead of a version.")
@click.option(
    "--manifest",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="What the release uses, from migrator manifest: it is held against the database too.",
)
@json_option
@database_options
def command(
    service: str,
    version: str | None,
    level: int | None,
    path: Path | None,
    as_json: bool,
    url_env: str | None,
    wait_db: str | None,
) -> None:
    """Exit 13 if VERSION of SERVICE must not be deployed now, a rollback too: before it becomes a crash loop.

    VERSION is a version or an image digest that "gate release" recorded, or an image reference with a digest. One that
    nobody recorded is exit 11. Any role may ask.

    With --manifest, a release that uses a table or column that is not there, or that a fenced contract is about to
    remove, is exit 13 as well, whatever its level. A service of kind external, which never beats, may stay below the
    level that contracts demand if it uses nothing they removed and the manifest says that nothing is unseen. Others
    may then start with a higher level than their own. The role has to be one that may read the ledger.

    \b
    Examples:
      migrator gate can-deploy web 1.41.3
      migrator gate can-deploy web registry.example.com/web@sha256:9f86d081884c7d65…
      migrator gate can-deploy web --level 41
      migrator gate can-deploy web --manifest web.manifest.json
    """
    from migrator.gate.compatible import can_deploy_by_manifest
    from migrator.gate.levels import can_deploy

    project = load_project()
    database = require_database(project, url_env, wait_db, "gate can-deploy")
    manifest, known = None, []
    if path is not None:
        from migrator.integrations.sqlalchemy.file import read
        from migrator.planning.folders import load_all

        manifest = read(path)
        known = load_all(project.migrations) if project.has_folder else []
    with database.connect("can-deploy") as session:
        if manifest is None:
            permit = can_deploy(session, service, build=version, level=level)
        else:
            key = project.settings.project
            permit = can_deploy_by_manifest(session, key, service, manifest, build=version, level=level, known=known)
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
                "exempt": permit.exempt,
                "unseen": list(manifest.unseen) if manifest else None,
            }
        )
        return
    build = f" {version}" if version else ""
    why = f"levels {window.min_level} to {window.max_level} may run"
    if permit.exempt:
        why = f"it uses nothing that contracts up to level {window.min_level} removed"
    click.echo(f'"{service}"{build} at level {permit.level} may be deployed: {why}')
    for reason in manifest.unseen if manifest else ():
        click.echo(f"not seen by the manifest, so it rests on the level alone: {reason}", err=True)
