"""Migrations that have no folder: the ledger keeps their texts, see ``Migration.origin``."""

from __future__ import annotations

from collections.abc import Sequence

from migrator.config import Project
from migrator.errors import UsageError
from migrator.ledger import files, state
from migrator.ledger.install import is_installed
from migrator.ledger.state import MigrationRecord, State
from migrator.model.plan import Migration, ServiceRequirement
from migrator.planning.folders import Manifest, assemble, load_all
from migrator.postgres.connect import Database
from migrator.postgres.session import Session


def migrations_of(project: Project, database: Database | None) -> list[Migration]:
    """Every migration of a project: those in its folder, and those that the ledger keeps.

    Args:
        project: its settings.
        database: where the ledger is; None: there is none to ask.

    Raises:
        UsageError: the folder is not there and the project has no revisions either, or a migration cannot be read.
        DatabaseUnavailable: the database cannot be reached.
    """
    kept: list[Migration] = []
    if database is not None:
        with database.connect("look") as session:
            kept = kept_in_ledger(session, project.settings.project)
    has_folder = project.has_folder or (project.alembic is None and not kept)
    return together(load_all(project.migrations) if has_folder else [], kept)


def kept_in_ledger(session: Session, project: str) -> list[Migration]:
    """Every migration without a folder that was expanded here and not rolled back, by level."""
    if not is_installed(session):
        return []
    records = state.all_records(session, project)
    return [
        from_ledger(session, project, record)
        for record in records
        if record.spec.get("origin") and record.state is not State.ROLLED_BACK
    ]


def from_ledger(session: Session, project: str, record: MigrationRecord) -> Migration:
    """The migration of a row, as it was when it was expanded."""
    manifest = Manifest(
        id=record.id,
        level=record.level,
        title=record.title,
        change=tuple(record.spec.get("changes", ())),
        after_contract=tuple(record.spec.get("after_contract", ())),
        assumed=record.spec.get("assumed", {}),
    )
    return assemble(
        manifest,
        files.frozen_texts(session, project, record.id),
        origin=record.spec.get("origin", ""),
        asked=record.spec.get("asked", ""),
        requires={service: ServiceRequirement(level) for service, level in record.requires.items()},
    )


def together(in_folders: Sequence[Migration], in_ledger: Sequence[Migration]) -> list[Migration]:
    """Both, by level.

    Raises:
        UsageError: two of them share an id or a level.
    """
    by_level: dict[int, Migration] = {}
    for migration in (*in_folders, *in_ledger):
        other = by_level.setdefault(migration.level, migration)
        if other is not migration:
            raise UsageError(
                f"{other.id} and {migration.id} both have level {migration.level}",
                detail="\n".join(each.folder for each in (other, migration) if each.folder) or None,
                hint=f"the one that is expanded keeps its level; the other moves up: migrator renumber {migration.id}",
            )
    return [by_level[level] for level in sorted(by_level)]
