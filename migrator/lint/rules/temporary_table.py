"""PO036 temporary-table."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement


class TemporaryTable(Rule):
    """A temporary table in a migration (opt-in).

    Why it matters
        Poolers hand the session, and the table with it, to others; a migration that is resumed does not find it.

    What to do
        A common table expression, or a table that the migration drops at its end.

    Source
        PostgreSQL documentation, CREATE TABLE, "TEMPORARY".
    """

    code = "PO036"
    name = "temporary-table"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("create_stmt", "create_table_as_stmt")
    good = (Good("CREATE TABLE t (a int);"),)
    bad = (Bad("CREATE TEMP TABLE t (a int);", fix="-- a common table expression, or a table dropped at the end"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        relation = statement.node.relation if statement.kind == "create_stmt" else statement.node.into.rel
        if relation.relpersistence == "t":
            yield Problem(
                f"{ident(relation.relname)} lives as long as the session",
                why="poolers hand the session to others, and a resumed migration does not find the table",
                fix="-- a common table expression, or a table dropped at the end",
            )
