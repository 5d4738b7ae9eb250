"""The text of each phase file, frozen when its phase starts; a later difference is refused with a diff."""

from __future__ import annotations

import difflib
import hashlib

from migrator.errors import FilesDiffer
from migrator.model.plan import Migration, Phase
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.ledger.queries", "files.sql")


def freeze(session: Session, project: str, migration: Migration, *phases: Phase) -> None:
    """Record the text of these phase files, or compare it with what was recorded before.

    Raises:
        FilesDiffer: a file is not what it was when its phase started; the diff is in the detail.
    """
    for phase in phases:
        content = migration.texts.get(phase, "")
        session.execute(
            _SQL["freeze"],
            {
                "project": project,
                "migration": migration.id,
                "phase": phase.value,
                "sha256": hashlib.sha256(content.encode()).hexdigest(),
                "content": content,
            },
        )
    check(session, project, migration)


def check(session: Session, project: str, migration: Migration) -> None:
    """Compare every frozen phase of a migration with its file.

    Raises:
        FilesDiffer: as ``freeze``.
    """
    frozen = {row.phase: row.content for row in session.query(_SQL["frozen"], _key(project, migration.id))}
    for phase in Phase:
        if phase.value not in frozen:
            continue
        recorded, current = frozen[phase.value], migration.texts.get(phase, "")
        if recorded == current:
            continue
        name = f"{migration.id}/{phase.value}.sql"
        diff = difflib.unified_diff(
            recorded.splitlines(), current.splitlines(), f"{name} as it ran", f"{name} now", lineterm=""
        )
        raise FilesDiffer(
            f"{phase.value}.sql of {migration.id} was changed after it was put to use",
            at=f"{migration.folder}/{phase.value}.sql" if migration.folder else None,
            detail="\n".join(diff),
            hint='take the change back, or write a new migration for it with "migrator new"',
        )


def frozen_texts(session: Session, project: str, migration_id: str) -> dict[Phase, str]:
    """The recorded texts of a migration that are not empty."""
    rows = session.query(_SQL["frozen"], _key(project, migration_id))
    found = {row.phase: row.content for row in rows if row.content}
    return {phase: found[phase.value] for phase in Phase if phase.value in found}


def all_frozen(session: Session, project: str) -> dict[tuple[str, Phase], str]:
    """The recorded texts of every migration, by its id and the phase; an empty one: there was no file."""
    rows = session.query(_SQL["all_frozen"], {"project": project})
    return {(row.migration, Phase(row.phase)): row.content for row in rows}


def frozen_text(session: Session, project: str, migration_id: str, phase: Phase) -> str | None:
    """The recorded text of a phase, or None while it is not frozen."""
    frozen = {row.phase: row.content for row in session.query(_SQL["frozen"], _key(project, migration_id))}
    return frozen.get(phase.value)


def thaw(session: Session, project: str, migration_id: str) -> None:
    """Forget the recorded texts after a rollback, so that the migration may be corrected and expanded again."""
    session.execute(_SQL["thaw"], _key(project, migration_id))


def _key(project: str, migration_id: str) -> dict[str, str]:
    return {"project": project, "migration": migration_id}
