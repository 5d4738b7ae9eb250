"""What the subcommands of ``migrator gate`` share: a session on a database that has a ledger, and its gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from migrator.cli.options import actor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from migrator.config import Project
    from migrator.gate.gate import Gate
    from migrator.model.events import Event
    from migrator.model.evidence import Direction
    from migrator.model.plan import Migration
    from migrator.postgres.connect import Database
    from migrator.postgres.session import Session

rollback_option = click.option(
    "--rollback", is_flag=True, default=False, help="Ask for a rollback: who runs code that needs the new shape."
)
"""``--rollback``, for those that can look both ways."""


def direction_of(rollback: bool) -> Direction:
    """Which way the gate looks."""
    from migrator.model.evidence import Direction

    return Direction.ROLLBACK if rollback else Direction.CONTRACT


def opened(
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
            yield session, Gate(database, project, actor(), tell)

    return opened()


def tell(event: Event) -> None:
    """Show a note on stderr."""
    from migrator.model.events import Note

    if isinstance(event, Note):
        click.echo(event.text, err=True)


def targets(session: Session, database: Database, project: Project, target: str | None) -> list[Migration]:
    """The migration named, or all that are expanded and not contracted, by level."""
    from migrator.execution.kept import migrations_of
    from migrator.ledger import state
    from migrator.ledger.state import State

    if target is not None:
        return [one_target(database, project, target)]
    waiting = {
        record.id
        for record in state.all_records(session, project.settings.project)
        if record.state in (State.EXPANDED, State.BACKFILLING, State.BACKFILLED, State.CONTRACTING)
    }
    return [migration for migration in migrations_of(project, database) if migration.id in waiting]


def one_target(database: Database, project: Project, target: str) -> Migration:
    """The migration that TARGET names."""
    from migrator.execution.kept import migrations_of
    from migrator.planning.folders import find

    return find(migrations_of(project, database), target)
