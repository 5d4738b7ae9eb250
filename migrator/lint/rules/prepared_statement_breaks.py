"""AP002 prepared-statement-breaks."""

from __future__ import annotations

from migrator.lint.rule import ReportedByTrace
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode


class PreparedStatementBreaks(ReportedByTrace):
    """A statement of the running version fails in sessions that had prepared it before the migration.

    Why it matters
        "cached plan must not change result type": a prepared ``SELECT *`` fails after any change of the columns, a
        prepared ``SELECT column`` after a change of its type, until the session prepares it anew. Drivers that prepare
        on the server keep such statements: asyncpg, pgjdbc, Rails.

    What to do
        Name the columns instead of ``*``; for a change of type use a new column. Drivers that prepare again after this
        error (pgjdbc outside transactions, asyncpg once) get away with one failed statement for each connection.

    Reported by ``migrator lint --app-sql FILE`` only.

    Source
        The scratch server; PostgreSQL documentation, PREPARE; src/backend/utils/cache/plancache.c of 14 to 18.
    """

    code = "AP002"
    name = "prepared-statement-breaks"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.PREPARED,)
