"""SY004 revision-not-read."""

from __future__ import annotations

from migrator.lint.rule import ReportedOfFiles
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class RevisionNotRead(ReportedOfFiles):
    """An Alembic revision asks the database something, and what it does after that was not looked at.

    Why it matters
        Without a database its SQL is not known from there on: it may hold anything.

    What to do
        Write it so that it does not need an answer, for example as SQL that decides by itself, or look at that part
        yourself and say so in a waiver above the line: ``# migrator: allow SY004 because …``.

        ``backfill()`` and ``contract()`` of a revision are kept by a phased operation in its ``upgrade()``: where there
        is no other, it begins with ``phased.later()``. In them, what needs an answer is refused by expand.

    Reported for Alembic revisions only. What the revision did before that place is looked at as usual.

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
    why = "what it does from there on depends on the database, and was not looked at"
