"""Where a project keeps its migrations, for what writes levels into them: folders here, or revisions of Alembic.

``migrator.cli.options.history_of`` decides which it is.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Protocol

from migrator.authoring import levels
from migrator.model.level import Leveled
from migrator.model.plan import Migration
from migrator.planning.folders import find, load_each, require_distinct


class History(Protocol):
    """The migrations of a project, as code is built beside them; read once."""

    def leveled(self, *, distinct: bool = True) -> list[Leveled]:
        """Those with a level, oldest first.

        Args:
            distinct: refuse two of one level; False: one of them is about to move up.

        Raises:
            UsageError: they cannot be read, or two share a level.
        """

    def find(self, target: str) -> str:
        """The id that a user means by it, or by the beginning of one.

        Raises:
            UsageError: none or several fit.
            Refused: it has no level.
        """

    def set_code_later(self, migration: str, *, later: bool) -> None:
        """Write whether the code of this checkout does without the new shape of a migration.

        Raises:
            Refused: there is no level to write it under.
        """

    def set_level(self, migration: str, level: int) -> list[str]:
        """Write another level; the id stays.

        Returns:
            The files that were written.

        Raises:
            Refused: its level cannot be written, or not this one.
        """


class Folders:
    """Migrations in folders of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _migrations(self) -> list[Migration]:
        return load_each(self._folder)

    def leveled(self, *, distinct: bool = True) -> list[Leveled]:
        """See ``History``."""
        if distinct:
            require_distinct(self._migrations)
        return levels.leveled(self._migrations)

    def find(self, target: str) -> str:
        """See ``History``."""
        return find(self._migrations, target).id

    def set_code_later(self, migration: str, *, later: bool) -> None:
        """See ``History``."""
        levels.set_code_later(find(self._migrations, migration), later=later)

    def set_level(self, migration: str, level: int) -> list[str]:
        """See ``History``."""
        found = find(self._migrations, migration)
        return [os.path.relpath(Path(found.folder) / name) for name in levels.set_level(found, level)]
