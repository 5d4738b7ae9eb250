"""OD002 table-dropped."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, key_of, table_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class TableDropped(DialectRule):
    """Dropping a table or view breaks running code that uses it.

    Why it matters
        While old code runs, its statements that name the table fail, and the data is gone for good.

    What to do
        Drop it when no code is left that uses it: in a migration of its own, after the release.

    Source
        MySQL 8.4 manual 15.1.32; SQLite, DROP TABLE.
    """

    code = "OD002"
    name = "table-dropped"
    severity = Severity.ERROR
    category = Category.BACKWARD
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.DATA)
    dialects = ("mysql", "mariadb", "sqlite")
    phases = BEFORE_THE_DEPLOY
    good = (
        Good("CREATE TABLE t (a int);\nDROP TABLE t;"),
        Good("CREATE TABLE new_t (a int);\nDROP TABLE t;\nALTER TABLE new_t RENAME TO t;"),
    )
    bad = (Bad("DROP TABLE IF EXISTS shop.t;", fix=""),)

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        if not statement.starts("DROP TABLE", "DROP VIEW"):
            return
        name, _ = table_of(statement) if statement.keys[1] == "TABLE" else (statement.text(statement.words[-1:]), 0)
        replaced = any(
            action.kind == "rename table" and key_of(action.words[-1].name) == key_of(name)
            for later in tables.following
            for action in actions_of(later)
        )
        if not tables.is_new(name) and not replaced:
            yield Problem(
                f"dropping {statement.keys[1].lower()} {name} breaks running code that uses it",
                why="its statements that name it fail",
            )
