"""What the subcommands of ``migrator backfill`` share: options, and a backfill that something is ordered for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from migrator.cli.options import actor, load_project, require_database

if TYPE_CHECKING:
    from migrator.model.plan import Migration
    from migrator.postgres.session import Session

workers_option = click.option(
    "--workers", type=click.IntRange(1, 64), default=None, help="Connections that move data at once, in each process."
)
target_ms_option = click.option(
    "--target-ms", type=click.IntRange(5, 60_000), default=None, help="How long one batch should take."
)
lag_option = click.option(
    "--max-lag", metavar="TIME", default=None, help="Stop while a standby is further behind than this."
)
rejected_option = click.option(
    "--max-rejected", type=click.IntRange(0), default=None, help="Rows that may be set aside because they fail."
)


@dataclass(frozen=True, slots=True)
class Ordered:
    """A backfill that something is ordered for.

    Attributes:
        session: on its database.
        project: its key in the ledger.
        actor: who orders.
        is_done: whether all data is moved and verified.
    """

    session: Session
    project: str
    migration: Migration
    actor: str
    is_done: bool

    def require_open(self) -> None:
        """Refuse an order that nobody would follow.

        Raises:
            OutOfOrder: the backfill is done.
        """
        from migrator.errors import OutOfOrder

        if self.is_done:
            raise OutOfOrder(f"{self.migration.id}: its backfill is done, the order comes too late")

    def record(self, kind: str, **evidence: object) -> None:
        """Put it into the ledger, in the current transaction."""
        from migrator.ledger import decisions

        decisions.append(
            self.session, self.project, self.migration.id, f"backfill {kind}", None, [], dict(evidence), self.actor
        )


@contextlib.contextmanager
def ordered(target: str, url_env: str | None, wait_db: str | None) -> Iterator[Ordered]:
    """A backfill by TARGET, in one transaction.

    Raises:
        OutOfOrder: its migration was never expanded in this database.
        Refused: it has no backfill.
        UsageError: TARGET fits none or several.
    """
    from migrator.backfill import control
    from migrator.errors import OutOfOrder, Refused
    from migrator.ledger import state
    from migrator.ledger.install import ensure_installed, is_installed
    from migrator.model.plan import Phase
    from migrator.planning.folders import find, load_all

    done = (state.State.BACKFILLED, state.State.CONTRACTING, state.State.CONTRACTED, state.State.COMPLETE)
    project = load_project()
    migration = find(load_all(project.migrations), target)
    key = project.settings.project
    if not migration.phase(Phase.BACKFILL):
        raise Refused(f"{migration.id} has no backfill")
    with require_database(project, url_env, wait_db, "backfill").connect("orders") as session:
        record = state.find(session, key, migration.id) if is_installed(session) else None
        if record is None:
            raise OutOfOrder(f"{migration.id} was never expanded in this database", hint='run "migrator expand" first')
        ensure_installed(session)
        with session.transaction(lock_timeout_ms=10_000):
            control.ensure(session, key, migration.id)
            yield Ordered(session, key, migration, actor(), record.state in done)
