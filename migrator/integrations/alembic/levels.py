"""Levels in the headers of revisions: code that comes later, and a late revision that moves up."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from alembic.script import Script

from migrator.errors import Refused
from migrator.integrations.alembic.authoring import HEADER
from migrator.integrations.alembic.project import AlembicProject, translated
from migrator.integrations.alembic.running import is_phased
from migrator.model.level import Leveled

_LEVEL = re.compile(r"^(schema_level\b[^=\n]*=[ \t]*)\d+", re.MULTILINE)
_LEVEL_LINE = re.compile(rf"{_LEVEL.pattern}.*", re.MULTILINE)
_CODE = re.compile(r"^schema_code\b[^=\n]*=.*(?:\n|\Z)", re.MULTILINE)


class Revisions:
    """The revisions of a project, as ``migrator.authoring.history.History``."""

    def __init__(self, project: AlembicProject) -> None:
        self._project = project

    def leveled(self, *, distinct: bool = True) -> list[Leveled]:
        """See ``History``; two branches may have revisions of one level, until they are merged."""
        del distinct
        return leveled(self._project)

    def find(self, target: str) -> str:
        """See ``History``."""
        wanted = self._project.revision(target)
        if all(each.id != wanted.revision for each in self.leveled()):
            raise Refused(f"revision {wanted.revision} has no level: it has no phased operations", at=str(wanted.path))
        return wanted.revision

    def set_code_later(self, migration: str, *, later: bool) -> None:
        """See ``History``."""
        set_code_later(self._project, migration, later=later)

    def set_level(self, migration: str, level: int) -> list[str]:
        """See ``History``."""
        return [os.path.relpath(set_level(self._project, migration, level))]


def leveled(project: AlembicProject) -> list[Leveled]:
    """The revisions with a level, as code sees them: oldest first.

    One with phased operations and no ``schema_level`` of its own has one more than the highest below it, as when it is
    expanded on an empty ledger.
    """
    return [found for _, found in _leveled(project)]


def set_code_later(project: AlembicProject, revision: str, *, later: bool) -> None:
    """Write into the header whether the code of this checkout does without the new shape.

    Raises:
        Refused: the revision has no ``schema_level`` to write it under.
    """
    path = _path(project.revision(revision))
    text = _CODE.sub("", path.read_text(encoding="utf-8"), count=1)
    if later:
        text, found = _LEVEL_LINE.subn(r'\g<0>\nschema_code: str = "later"', text, count=1)
        if not found:
            raise Refused(f"revision {revision} has no schema_level", at=str(path))
    path.write_text(text, encoding="utf-8")


def set_level(project: AlembicProject, revision: str, level: int) -> Path:
    """Write another ``schema_level`` into the header; its id and its place in the history stay.

    Args:
        project: opened.
        revision: its id.
        level: 1 or more.

    Raises:
        Refused: there is no place for it, or a revision that builds on it has a level that is not above.
    """
    path = _path(project.revision(revision))
    for above, other in _leveled(project):
        if other.level <= level and other.id != revision and revision in project.ancestors(above.revision):
            raise Refused(
                f"revision {other.id} has level {other.level} and builds on {revision}: it would run before it",
                at=other.path,
                hint=f"move that one up afterwards as well, or put {revision} behind it (down_revision)",
            )
    before = path.read_text(encoding="utf-8")
    text, found = _LEVEL.subn(rf"\g<1>{level}", before, count=1)
    if not found:
        text, found = HEADER.subn(lambda match: f"{match[0]}\nschema_level: int = {level}", before, count=1)
    if not found:
        raise Refused(f"revision {revision} has neither schema_level nor depends_on, to write it under", at=str(path))
    path.write_text(text, encoding="utf-8")
    return path


def _leveled(project: AlembicProject) -> Iterator[tuple[Script, Leveled]]:
    levels: dict[str, int] = {}
    with translated(project.file):
        revisions = list(reversed(list(project.script.walk_revisions())))
    for each in revisions:
        below = max((levels[name] for name in each._all_down_revisions), default=0)  # noqa: SLF001
        own = getattr(each.module, "schema_level", None)
        own = own if isinstance(own, int) else below + 1 if is_phased(each.module) else None
        levels[each.revision] = max(below, own or 0)
        if own is not None:
            later = getattr(each.module, "schema_code", None) == "later"
            yield each, Leveled(each.revision, own, later, str(each.path))


def _path(revision: Script) -> Path:
    return Path(str(revision.path))
