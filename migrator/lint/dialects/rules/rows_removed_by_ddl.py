"""MY006 rows-removed-by-ddl."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, table_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class RowsRemovedByDdl(DialectRule):
    """TRUNCATE, or dropping a partition, removes rows for good.

    Why it matters
        It commits at once and cannot be rolled back; readers of the table wait for it.

    What to do
        Keep a copy, or let it run when the rows are known to be of no use.

    Source
        MySQL 8.4 manual 15.1.37 and 26.3.1.
    """

    code = "MY006"
    name = "rows-removed-by-ddl"
    severity = Severity.ERROR
    category = Category.DATA_LOSS
    work = Effort.NONE
    breaks = (Breaks.DATA,)
    dialects = ("mysql", "mariadb")
    good = (
        Good("CREATE TABLE t (a int);\nTRUNCATE TABLE t;"),
        Good("ALTER TABLE t ADD PARTITION (PARTITION p VALUES LESS THAN (3));"),
    )
    bad = (
        Bad("TRUNCATE TABLE t;", fix=""),
        Bad("ALTER TABLE t DROP PARTITION p1;", fix=""),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        table, _ = table_of(statement)
        if statement.starts("TRUNCATE") and not tables.is_new(table):
            yield Problem(f"TRUNCATE removes every row of {table}", why="it commits at once and cannot be rolled back")
        for action in actions_of(statement):
            if action.kind in ("drop partition", "truncate partition"):
                yield Problem(
                    f"the rows of these partitions of {table} are removed",
                    why="they cannot be brought back",
                    span=action.span,
                )
