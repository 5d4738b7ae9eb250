"""MY002 table-rebuilt."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, table_of
from migrator.lint.dialects.online import How, cost_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class TableRebuilt(DialectRule):
    """The server rebuilds the whole table; writes go on, at its start and end they wait.

    Why it matters
        It takes as long as the table is large, needs room for a second one, and replicas run it after the primary
        has: they lag behind by as much.

    What to do
        Do it when little is written, or use pt-online-schema-change or gh-ost, which wait for replicas.

    Source
        MySQL 8.4 manual 17.12.1; MariaDB, InnoDB Online DDL Overview.
    """

    code = "MY002"
    name = "table-rebuilt"
    severity = Severity.WARNING
    category = Category.LOCK
    work = Effort.REWRITE
    breaks = ()
    dialects = ("mysql", "mariadb")
    good = (
        Good("CREATE TABLE t (a int);\nALTER TABLE t ENGINE=InnoDB;"),
        Good("ALTER TABLE t ADD INDEX i (a);"),
    )
    bad = (
        Bad("ALTER TABLE t ENGINE=InnoDB;", fix=""),
        Bad("ALTER TABLE t ADD PRIMARY KEY (id);", fix=""),
        Bad("OPTIMIZE TABLE t;", fix=""),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        if statement.starts("OPTIMIZE TABLE"):
            yield Problem("OPTIMIZE TABLE rebuilds the table", why="it does what ALTER TABLE … FORCE does")
            return
        table, _ = table_of(statement) if statement.starts("ALTER") else ("", 0)
        if not table or tables.is_new(table):
            return
        actions = actions_of(statement)
        for action in actions:
            cost = cost_of(action, actions, table, tables)
            if cost.how is How.REBUILD:
                yield Problem(f"{table} is rebuilt", why=cost.reason, span=action.span)
