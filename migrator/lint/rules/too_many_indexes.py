"""PO025 too-many-indexes."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement


class TooManyIndexes(Rule):
    """More than ten indexes on one table (opt-in).

    Why it matters
        Every write keeps up all of them, and none of its updates can stay on the page.

    What to do
        Drop those that pg_stat_user_indexes shows to be unused.

    Source
        PostgreSQL documentation, section 11.1 "Introduction", and 66.7 "Heap-Only Tuples".
    """

    code = "PO025"
    name = "too-many-indexes"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("index_stmt",)
    good = (Good("CREATE INDEX CONCURRENTLY i ON t (a);"),)
    bad = (
        Bad(
            "CREATE INDEX CONCURRENTLY last ON t (a);",
            earlier="".join(f"CREATE INDEX i{n} ON t (a{n});" for n in range(10)),
            fix="-- first drop those that nobody uses",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        key = context.catalog.table_or_assumed(statement.node.relation).key
        known = len(context.catalog.indexes_of(key))
        if known >= _MOST:
            yield Problem(
                f"{relation_name(statement.node.relation)} has {known} indexes already",
                why="every write keeps up all of them",
                fix="-- first drop those that nobody uses",
            )


_MOST = 10
"""Chosen by hand: more are rarely all in use."""
