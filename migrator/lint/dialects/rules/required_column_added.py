"""OD005 required-column-added."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, table_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class RequiredColumnAdded(DialectRule):
    """A new column without a default is one that old code does not fill.

    Why it matters
        INSERTs of old code leave the column out: in strict mode, which is the default, they fail.

    What to do
        Give it a default, or let it be NULL until every release fills it.

    Source
        MySQL 8.4 manual 13.6 "Data Type Default Values".
    """

    code = "OD005"
    name = "required-column-added"
    severity = Severity.ERROR
    category = Category.BACKWARD
    work = Effort.NONE
    breaks = (Breaks.WRITES,)
    dialects = ("mysql", "mariadb")
    phases = BEFORE_THE_DEPLOY
    good = (
        Good("ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 0;"),
        Good("ALTER TABLE t ADD a int;"),
    )
    bad = (Bad("ALTER TABLE t ADD COLUMN a int NOT NULL;", fix=""),)

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        table, _ = table_of(statement)
        for action in actions_of(statement):
            if (
                action.kind == "add column"
                and action.has("NOT", "NULL")
                and not any(word.key in _FILLED for word in action.rest)
                and not tables.is_new(table)
            ):
                yield Problem(
                    f"INSERTs that leave out {table}.{action.name} fail",
                    why="old code does not know the column, and it has neither a default nor NULL",
                    span=action.span,
                )


_FILLED = frozenset({"DEFAULT", "AUTO_INCREMENT", "GENERATED", "AS"})
