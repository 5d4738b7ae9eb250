"""WV002 waiver-of-unknown-rule."""

from __future__ import annotations

from migrator.lint.rule import Bad, Good, ReportedByEngine
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class WaiverOfUnknownRule(ReportedByEngine):
    """A waiver names no rule, or one that does not exist.

    Why it matters
        It waives nothing, and the author thinks it does.

    What to do
        Take the code from the finding, or from `migrator explain`.

    Source
        `migrator/lint/suppression.py`.
    """

    code = "WV002"
    name = "waiver-of-unknown-rule"
    severity = Severity.ERROR
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "it waives nothing; all rules: migrator explain"
    good = (Good("-- migrator: allow BC002 because nobody reads it since May\nDROP TABLE users;"),)
    bad = (Bad("-- migrator: allow BC999 because it is fine\nDROP TABLE users;", fix=""),)
