"""What every phase needs at hand: the database, the settings, who asks, who listens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migrator.config import Project, milliseconds, seconds
from migrator.errors import MigratorError
from migrator.gate.gate import Gate
from migrator.ledger.lease import RunnerLock
from migrator.model.events import Listener
from migrator.model.plan import Migration
from migrator.postgres.connect import Database
from migrator.postgres.locks import LockPolicy


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command.

    Attributes:
        database: the target.
        project: settings.
        migrations: every migration of the project, by level.
        actor: ``user@host``, for the record.
        command: what the user ran, for the record.
        listener: told what happens.
    """

    database: Database
    project: Project
    migrations: Sequence[Migration]
    actor: str
    command: str
    listener: Listener

    @property
    def key(self) -> str:
        """The project's key in the ledger."""
        return self.project.settings.project

    @property
    def policy(self) -> LockPolicy:
        """How long to wait for locks."""
        settings = self.project.settings
        return LockPolicy(milliseconds(settings.lock_timeout), seconds(settings.lock_budget))

    @property
    def gate(self) -> Gate:
        """The gate of this project in this database."""
        return Gate(self.database, self.project, self.actor, self.listener)

    def lock(self, *, shared: bool = False) -> RunnerLock:
        """The right to run; see ``RunnerLock``."""
        return RunnerLock(self.database, self.key, shared=shared, command=self.command, actor=self.actor)


def about(migration: Migration, error: MigratorError) -> MigratorError:
    """The error with the migration's id in front, unless its message names it."""
    if migration.id not in error.message:
        error.message = f"{migration.id}: {error.message}"
        error.args = (error.message,)
    return error
