"""RB020 backfill-not-batchable."""

from __future__ import annotations

from migrator.lint.rule import ReportedOfFiles
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode


class BackfillNotBatchable(ReportedOfFiles):
    """A statement of backfill.sql, or of ``backfill()`` in a revision, cannot be run in batches.

    Why it matters
        A backfill runs in short transactions over some rows each, and again over rows that were missed. Where that
        would give another result than the statement at once (a window function, a row that matches several, a condition
        that stays true), ``migrator expand`` refuses the whole migration before it changes anything.

    What to do
        What the message says: an UPDATE whose condition is false for rows that are done, or INSERT … SELECT … ON
        CONFLICT with a ``-- verify:`` comment. See docs/backfill.md.

    What only the database can tell, such as missing keys, is found by ``migrator expand``.

    Source
        The command that runs the backfill reads the file with the same code.
    """

    code = "RB020"
    name = "backfill-not-batchable"
    severity = Severity.ERROR
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    why = "the migration is refused at expand, before anything changes"
