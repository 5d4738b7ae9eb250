"""OD004 table-renamed."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, table_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class TableRenamed(DialectRule):
    """Renaming a table breaks running code that uses it.

    Why it matters
        Statements that use the old name fail at once.

    What to do
        Leave a view under the old name, or rename when no code is left that uses it.

    Source
        MySQL 8.4 manual 15.1.36; SQLite, ALTER TABLE, section 2.
    """

    code = "OD004"
    name = "table-renamed"
    severity = Severity.ERROR
    category = Category.BACKWARD
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES)
    dialects = ("mysql", "mariadb", "sqlite")
    phases = BEFORE_THE_DEPLOY
    good = (
        Good("CREATE TABLE new_t (a int);\nALTER TABLE new_t RENAME TO t;"),
        Good("ALTER TABLE t RENAME INDEX a TO b;"),
    )
    bad = (
        Bad("ALTER TABLE t RENAME TO u;", fix=""),
        Bad("RENAME TABLE t TO u;", fix=""),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        if statement.starts("RENAME TABLE"):
            name = statement.text(statement.words[2:3])
            if not tables.is_new(name):
                yield Problem(f"renaming table {name} breaks running code that uses it", why=_WHY)
            return
        table, _ = table_of(statement)
        for action in actions_of(statement):
            if action.kind == "rename table" and not tables.is_new(table):
                yield Problem(f"renaming table {table} breaks running code that uses it", why=_WHY, span=action.span)


_WHY = "statements that use the old name fail at once"
