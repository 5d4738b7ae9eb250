"""MY004 algorithm-not-said."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, table_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class AlgorithmNotSaid(DialectRule):
    """ALTER TABLE without ALGORITHM lets the server choose, also to copy.

    Why it matters
        What is done in place today may be done by a copy tomorrow, on another version or after another change of
        the table; nobody is told.

    What to do
        Write ALGORITHM=INSTANT, or ALGORITHM=INPLACE, LOCK=NONE: the server refuses what it cannot do so.

    Source
        MySQL 8.4 manual 15.1.9 "Performance and Space Requirements".
    """

    code = "MY004"
    name = "algorithm-not-said"
    severity = Severity.WARNING
    category = Category.POLICY
    work = Effort.NONE
    breaks = ()
    dialects = ("mysql", "mariadb")
    opt_in = True
    good = (
        Good("ALTER TABLE t ADD COLUMN a int, ALGORITHM=INSTANT;"),
        Good("CREATE TABLE t (a int);\nALTER TABLE t ADD COLUMN b int;"),
    )
    bad = (Bad("ALTER TABLE t ADD COLUMN a int;", fix=""),)

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        if not statement.starts("ALTER TABLE"):
            return
        table, _ = table_of(statement)
        kinds = {action.kind for action in actions_of(statement)}
        if "algorithm" not in kinds and not kinds <= {"rename table", ""} and not tables.is_new(table):
            yield Problem(
                f"how {table} is changed is left to the server", why="it copies the table where it can do no better"
            )
