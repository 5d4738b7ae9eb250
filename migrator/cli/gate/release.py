"""``migrator gate release``."""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli.gate_session import opened
from migrator.cli.options import actor, database_options, emit_json, json_option, load_project, require_database
from migrator.errors import UsageError

_SHOWN = 12


@click.command("release", short_help="record which level a release needs")
@click.argument("service")
@click.argument("version")
@click.option("--level", type=click.IntRange(min=0), default=None, metavar="N", help="Schema level its code needs.")
@click.option("--digest", default="", metavar="sha256:…", help="Digest of its image, where builds have one.")
@click.option(
    "--manifest",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="What the release uses, from migrator manifest: contracts that leave it alone do not wait for it.",
)
@json_option
@database_options
def command(
    service: str,
    version: str,
    level: int | None,
    digest: str,
    path: Path | None,
    as_json: bool,
    url_env: str | None,
    wait_db: str | None,
) -> None:
    """Record which level VERSION of SERVICE needs, for "gate can-deploy"; where it is built.

    Versions are never compared: only what is registered is known. The same again is no error, another level is.

    With --manifest, instances that beat with this VERSION may run below the level of a contract that changes nothing
    they use: its gate does not wait for them, and its fence lets them start. What cannot be told needs the level: a
    manifest with anything unseen, a contract with a statement that is not understood. A version that gets a second
    manifest uses what both say.

    \b
    Examples:
      migrator gate release web 1.42.0 --level 42 --digest sha256:9f86d081884c7d65…
      migrator gate release etl 7.3 --manifest etl.manifest.json
    """
    from migrator.gate import exemption, levels
    from migrator.ledger.manifests import Build
    from migrator.ledger.releases import Release

    project = load_project()
    manifest, content, known = None, "", []
    if path is not None:
        from migrator.integrations.sqlalchemy.file import read, text
        from migrator.planning.folders import load_all

        manifest = read(path)
        content = text(manifest)
        known = load_all(project.migrations) if project.has_folder else []
        level = manifest.level if level is None else level
    if level is None:
        raise UsageError(
            "the level of the release is not known" + (": its manifest has none" if manifest else ""),
            hint=f"migrator gate release {service} {version} --level N",
        )
    database = require_database(project, url_env, wait_db, "gate release")
    with opened(project, database) as (session, gate):
        gate.sync_services(session)
        key, standings = project.settings.project, []
        levels.register(session, key, service, Release(version, digest, level), actor())
        if manifest is not None:
            build, barriers = Build(service, version, level), project.settings.gate.barriers
            standings = exemption.record(
                session, key, build, manifest, content, actor(), known=known, barriers=barriers
            )
    if as_json:
        contracts = [
            {"migration": each.migration, "level": each.level, "exempt": not each.doubts, "why": list(each.doubts)}
            for each in standings
        ]
        emit_json({"service": service, "version": version, "level": level, "contracts": contracts})
        return
    click.echo(f'"{service}" {version} needs level {level}')
    for each in standings:
        if not each.doubts:
            click.echo(f"exempt from level {each.level} of {each.migration}: it uses nothing that the contract changes")
            continue
        click.echo(f"needs level {each.level} for the contract of {each.migration}:")
        for reason in each.doubts[:_SHOWN]:
            click.echo(f"  {reason}")
        if len(each.doubts) > _SHOWN:
            click.echo(f"  and {len(each.doubts) - _SHOWN} more")
