"""The level of code: the highest migration whose new shape it uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leveled:
    """A migration as code is built beside it.

    Attributes:
        id: of the migration, or the revision.
        level: its level.
        code_is_later: whether the code of the same checkout does not use its new shape yet.
        path: of the file that says so.
    """

    id: str
    level: int
    code_is_later: bool
    path: str


def level_of_code(migrations: Iterable[Leveled]) -> int:
    """The level that code of this checkout has; 0: there is no migration.

    It is the highest below the first migration that is left for later: a level says that everything up to it is used,
    so one above a gap would pass the gate of what it does not use.
    """
    level = 0
    for each in sorted(migrations, key=lambda migration: migration.level):
        if each.code_is_later:
            break
        level = each.level
    return level
