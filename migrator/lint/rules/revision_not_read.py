"""SY004 revision-not-read."""

from __future__ import annotations

from migrator.lint.rule import ReportedOfFiles
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class RevisionNotRead(ReportedOfFiles):
    """What an Alembic revision does depends on the database, and was not looked at.

    Why it matters
        Where a revision asks the database something, its SQL is not known from there on: it may hold anything. Of a
        phased operation, the phases that the message names are not known, because they depend on what hangs on the
        table: that is information, not a warning.

    What to do
        Write it so that it does not need an answer, for example as SQL that decides by itself, or look at that part
        yourself and say so in a waiver above the line: ``# migrator: allow SY004 because …``. Of a phased operation,
        ``migrator plan REVISION`` shows those phases where ``DATABASE_URL`` leads to a database with its tables.

        ``backfill()`` and ``contract()`` of a revision are kept by a phased operation in its ``upgrade()``: where there
        is no other, it begins with ``phased.later()``. In them, what needs an answer is refused by expand.

    Reported for Alembic revisions only. What else the revision does is looked at as usual, up to its own question.

    Source
        Alembic's offline mode: ``op.get_bind().execute()`` gives nothing there, and ``sa.inspect()`` fails.
    """

    code = "SY004"
    name = "revision-not-read"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "it depends on what is in the database, which lint did not ask"
