"""``migrator gate``: who still runs old code, since when, and the command that clears it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from migrator.cli.options import actor, database_options, emit_json, json_option, load_project, require_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from migrator.config import Project
    from migrator.gate.gate import Gate
    from migrator.model.events import Event
    from migrator.model.evidence import Verdict
    from migrator.model.plan import Migration
    from migrator.postgres.connect import Database
    from migrator.postgres.session import Session

_SHOW = "show"


class GateGroup(click.Group):
    """A group whose first word may be a TARGET: whatever is no subcommand, or nothing at all, means ``show``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with ``show`` put in front where no subcommand is named."""
        helps = set(ctx.help_option_names)
        if not args or (args[0] not in self.commands and args[0] not in helps):
            args = [_SHOW, *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Both forms."""
        formatter.write_usage(ctx.command_path, "[TARGET] [--json] | COMMAND [ARGS]...")


@click.group("gate", cls=GateGroup)
def command() -> None:
    """Show who still runs code that a contract would break, and the command that clears it.

    TARGET is a migration id, a unique prefix of one, or a folder; without it, every migration that waits for its
    contract is shown. The exit code is 0 when it may be contracted now, 10 when old code runs, 11 when there is no
    proof, 12 while it soaks.

    \b
    Examples:
      migrator gate 20261124T031245_rename_users_name
      migrator gate 20261124T031245 --json
      migrator gate retire web web-7 --reason "node 12 is gone for good"
      migrator gate start-check web --level 41
    """


@command.command(_SHOW, hidden=True)
@click.argument("target", required=False, default=None)
@click.option(
    "--rollback", is_flag=True, default=False, help="Ask for a rollback: who runs code that needs the new shape."
)
@json_option
@database_options
def show(target: str | None, rollback: bool, as_json: bool, url_env: str | None, wait_db: str | None) -> int:
    """Show the evidence about TARGET."""
    from migrator.model.evidence import Direction
    from migrator.reporting import gate_json, gate_text

    project = load_project()
    database = require_database(project, url_env, wait_db, "gate")
    direction = Direction.ROLLBACK if rollback else Direction.CONTRACT
    with _opened(project, database) as (session, gate):
        gate.sync_services(session)
        reports = [gate.look(session, migration, direction) for migration in _targets(session, project, target)]
    if as_json:
        documents = [gate_json.document(report) for report in reports]
        emit_json(documents[0] if target is not None else {"migrations": documents})
    elif reports:
        click.echo("\n\n".join(gate_text.render(report) for report in reports))
    else:
        click.echo("no migration waits for its contract", err=True)
    return _worst([report.verdict for report in reports])


@command.command("retire")
@click.argument("service")
@click.argument("instance")
@click.option(
    "--reason", required=True, metavar="TEXT", help="How it is known that the process is gone; kept for ever."
)
@database_options
def retire(service: str, instance: str, reason: str, url_env: str | None, wait_db: str | None) -> None:
    """Record that the stale INSTANCE of SERVICE is gone for certain.

    A stale instance counts as running, for a process that is paused looks the same as one that is gone. Should it
    beat again, it is told to stop, and counts as running once more.

    \b
    Example:
      migrator gate retire web web-7 --reason "node 12 was returned to the provider"
    """
    project = load_project()
    database = require_database(project, url_env, wait_db, "gate retire")
    with _opened(project, database) as (session, gate):
        count = gate.retire(session, service, instance, reason)
    click.echo(f'retired {count} process{"" if count == 1 else "es"} of "{service}" called "{instance}"')


@command.command("abort")
@click.argument("target")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept for ever.")
@database_options
def abort(target: str, reason: str, url_env: str | None, wait_db: str | None) -> None:
    """Lower the fence of TARGET and end its soak; possible until its contract is applied.

    \b
    Example:
      migrator gate abort 20261124T031245 --reason "the new release is rolled back"
    """
    project = load_project()
    database = require_database(project, url_env, wait_db, "gate abort")
    with _opened(project, database) as (session, gate):
        gate.abort(session, _one_target(project, target).id, reason)


@command.command("start-check")
@click.argument("service")
@click.option("--level", type=int, required=True, metavar="N", help="Schema level of the code that wants to start.")
@database_options
def start_check(service: str, level: int, url_env: str | None, wait_db: str | None) -> None:
    """Exit 13 if code of SERVICE at this level must not start now; for init containers and rollbacks.

    Any role may ask, that of the application too.

    \b
    Example:
      migrator gate start-check web --level 41
    """
    from migrator.gate.gate import Gate

    project = load_project()
    database = require_database(project, url_env, wait_db, "gate start-check")
    with database.connect("start-check") as session:
        window = Gate(database, project, actor(), _tell).start_check(session, service, level)
    click.echo(f'"{service}" at level {level} may start: levels {window.min_level} to {window.max_level} may')


@command.command("log")
@click.argument("target", required=False, default=None)
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, metavar="N", help="How many, newest last.  [default: 100]"
)
@json_option
@database_options
def log(target: str | None, limit: int, as_json: bool, url_env: str | None, wait_db: str | None) -> None:
    """Show every decision: who, when, why; of TARGET, or of the whole project.

    \b
    Example:
      migrator gate log 20261124T031245
    """
    from dataclasses import asdict

    from migrator.ledger import decisions

    project = load_project()
    database = require_database(project, url_env, wait_db, "gate log")
    with _opened(project, database, read_only=True) as (session, _):
        migration = _one_target(project, target).id if target is not None else None
        rows = decisions.recent(session, project.settings.project, migration, limit)[::-1]
    if as_json:
        emit_json({"decisions": [asdict(row) for row in rows]})
        return
    for row in rows:
        about = f" {row.migration}" if row.migration else ""
        verdict = f" {row.verdict}" if row.verdict else ""
        click.echo(f"{row.seq:>5}  {row.at:%Y-%m-%d %H:%M:%S %Z}  {row.kind}{verdict}{about}  by {row.actor}")
        for reason in row.reasons:
            click.echo(f"       {reason}")


def _opened(
    project: Project, database: Database, *, read_only: bool = False
) -> AbstractContextManager[tuple[Session, Gate]]:
    """A session on a database that has a ledger, and its gate; ``read_only`` commands need no configuration."""
    from contextlib import contextmanager

    from migrator.errors import OutOfOrder
    from migrator.gate.gate import Gate
    from migrator.ledger.install import ensure_installed, is_installed

    @contextmanager
    def opened() -> Iterator[tuple[Session, Gate]]:
        with database.connect("gate") as session:
            if not is_installed(session):
                raise OutOfOrder(
                    "nothing was ever expanded in this database: it has no ledger", hint='run "migrator expand" first'
                )
            if not read_only:
                ensure_installed(session)
            yield session, Gate(database, project, actor(), _tell)

    return opened()


def _tell(event: Event) -> None:
    from migrator.model.events import Note

    if isinstance(event, Note):
        click.echo(event.text, err=True)


def _targets(session: Session, project: Project, target: str | None) -> list[Migration]:
    """The migration named, or all that are expanded and not contracted, by level."""
    from migrator.ledger import state
    from migrator.ledger.state import State
    from migrator.planning.folders import load_all

    if target is not None:
        return [_one_target(project, target)]
    waiting = {
        record.id
        for record in state.all_records(session, project.settings.project)
        if record.state in (State.EXPANDED, State.BACKFILLING, State.BACKFILLED, State.CONTRACTING)
    }
    return [migration for migration in load_all(project.migrations) if migration.id in waiting]


def _one_target(project: Project, target: str) -> Migration:
    from migrator.planning.folders import find, load_all

    return find(load_all(project.migrations), target)


def _worst(verdicts: list[Verdict]) -> int:
    """The exit code of the worst verdict, in the order 10, 11, 12."""
    from migrator.errors import GateBlocked, GateUnknown, GateWaiting
    from migrator.model.evidence import Verdict

    codes = {
        Verdict.BLOCK: GateBlocked.exit_code,
        Verdict.UNKNOWN: GateUnknown.exit_code,
        Verdict.SOAKING: GateWaiting.exit_code,
        Verdict.PASS: 0,
    }
    return min((codes[verdict] for verdict in verdicts if verdict is not Verdict.PASS), default=0)
