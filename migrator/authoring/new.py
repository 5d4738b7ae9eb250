"""Writing a migration: allocate its level and id, split its changes, write its folder."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from migrator.authoring.recognise import recognise
from migrator.errors import Refused
from migrator.ledger.install import is_installed
from migrator.ledger.state import highest_level
from migrator.model.plan import Migration, Phase
from migrator.model.schema import Schema
from migrator.planning import facts, phase_file, planner, touching
from migrator.planning.folders import MANIFEST, Manifest, assemble, changes_of, load
from migrator.planning.names import refuse_taken
from migrator.planning.objections import objections
from migrator.planning.planner import Change, Planned
from migrator.postgres.catalog import nearest_relation, objection_to, read_schema
from migrator.postgres.names import holders
from migrator.postgres.session import Session
from migrator.sql.actions import actions_of, objects_in
from migrator.sql.guarded import unguarded
from migrator.sql.parser import Script
from migrator.templating import render

_SLUG_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Written:
    """What ``new`` wrote.

    Attributes:
        migration: as read back from its folder.
        notes: what could not be checked, and what the author should know; one line each.
    """

    migration: Migration
    notes: tuple[str, ...]


def create(
    title: str, script: Script, *, folder: Path, existing: Sequence[Migration], project: str, session: Session | None,
    now: datetime,
) -> Written:  # fmt: skip
    """Write a new migration.

    Args:
        title: what it is called; its id is made of it.
        script: the schema changes.
        folder: where migrations are.
        existing: the migrations there.
        project: ledger key, to learn of levels used in the database.
        session: on the target database, or None when there is none to ask.
        now: for the id, in UTC.

    Raises:
        Refused: a statement cannot be split safely, or not on this schema; nothing is written.
    """
    schema = _schema(script, session)
    changes, left_out = recognise(script, schema)
    return _create(
        title, changes, left_out, schema, folder=folder, existing=existing, project=project, session=session, now=now
    )


def create_from(
    title: str, changes: Sequence[Change], *, folder: Path, existing: Sequence[Migration], project: str,
    session: Session | None, now: datetime,
) -> Written:  # fmt: skip
    """Write a new migration of changes that are known already; arguments and errors as of ``create``."""
    names = ((table.schema, table.name) for table in touching.touched_by(changes))
    schema = Schema() if session is None else read_schema(session, names)
    return _create(
        title, changes, [], schema, folder=folder, existing=existing, project=project, session=session, now=now
    )


def _create(
    title: str, changes: Sequence[Change], left_out: Sequence[str], schema: Schema, *, folder: Path,
    existing: Sequence[Migration], project: str, session: Session | None, now: datetime,
) -> Written:  # fmt: skip
    level = 1 + max((each.level for each in existing), default=0)
    if session is not None and is_installed(session):
        level = max(level, 1 + highest_level(session, project))
    migration_id = _free_id(title, now, folder)
    planned = _plan(changes, migration_id, level, schema, session)
    notes = (*left_out, *planned.notes)
    text = _files(planned, changes, migration_id=migration_id, level=level, title=title, schema=schema)
    return Written(_write(folder / migration_id, text), notes)


def asked_changes(asked: Script | Sequence[Change], session: Session | None) -> tuple[list[Change], tuple[str, ...]]:
    """What was asked for as changes that can be planned, and notes about it.

    Args:
        asked: SQL, or the changes themselves.
        session: on the target database; with it the plan is tried as well. None: there is none to ask.

    Raises:
        Refused: something cannot be done safely, or not on this schema.
    """
    if isinstance(asked, Script):
        schema = _schema(asked, session)
        changes, notes = recognise(asked, schema)
    else:
        changes, notes = list(asked), []
        names = ((table.schema, table.name) for table in touching.touched_by(changes))
        schema = Schema() if session is None else read_schema(session, names)
    if session is not None:
        notes += _plan(changes, "new", 1, schema, session).notes
    return changes, tuple(notes)


def drafted(
    changes: Sequence[Change], *, migration_id: str, level: int, title: str, schema: Schema, session: Session | None,
    origin: str, asked: str,
) -> tuple[Migration, tuple[str, ...]]:  # fmt: skip
    """A migration that has no folder, and notes for its author.

    Args:
        changes: in order.
        migration_id: what it is called in the ledger.
        level: its level.
        title: what people call it.
        schema: what is known about the tables.
        session: on the target database, to have expressions understood there; None: there is none to ask.
        origin: who keeps it.
        asked: a hash of what it was asked to do.

    Raises:
        Refused: something cannot be done safely; all reasons at once.
    """
    planned = _plan(changes, migration_id, level, schema, session)
    texts = {
        phase: phase_file.write(drafts, migration=migration_id, level=level, phase=phase)
        for phase, drafts in planned.drafts.items()
        if drafts
    }
    tables = tuple(change.as_table() for change in changes)
    manifest = Manifest(migration_id, level, title, change=tables, assumed=facts.facts_of(schema, changes))
    return assemble(manifest, texts, origin=origin, asked=asked), planned.notes


def refresh(migration: Migration, session: Session) -> Written:
    """Write the files of a migration anew from its ``[[change]]`` tables, against the schema as it is now.

    Raises:
        Refused: it has no changes to go by, a file was edited since it was generated, or the schema stands against it.
    """
    changes = changes_of(migration)
    if not changes:
        raise Refused(f"{migration.id} was written by hand: it has no [[change]] to go by", at=migration.folder)
    folder = Path(migration.folder)
    edited = _edited_files(migration)
    if edited:
        raise Refused(
            f"{', '.join(edited)} of {migration.id} was edited since it was generated",
            at=migration.folder,
            hint="keep your edits elsewhere, delete the file, and run the same command again",
        )
    schema = read_schema(session, ((table.schema, table.name) for table in touching.touched_by(changes)))
    planned = _plan(changes, migration.id, migration.level, schema, session)
    text = _files(
        planned, changes, migration_id=migration.id, level=migration.level, title=migration.title, schema=schema,
        kept=migration,
    )  # fmt: skip
    return Written(_write(folder, text), planned.notes)


def _schema(script: Script, session: Session | None) -> Schema:
    if session is None:
        return Schema()
    names = dict.fromkeys(name for action in actions_of(unguarded(script)) for name in objects_in(action))
    return read_schema(session, names, available=any("_extension_" in each.kind for each in script.statements))


def _plan(changes: Sequence[Change], migration_id: str, level: int, schema: Schema, session: Session | None) -> Planned:
    try:
        planned = planner.plan(changes, migration=migration_id, level=level, schema=schema)
    except Refused as refusal:
        missing = re.fullmatch(r'table "[^"]*?([^".]+)" does not exist', refusal.message)
        if session is not None and missing and not refusal.hint:
            near = nearest_relation(session, missing[1])
            refusal.hint = f"did you mean {near}?" if near else None
        raise
    if session is not None:
        expressions = planner.expressions_of(changes, migration=migration_id, level=level, schema=schema)
        planner.raise_all(
            objections(
                expressions, lambda each: objection_to(session, each.query, each.search_path, each.sample, each.trial)
            )
        )
        refuse_taken(planned.names, lambda asked: holders(session, asked))
    return planned


def _files(
    planned: Planned, changes: Sequence[Change], *, migration_id: str, level: int, title: str, schema: Schema,
    kept: Migration | None = None,
) -> dict[str, str]:  # fmt: skip
    files = {
        f"{phase.value}.sql": phase_file.write(drafts, migration=migration_id, level=level, phase=phase)
        for phase, drafts in planned.drafts.items()
        if drafts
    }
    manifest = render(
        "migration/migration.toml.mako",
        id=migration_id,
        level=level,
        title=title,
        changes=[change.as_table() for change in changes],
        after_contract=kept.after_contract if kept else (),
        code_is_later=kept is not None and kept.code_is_later,
        requires={} if kept is None else kept.requires,
        assumed=facts.facts_of(schema, changes),
        generated={name.removesuffix(".sql"): _digest(text) for name, text in files.items()},
    )
    return {MANIFEST: manifest + "\n", **files}


def _write(folder: Path, files: dict[str, str]) -> Migration:
    """Write a folder as a whole: read back where it is made, then moved into place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        for name, text in files.items():
            (made / name).write_text(text, encoding="utf-8")
        load(made)
        if folder.exists():
            for phase in Phase:
                (folder / f"{phase.value}.sql").unlink(missing_ok=True)
            for name in files:
                shutil.move(made / name, folder / name)
        else:
            made.rename(folder)
    return load(folder)


def _edited_files(migration: Migration) -> list[str]:
    import tomllib

    manifest = tomllib.loads((Path(migration.folder) / MANIFEST).read_text(encoding="utf-8"))
    generated = manifest.get("generated", {})
    return [
        f"{phase.value}.sql" for phase, text in migration.texts.items() if generated.get(phase.value) != _digest(text)
    ]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _free_id(title: str, now: datetime, folder: Path) -> str:
    slug = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:_SLUG_LENGTH].strip("_") or "change"
    stem = f"{now:%Y%m%dT%H%M%S}_{slug}"
    candidates = [stem, *(f"{stem}_{number}" for number in range(2, 100))]
    return next(candidate for candidate in candidates if not (folder / candidate).exists())
