"""``migrator gate approve``."""

from __future__ import annotations

import click

from migrator.cli.options import actor, database_options, load_project, require_database


@click.command("approve", short_help="approve an override, as the role it names")
@click.argument("override", type=int)
@click.option("--dry-run", is_flag=True, default=False, help="Only show what would be approved.")
@database_options
def command(override: int, dry_run: bool, url_env: str | None, wait_db: str | None) -> None:
    """Approve OVERRIDE, as the role that it names; the role that asked for it cannot.

    The role needs no rights in the ledger. What counts is the role of the session, which SET ROLE does not change.

    \b
    Example:
      DATABASE_URL=postgresql://alice@db/shop migrator gate approve 3
    """
    from migrator.errors import OutOfOrder
    from migrator.ledger import overrides
    from migrator.postgres.session import ServerError

    project = load_project()
    database = require_database(project, url_env, wait_db, "gate approve")
    with database.connect("approve") as session:
        try:
            shown = overrides.approve(session, override, actor(), dry=dry_run)
        except ServerError as error:
            if error.sqlstate not in ("3F000", "42883"):  # no schema, or no such function in it
                raise
            raise OutOfOrder("this database has no ledger", hint='run "migrator expand" first') from None
    click.echo(f"override {override} {'would be' if dry_run else 'is'} approved: {shown}")
