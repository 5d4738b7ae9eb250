"""Which revision is running, and what level the code has that needs it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType, FunctionType
from typing import Any

from alembic.script import ScriptDirectory

from migrator.errors import UsageError
from migrator.model.plan import Phase


@dataclass(frozen=True, slots=True)
class Revision:
    """The revision whose function called.

    Attributes:
        id: its revision id; the id of its migration.
        title: the first line of its docstring.
        level: ``schema_level`` in its header; None: it has none.
        at: ``file:line`` of the call.
        later: its functions ``backfill`` and ``contract``, where it has them.
    """

    id: str
    title: str
    level: int | None
    at: str
    later: dict[Phase, Callable[[], object]]


def calling() -> Revision:
    """The revision further up the stack.

    Raises:
        UsageError: there is none: the operation was called from elsewhere.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - Alembic tells operations nothing about their revision
    while frame is not None:
        names = frame.f_globals
        if isinstance(names.get("revision"), str) and "down_revision" in names:
            return of_module(names, f"{frame.f_code.co_filename}:{frame.f_lineno}")
        frame = frame.f_back
    raise UsageError(
        "a phased operation was called outside a revision",
        hint="call it in upgrade() or downgrade() of a file in Alembic's versions folder",
    )


def of_module(names: dict[str, Any], at: str) -> Revision:
    """The revision of a module, by its names.

    Raises:
        UsageError: its level is none.
    """
    level = names.get("schema_level")
    if level is not None and (not isinstance(level, int) or level < 1):
        raise UsageError(f"schema_level {level!r} is not an integer of 1 or more", at=at)
    title = (names.get("__doc__") or "").strip().split("\n", 1)[0]
    return Revision(names["revision"], title or names["revision"], level, at, later_of(names))


def later_of(names: dict[str, Any]) -> dict[Phase, Callable[[], object]]:
    """What a revision module has of ``backfill()`` and ``contract()``, in the order in which they run."""
    phases = (Phase.BACKFILL, Phase.CONTRACT)
    return {phase: names[phase] for phase in phases if isinstance(names.get(phase), FunctionType)}


def level_of(revision: Revision, script: ScriptDirectory | None, levels: Mapping[str, int]) -> int:
    """Its own ``schema_level``, or one more than the highest among its ancestors.

    Args:
        revision: the one that runs.
        script: all revisions; None: there are no others.
        levels: those that revisions have beside what their headers say, by id: what the ledger holds.
    """
    if revision.level is not None:
        return revision.level
    highest = 0
    if script is not None:
        for ancestor in script.iterate_revisions(revision.id, "base"):
            if ancestor.revision == revision.id:
                continue
            written = getattr(ancestor.module, "schema_level", None) or 0
            highest = max(highest, written, levels.get(ancestor.revision, 0))
    return highest + 1
