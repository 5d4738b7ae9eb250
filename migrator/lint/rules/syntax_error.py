"""SY001 syntax-error."""

from __future__ import annotations

from migrator.lint.rule import Bad, Good, ReportedByEngine
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode


class SyntaxErrorInFile(ReportedByEngine):
    """The file is not PostgreSQL's SQL, or not UTF-8.

    Why it matters
        PostgreSQL refuses it, in the middle of a deploy. The statements around it were checked as if it were not there,
        so that what it makes is not known to them.

    What to do
        Look at the place the caret points to: it is where PostgreSQL's own parser gave up. Commands to psql,
        rows behind COPY FROM stdin and placeholders of other runners are no mistakes.

    Always reported, whatever is selected.

    Source
        libpg_query, which is PostgreSQL's grammar.
    """

    code = "SY001"
    name = "syntax-error"
    severity = Severity.ERROR
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    why = "PostgreSQL refuses the file; the statements around this one were checked without it"
    good = (Good("SELECT 1;"),)
    bad = (Bad("SELECT 1;\nCREATE TABEL users (id int);", fix=""),)
