"""OD001 column-dropped."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, table_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class ColumnDropped(DialectRule):
    """Dropping a column breaks running code that uses it.

    Why it matters
        While old code runs, its statements that name the column fail, and the data is gone for good. In SQLite the
        whole table is rewritten besides.

    What to do
        Drop it when no code is left that uses it: in a migration of its own, after the release.

    Source
        MySQL 8.4 manual 15.1.9; SQLite, ALTER TABLE, section 5.
    """

    code = "OD001"
    name = "column-dropped"
    severity = Severity.ERROR
    category = Category.BACKWARD
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.DATA)
    dialects = ("mysql", "mariadb", "sqlite")
    phases = BEFORE_THE_DEPLOY
    good = (
        Good("CREATE TABLE t (a int, b int);\nALTER TABLE t DROP COLUMN b;"),
        Good("ALTER TABLE t ADD COLUMN b int;"),
    )
    bad = (Bad("ALTER TABLE t DROP COLUMN b;", fix=""),)

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        table, _ = table_of(statement)
        for action in actions_of(statement):
            if action.kind == "drop column" and not tables.is_new(table):
                yield Problem(
                    f"dropping {table}.{action.name} breaks running code that uses it",
                    why="its statements that name the column fail",
                    span=action.span,
                )
