"""MY003 writes-wait-for-build."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, table_of
from migrator.lint.dialects.online import How, cost_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class WritesWaitForBuild(DialectRule):
    """Something is built in place while every write to the table waits.

    Why it matters
        FULLTEXT and SPATIAL indexes, a new AUTO_INCREMENT column, and whatever is run with LOCK=SHARED or
        LOCK=EXCLUSIVE stop writes for as long as the table is read.

    What to do
        Do it when nobody writes, on a copy of the table, or with pt-online-schema-change or gh-ost.

    Source
        MySQL 8.4 manual 17.12.1, tables 17.16 to 17.18.
    """

    code = "MY003"
    name = "writes-wait-for-build"
    severity = Severity.ERROR
    category = Category.LOCK
    work = Effort.BUILD
    breaks = ()
    dialects = ("mysql", "mariadb")
    good = (
        Good("ALTER TABLE t ADD INDEX i (a), ALGORITHM=INPLACE, LOCK=NONE;"),
        Good("CREATE INDEX i ON t (a);"),
        Good("CREATE TABLE t (a text);\nCREATE FULLTEXT INDEX i ON t (a);"),
    )
    bad = (
        Bad("CREATE FULLTEXT INDEX i ON t (a);", fix=""),
        Bad("ALTER TABLE t ADD COLUMN id int AUTO_INCREMENT UNIQUE;", fix=""),
        Bad("ALTER TABLE t ADD INDEX i (a), LOCK=SHARED;", fix=""),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        actions = actions_of(statement)
        table, _ = table_of(statement)
        if statement.starts("CREATE"):
            table = statement.words[statement.keys.index("ON") + 1].name if actions else ""
        if tables.is_new(table):
            return
        for action in actions:
            cost = cost_of(action, actions, table, tables)
            asked = action.kind == "lock" and action.name.upper() in ("SHARED", "EXCLUSIVE")
            if cost.how is How.BLOCKING or asked:
                who = "reads and writes" if asked and action.name.upper() == "EXCLUSIVE" else "writes"
                yield Problem(
                    f"{who} of {table} wait until this is done",
                    why=cost.reason or f"LOCK={action.name.upper()} asks for it",
                    blocks=who,
                    span=action.span,
                )
