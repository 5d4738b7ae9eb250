"""OD006 every-row-written."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class EveryRowWritten(DialectRule):
    """UPDATE or DELETE of every row in one statement.

    Why it matters
        InnoDB locks every row until the end of the transaction, replicas fall behind, and the undo log grows;
        SQLite locks the whole database.

    What to do
        Write some thousand rows at a time, by ranges of the key, each in a transaction of its own.

    Source
        MySQL 8.4 manual 17.7.3; SQLite, File Locking And Concurrency.
    """

    code = "OD006"
    name = "every-row-written"
    severity = Severity.WARNING
    category = Category.LOCK
    work = Effort.NONE
    breaks = ()
    dialects = ("mysql", "mariadb", "sqlite")
    good = (
        Good("UPDATE t SET a = 1 WHERE id BETWEEN 1 AND 1000;"),
        Good("CREATE TABLE t (a int);\nUPDATE t SET a = 1;"),
    )
    bad = (
        Bad("UPDATE t SET a = 1;", fix=""),
        Bad("DELETE FROM t;", fix=""),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        if statement.starts("UPDATE", "DELETE") and not {"WHERE", "LIMIT", "JOIN"} & set(statement.keys):
            name = statement.words[2 if statement.keys[0] == "DELETE" else 1].name if len(statement.words) > 2 else ""
            if not tables.is_new(name):
                yield Problem(
                    f"{statement.keys[0]} of every row of {name} in one statement",
                    why="every row stays locked until the end of the transaction",
                    blocks="writes of the same rows",
                )
