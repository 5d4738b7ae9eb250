"""What the commands would refuse in phase files, told to lint beforehand: by the same code, and by the ledger."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from migrator.backfill.reading import read_step
from migrator.errors import MigratorError
from migrator.ledger import files, state
from migrator.ledger.install import is_installed
from migrator.lint.sources import Objection, Source, Standing
from migrator.model.finding import Severity
from migrator.model.phase import Phase
from migrator.planning import phase_file
from migrator.planning.folders import MANIFEST
from migrator.postgres.session import Session
from migrator.sql.parser import SqlSyntaxError

_EDITED, _LEVEL, _NO_EXPAND, _REFUSED, _NOT_BATCHABLE = "RB016", "RB017", "RB018", "RB019", "RB020"
_BEFORE = {Phase.BACKFILL: (Phase.EXPAND,), Phase.CONTRACT: (Phase.EXPAND, Phase.BACKFILL)}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the ledger of a database knows.

    Attributes:
        texts: of the phases that were put to use, by the id of their migration; an empty one: there was no file.
        ids: of the migrations it has a record of.
        highest_level: of those that were expanded; 0: none.
    """

    texts: Mapping[tuple[str, Phase], str]
    ids: frozenset[str]
    highest_level: int


def recorded(session: Session, project: str) -> Recorded | None:
    """What the ledger knows; None where there is none."""
    if not is_installed(session):
        return None
    with session.transaction(read_only=True):
        ids = frozenset(each.id for each in state.all_records(session, project))
        return Recorded(files.all_frozen(session, project), ids, state.highest_level(session, project))


def with_objections(sources: Iterable[Source], known: Recorded | None = None) -> Iterator[Source]:
    """The same files; phase files that are judged carry what is wrong with them, and what their migration says it does.

    Args:
        sources: in order.
        known: what the ledger of a database says; None: none was asked.
    """
    manifest = lru_cache(maxsize=1)(_manifest)  # the phases of a folder come one after another
    for source in sources:
        if not source.phased or source.standing in (Standing.KNOWN, Standing.BASE) or source.phase is None:
            yield source
            continue
        folder = Path(source.name).parent
        table = manifest(folder)
        if not table or source.written_in is not None:
            yield source
            continue
        changes = table.get("change", ())
        kinds = frozenset(str(each.get("kind")) for each in changes if isinstance(each, dict))
        objections = [*_missing(source.phase, folder, table), *_refused(source, source.phase)]
        if known is not None:
            objections += _unlike(source, source.phase, folder.resolve().name, table, known)
        yield replace(source, objections=tuple(objections), change_kinds=kinds)


def _manifest(folder: Path) -> Mapping[str, Any]:
    """migration.toml as it stands; empty where it cannot be read, which every command says."""
    try:
        return tomllib.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _missing(phase: Phase, folder: Path, table: Mapping[str, Any]) -> Iterator[Objection]:
    generated = table.get("generated")
    for earlier in _BEFORE.get(phase, ()):
        if isinstance(generated, dict) and earlier.value in generated and not (folder / f"{earlier}.sql").is_file():
            message = f"{earlier}.sql of this migration was generated and is not there, and {phase}.sql relies on it"
            yield Objection(_NO_EXPAND, 1, message, f"-- git log --diff-filter=D -- {folder / f'{earlier}.sql'}")


def _refused(source: Source, phase: Phase) -> Iterator[Objection]:
    try:
        steps = phase_file.read(source.text, phase=phase, name=source.name)
    except SqlSyntaxError:
        return  # lint says so itself
    except MigratorError as error:
        yield _objection(_REFUSED, error)
        return
    for step in steps if phase is Phase.BACKFILL else ():
        try:
            read_step(step)
        except MigratorError as error:
            yield _objection(_NOT_BATCHABLE, error)


def _objection(code: str, error: MigratorError) -> Objection:
    line = (error.at or "").rpartition(":")[2]
    fix = f"-- {error.hint}" if error.hint else ""
    return Objection(code, int(line) if line.isdecimal() else 1, error.message, fix)


def _unlike(
    source: Source, phase: Phase, migration: str, table: Mapping[str, Any], known: Recorded
) -> Iterator[Objection]:
    text = known.texts.get((migration, phase))
    if text is not None and text.splitlines() != source.text.splitlines():
        message = f"this file is not what {phase} of {migration} was put to use with in the database"
        yield Objection(_EDITED, 1, message, f"-- the difference: migrator {phase} {migration}", Severity.ERROR)
    level = table.get("level")
    if migration not in known.ids and isinstance(level, int) and level <= known.highest_level:
        message = f"level {level} is not above {known.highest_level}, the highest that was expanded in the database"
        yield Objection(_LEVEL, 1, message, f"-- level = {known.highest_level + 1}, in its {MANIFEST}")
