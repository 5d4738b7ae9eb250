"""WV003 waiver-expired."""

from __future__ import annotations

from migrator.lint.rule import Bad, Good, ReportedByEngine
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class WaiverExpired(ReportedByEngine):
    """A waiver has run out.

    Why it matters
        It no longer waives anything: what it was for was to be done by its date.

    What to do
        Do it, or give it a new date and say why.

    Source
        `migrator/lint/suppression.py`.
    """

    code = "WV003"
    name = "waiver-expired"
    severity = Severity.ERROR
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "it no longer waives anything"
    good = (Good("-- migrator: allow BC002 because nobody reads it since May\nDROP TABLE users;"),)
    bad = (Bad("-- migrator: allow BC002 until 2020-01-31 because next year\nDROP TABLE users;", fix=""),)
