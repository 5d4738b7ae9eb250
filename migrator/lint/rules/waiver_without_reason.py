"""WV001 waiver-without-reason."""

from __future__ import annotations

from migrator.lint.rule import Bad, Good, ReportedByEngine
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class WaiverWithoutReason(ReportedByEngine):
    """A waiver has no reason, or a date that is none.

    Why it matters
        It waives nothing, so that no exception is made without anybody knowing why.

    What to do
        `-- migrator: allow CODE because REASON`, with an optional `until 2027-01-31` before `because`.

    Source
        `migrator/lint/suppression.py`.
    """

    code = "WV001"
    name = "waiver-without-reason"
    severity = Severity.ERROR
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "a waiver needs a reason: -- migrator: allow CODE because REASON"
    good = (Good("-- migrator: allow BC002 because nobody reads it since May\nDROP TABLE users;"),)
    bad = (Bad("-- migrator: allow BC002\nDROP TABLE users;", fix=""),)
