"""Levels in the files of migrations: code that comes later, and a late migration that moves up."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from migrator.errors import Refused
from migrator.model.level import Leveled
from migrator.model.plan import Migration
from migrator.planning.folders import MANIFEST, load

_LEVEL = re.compile(r"^(level[ \t]*=[ \t]*)\d+", re.MULTILINE)
_CODE = re.compile(r"^code[ \t]*=.*(?:\n|\Z)", re.MULTILINE)
_HEADING = re.compile(r"^(-- Level )\d+(?=\.)", re.MULTILINE)


def leveled(migrations: Iterable[Migration]) -> list[Leveled]:
    """Migrations of a folder as code sees them."""
    return [Leveled(each.id, each.level, each.code_is_later, str(Path(each.folder) / MANIFEST)) for each in migrations]


def set_code_later(migration: Migration, *, later: bool) -> None:
    """Write into migration.toml whether the code of this checkout does without the new shape."""
    path = Path(migration.folder) / MANIFEST
    top, table, rest = path.read_text(encoding="utf-8").partition("\n[")
    top = _CODE.sub("", top, count=1)
    if later:
        top = _LEVEL.sub(r'\g<0>\ncode = "later"', top, count=1)
    path.write_text(f"{top}{table}{rest}", encoding="utf-8")
    if load(path.parent).code_is_later is not later:
        raise Refused(f'{MANIFEST} has no line "level = N" of its own', at=str(path))


def set_level(migration: Migration, level: int) -> list[str]:
    """Write another level into the files of a migration; its id stays.

    Files that are as they were generated stay so: their checksum is written anew.

    Args:
        migration: of a folder.
        level: 1 or more.

    Returns:
        The names of the files that were written.

    Raises:
        Refused: the level does not stand on a line of its own; nothing is written.
    """
    folder = Path(migration.folder)
    manifest = (folder / MANIFEST).read_text(encoding="utf-8")
    changed, found = _LEVEL.subn(rf"\g<1>{level}", manifest, count=1)
    if not found:
        raise Refused(f'{MANIFEST} has no line "level = N" of its own', at=str(folder / MANIFEST))
    texts: dict[str, str] = {}
    for phase, text in migration.texts.items():
        new = _HEADING.sub(rf"\g<1>{level}", text, count=1)
        if new != text:
            texts[f"{phase.value}.sql"] = new
            changed = changed.replace(_digest(text), _digest(new))
    texts[MANIFEST] = changed
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return list(texts)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
