"""RB017 level-not-highest."""

from __future__ import annotations

from migrator.lint.rule import ReportedOfFiles
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class LevelNotHighest(ReportedOfFiles):
    """A new migration has a level that is not above those at the reference of ``--since``.

    Why it matters
        Code of a higher level that was built without it would pass its gate. Expand refuses it wherever a higher level
        was expanded already.

    What to do
        Move it up: `migrator renumber` gives it the level after the highest one.

    Reported by ``migrator lint --since REF`` only.

    Source
        `migrator explain 5`: migrations are expanded in the order of their levels.
    """

    code = "RB017"
    name = "level-not-highest"
    severity = Severity.ERROR
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "code of a higher level was built without it, and would pass its gate"
