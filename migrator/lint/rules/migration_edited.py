"""RB016 migration-edited."""

from __future__ import annotations

from migrator.lint.rule import ReportedOfFiles
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class MigrationEdited(ReportedOfFiles):
    """A file of a migration was changed that stood there at the reference of ``--since``.

    Why it matters
        Where it ran, it does not run again: databases that had it before and those that get it now differ from then on.
        migrator itself refuses a file that changed after it ran, with exit code 15.

    What to do
        Leave the file as it is and write another migration. Where it ran nowhere yet, say so in a waiver:
        ``-- migrator: allow-file RB016 because it is in no release``.

    Reported by ``migrator lint --since REF`` only, for SQL files.

    Source
        Every runner keeps a list of what ran, by name or by checksum, and goes by it.
    """

    code = "RB016"
    name = "migration-edited"
    severity = Severity.WARNING
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "where it ran already it does not run again, so databases come to differ"
