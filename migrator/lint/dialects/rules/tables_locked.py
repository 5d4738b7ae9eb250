"""MY007 tables-locked."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class TablesLocked(DialectRule):
    """LOCK TABLES or a global read lock makes everybody else wait.

    Why it matters
        Until UNLOCK TABLES or the end of the session, writes of all others wait, with WRITE also reads.

    What to do
        Leave it out: DDL takes the locks it needs. For a consistent copy use a transaction.

    Source
        MySQL 8.4 manual 15.3.6.
    """

    code = "MY007"
    name = "tables-locked"
    severity = Severity.ERROR
    category = Category.LOCK
    work = Effort.NONE
    breaks = ()
    dialects = ("mysql", "mariadb")
    good = (
        Good("UNLOCK TABLES;"),
        Good("SELECT 1;"),
    )
    bad = (
        Bad("LOCK TABLES t WRITE;", fix=""),
        Bad("FLUSH TABLES WITH READ LOCK;", fix=""),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:  # noqa: ARG002 - true of any
        """See ``DialectRule.look``."""
        if statement.starts("LOCK TABLES", "LOCK TABLE", "FLUSH TABLES WITH READ LOCK", "FLUSH TABLE WITH READ LOCK"):
            reads = "WRITE" in statement.keys
            yield Problem(
                "everybody else waits until the tables are unlocked",
                why="nothing ends it but UNLOCK TABLES or the end of the session",
                blocks="reads and writes" if reads else "writes",
            )
