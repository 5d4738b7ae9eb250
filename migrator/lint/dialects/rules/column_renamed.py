"""OD003 column-renamed."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, table_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class ColumnRenamed(DialectRule):
    """Renaming a column breaks running code that uses it.

    Why it matters
        Old code uses the old name, new code the new one: whichever runs when the other is there fails.

    What to do
        Add the new column, write both, fill it, read it, and drop the old one in a later release.

    Source
        MySQL 8.4 manual 15.1.9; SQLite, ALTER TABLE, section 3.
    """

    code = "OD003"
    name = "column-renamed"
    severity = Severity.ERROR
    category = Category.BACKWARD
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES)
    dialects = ("mysql", "mariadb", "sqlite")
    phases = BEFORE_THE_DEPLOY
    good = (
        Good("ALTER TABLE t CHANGE a a int;"),
        Good("CREATE TABLE t (a int);\nALTER TABLE t RENAME COLUMN a TO b;"),
    )
    bad = (
        Bad("ALTER TABLE t RENAME COLUMN a TO b;", fix=""),
        Bad("ALTER TABLE t RENAME a TO b;", fix=""),
        Bad("ALTER TABLE t CHANGE COLUMN a `b` int;", fix=""),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        table, _ = table_of(statement)
        for action in actions_of(statement):
            renamed = action.kind == "rename column" or (
                action.kind == "change column" and action.rest and action.rest[0].name.lower() != action.name.lower()
            )
            if renamed and not tables.is_new(table):
                yield Problem(
                    f"renaming {table}.{action.name} breaks running code that uses it",
                    why="statements that use the old name fail at once",
                    span=action.span,
                )
