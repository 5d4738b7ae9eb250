"""RB022 downgrade-does-nothing."""

from __future__ import annotations

from migrator.lint.rule import ReportedOfFiles
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode


class DowngradeDoesNothing(ReportedOfFiles):
    """The downgrade of a revision of Alembic does not undo its upgrade.

    Why it matters
        After ``alembic downgrade`` the version says that the revision is not there, and its tables and columns are. The
        next ``alembic upgrade`` fails because they exist already.

    What to do
        Undo in ``downgrade()`` what ``upgrade()`` does. Where that cannot be, raise NotImplementedError with the
        reason: then nobody believes that it worked. That is reported as a note.

    Reported of revisions whose ``upgrade()`` writes SQL and that have no phased operations, which
    ``migrator rollback`` undoes.

    Source
        Alembic documentation, tutorial: the version is set to the one before when ``downgrade()`` returns.
    """

    code = "RB022"
    name = "downgrade-does-nothing"
    severity = Severity.WARNING
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.AFTER_ROLLBACK,)
    why = "the version goes back and the schema stays, so the next upgrade fails"
