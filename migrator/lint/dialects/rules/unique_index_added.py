"""MY008 unique-index-added."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, table_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class UniqueIndexAdded(DialectRule):
    """A unique index rejects what running code may write.

    Why it matters
        INSERTs and UPDATEs of old code that write a value twice fail from now on; if there are such rows already,
        the migration fails.

    What to do
        Look for duplicates first, and deploy code that writes none.

    Source
        MySQL 8.4 manual 15.1.15.
    """

    code = "MY008"
    name = "unique-index-added"
    severity = Severity.WARNING
    category = Category.BACKWARD
    work = Effort.NONE
    breaks = (Breaks.WRITES,)
    dialects = ("mysql", "mariadb")
    phases = BEFORE_THE_DEPLOY
    good = (
        Good("CREATE TABLE t (a int);\nCREATE UNIQUE INDEX i ON t (a);"),
        Good("CREATE INDEX i ON t (a);"),
    )
    bad = (
        Bad("CREATE UNIQUE INDEX i ON t (a);", fix=""),
        Bad("ALTER TABLE t ADD UNIQUE KEY k (a);", fix=""),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        actions = actions_of(statement)
        table, _ = table_of(statement)
        if statement.starts("CREATE UNIQUE"):
            table = statement.words[statement.keys.index("ON") + 1].name if actions else ""
        for action in actions:
            if action.kind == "add unique" and not tables.is_new(table):
                yield Problem(
                    f"running code that writes a value twice to {table} fails",
                    why="the index rejects it, and the migration fails if there are such rows",
                    span=action.span,
                )
