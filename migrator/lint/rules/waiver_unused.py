"""WV004 waiver-unused."""

from __future__ import annotations

from migrator.lint.repairs import Fixable
from migrator.lint.rule import Bad, Good, ReportedByEngine
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class WaiverUnused(ReportedByEngine):
    """A waiver waives nothing.

    Why it matters
        Nothing is wrong where it stands, so it only hides what may come later.

    What to do
        Take it away.

    Source
        `migrator/lint/suppression.py`.
    """

    code = "WV004"
    name = "waiver-unused"
    severity = Severity.INFO
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    fixable = Fixable.SAFE
    why = "nothing that it names is found there"
    good = (Good("-- migrator: allow BC002 because nobody reads it since May\nDROP TABLE users;"),)
    bad = (Bad("-- migrator: allow BC001 because it is fine\nSELECT 1;", fix=""),)
