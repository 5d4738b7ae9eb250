"""Migration folders: ``migration.toml`` and the phase files beside it, read into a ``Migration``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from migrator.changes.registry import spec_from, wrong_value
from migrator.errors import UsageError
from migrator.model.plan import Migration, Phase, ServiceRequirement
from migrator.planning.phase_file import read
from migrator.planning.planner import Change

MANIFEST = "migration.toml"


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service whose level differs from the migration's.

    Attributes:
        level: code at or above it no longer needs the old shape.
        reason: why; needed for level 0, which exempts the service.
    """

    level: int
    reason: str = ""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of migration.toml.

    Attributes:
        id: UTC time to the second plus slug; the folder is named like it.
        level: 1 or more.
        title: what the author called it.
        change: ``[[change]]`` tables.
        requires: services whose level differs.
        after_contract: ids that must be contracted first.
        code: "later": the code of this checkout does not use the new shape yet.
        assumed: facts the plan relies on, see ``planning.facts``.
        generated: SHA-256 of each phase file as generated.
    """

    id: str
    level: int
    title: str = ""
    change: tuple[dict[str, Any], ...] = ()
    requires: dict[str, int | Requirement] = {}
    after_contract: tuple[str, ...] = ()
    code: Literal["now", "later"] = "now"
    assumed: dict[str, Any] = {}
    generated: dict[str, str] = {}


def load_all(folder: Path) -> list[Migration]:
    """Every migration of a folder, by level.

    Raises:
        UsageError: the folder does not exist, a migration cannot be read, or two share an id or a level.
    """
    migrations = load_each(folder)
    require_distinct(migrations)
    return migrations


def load_each(folder: Path) -> list[Migration]:
    """As ``load_all``, also where two migrations share a level: so that one of them can be moved up."""
    if not folder.is_dir():
        raise UsageError(
            f"there is no migrations folder {folder}",
            hint='"migrator init" makes one; migrations = "…" in the configuration names another',
        )
    migrations = [load(path) for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    return sorted(migrations, key=lambda migration: (migration.level, migration.id))


def load(folder: Path) -> Migration:
    """One migration.

    Raises:
        UsageError: no manifest, no phase file, or a manifest that is not of the right form.
        SqlSyntaxError: a phase file does not parse.
        Refused: a phase file has steps that cannot be.
    """
    manifest = _manifest(folder)
    texts: dict[Phase, str] = {}
    for phase in Phase:
        path = folder / f"{phase.value}.sql"
        if path.is_file():
            texts[phase] = _text(path)
    if not texts:
        raise UsageError(
            f"migration folder {folder} has no phase file",
            hint="at least one of expand.sql, backfill.sql, contract.sql is needed",
        )
    return assemble(manifest, texts, folder=str(folder), requires=_requires(manifest, folder))


def assemble(
    manifest: Manifest,
    texts: Mapping[Phase, str],
    *,
    folder: str = "",
    origin: str = "",
    asked: str = "",
    requires: Mapping[str, ServiceRequirement] | None = None,
) -> Migration:
    """A migration of its manifest and the texts of its phases.

    Args:
        manifest: id, level, title and what else is known.
        texts: each phase that has anything to do.
        folder: where they stand; empty: in the ledger.
        origin: as of ``Migration``.
        asked: likewise.
        requires: services whose level differs.

    Raises:
        SqlSyntaxError: a text does not parse.
        Refused: it has steps that cannot be.
    """
    place = folder or manifest.id
    steps = [
        step for phase, text in texts.items() for step in read(text, phase=phase, name=f"{place}/{phase.value}.sql")
    ]
    undo: dict[str, list[str]] = {}
    for step in steps:
        if step.phase is Phase.ROLLBACK and step.undoes:
            undo.setdefault(step.undoes, []).append(step.sql)
    return Migration(
        id=manifest.id,
        level=manifest.level,
        title=manifest.title or manifest.id,
        folder=folder,
        changes=manifest.change,
        steps=tuple(
            replace(step, undo=";\n".join(undo[step.id])) if step.phase is Phase.EXPAND and step.id in undo else step
            for step in steps
        ),
        texts=dict(texts),
        requires=dict(requires or {}),
        after_contract=manifest.after_contract,
        code_is_later=manifest.code == "later",
        assumed=manifest.assumed,
        origin=origin,
        asked=asked,
    )


def find(migrations: Sequence[Migration], target: str) -> Migration:
    """The migration a user means: an id, a unique prefix of one, a level's folder, or a path of it.

    Raises:
        UsageError: none or several fit.
    """
    wanted = Path(target).name if "/" in target else target
    if not wanted:
        raise UsageError("TARGET is empty", hint="give an id, or the beginning of one; or leave TARGET out")
    exact = [migration for migration in migrations if migration.id == wanted]
    fitting = exact or [migration for migration in migrations if migration.id.startswith(wanted)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UsageError(
            f'"{target}" fits {len(fitting)} migrations',
            detail="\n".join(migration.id for migration in fitting),
            hint="give so much of the id that one is left",
        )
    raise UsageError(
        f'no migration fits "{target}"',
        detail="\n".join(migration.id for migration in migrations) or "there are no migrations",
        hint="give an id, or the beginning of one",
    )


def changes_of(migration: Migration) -> list[Change]:
    """The ``[[change]]`` tables of a migration as changes.

    Raises:
        UsageError: an unknown kind or a parameter that does not fit.
    """
    at = f"{migration.folder}/{MANIFEST}" if migration.folder else migration.id
    return [Change(*spec_from(table, at), at) for table in migration.changes]


def touched_tables(migration: Migration) -> list[str]:
    """Every relation that a step of expand, backfill or contract locks, as SQL, once each."""
    phases = (Phase.EXPAND, Phase.BACKFILL, Phase.CONTRACT)
    return list(
        dict.fromkeys(
            lock.relation for phase in phases for step in migration.phase(phase) for lock in step.effects.locks
        )
    )


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.is_file():
        raise UsageError(f"migration folder {folder} has no {MANIFEST}", hint='"migrator new" writes one')
    try:
        manifest = msgspec.convert(tomllib.loads(_text(path)), Manifest)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{MANIFEST} is not valid TOML: {error}", at=str(path)) from None
    except msgspec.ValidationError as error:
        raise wrong_value(error, MANIFEST, {"": Manifest, "requires[...]": Requirement}, str(path)) from None
    if manifest.level < 1:
        raise UsageError(f"level {manifest.level} is not 1 or more", at=str(path))
    if manifest.id != folder.name:
        raise UsageError(f'the id "{manifest.id}" is not the name of its folder "{folder.name}"', at=str(path))
    return manifest


def _requires(manifest: Manifest, folder: Path) -> dict[str, ServiceRequirement]:
    requires = {}
    for service, value in manifest.requires.items():
        requirement = Requirement(value) if isinstance(value, int) else value
        if requirement.level < manifest.level and not requirement.reason.strip():
            raise UsageError(
                f'[requires] lets service "{service}" stay at level {requirement.level} without a reason',
                at=str(folder / MANIFEST),
                hint=f'{service} = {{ level = {requirement.level}, reason = "…" }}',
            )
        requires[service] = ServiceRequirement(requirement.level, requirement.reason)
    return requires


def require_distinct(migrations: Sequence[Migration]) -> None:
    """Make sure that no two migrations share an id or a level.

    Raises:
        UsageError: two do.
    """
    for attribute in ("id", "level"):
        seen: dict[Any, Migration] = {}
        for migration in migrations:
            other = seen.setdefault(getattr(migration, attribute), migration)
            if other is not migration:
                raise UsageError(
                    f"two migrations have {attribute} {getattr(migration, attribute)}",
                    detail=f"{other.folder}\n{migration.folder}",
                    hint=f'move the later one up: "migrator renumber {max(other.id, migration.id)}"'
                    if attribute == "level"
                    else "rename one of the folders and its id",
                )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is not UTF-8: {error}", at=str(path)) from None
