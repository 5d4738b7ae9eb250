"""RB011 statistics-lost."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.repairs import Fixable, Repair
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class StatisticsLost(AlterTableRule):
    """The type of a column changes without ANALYZE behind it.

    Why it matters
        The statistics of the column are thrown away, also where no row is rewritten. Until autovacuum comes by,
        queries over it may get plans that take a thousand times as long.

    What to do
        ANALYZE table (column) right behind it, in a transaction of its own.

    A note. Quiet if an ANALYZE of the table follows in the file, and for tables that the file created.

    Source
        PostgreSQL documentation, ALTER TABLE, "SET DATA TYPE"; pg_statistic on 15.
    """

    code = "RB011"
    name = "statistics-lost"
    severity = Severity.INFO
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS,)
    fixable = Fixable.SAFE
    subtypes = (pb.AT_AlterColumnType,)
    good = (
        Good("ALTER TABLE t ALTER COLUMN a TYPE varchar(20);\nANALYZE t;", earlier="CREATE TABLE t (a varchar(10));"),
        Good("CREATE TABLE t (a int);\nALTER TABLE t ALTER COLUMN a TYPE bigint;"),
    )
    bad = (
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE varchar(20);",
            earlier="CREATE TABLE t (a varchar(10));",
            fix="ALTER TABLE t ALTER COLUMN a TYPE varchar(20);\nANALYZE t (a);",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.is_new or next(context.following_of("vacuum_stmt"), None) is not None:
            return
        name = ident(action.command.name)
        yield Problem(
            f"{action.relation}.{name} has no statistics until it is analysed",
            why="queries over the column may get bad plans until autovacuum comes by",
            fix=f"{action.statement.text};\nANALYZE {action.relation} ({name});",
            span=context.span_of(action.command.name),
            # under the lock of the change it would read a sample of the rows
            repair=Repair(after=(f"ANALYZE {action.relation} ({name})",), alone=True),
        )
