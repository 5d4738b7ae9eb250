"""AP001 app-statement-breaks."""

from __future__ import annotations

from migrator.lint.rule import ReportedByTrace
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode


class AppStatementBreaks(ReportedByTrace):
    """A statement of the running version worked before this statement of the migration, and does not after.

    Why it matters
        During a rolling deploy the running version goes on sending it. This is no opinion: it was sent to a scratch
        server before and after, and the server's error is in the finding.

    What to do
        Keep what it needs until no instance of that version is left (expand now, contract later), or deploy a version
        that no longer sends it first.

    Reported by ``migrator lint --app-sql FILE`` only. In a contract phase it is a note: that phase waits for the gate.
    A statement that works again at the end of the file was broken for a while: a warning.

    Source
        The scratch server, PostgreSQL 14 to 18: PREPARE, EXPLAIN with a generic plan, and EXECUTE, rolled back.
    """

    code = "AP001"
    name = "app-statement-breaks"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES)
