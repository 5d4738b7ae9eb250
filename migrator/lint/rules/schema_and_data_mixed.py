"""PO046 schema-and-data-mixed."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement


class SchemaAndDataMixed(Rule):
    """One file changes the schema and moves rows (opt-in).

    Why it matters
        In one transaction, locks of the first are held while rows are moved; outside of one, a failure leaves half of
        both.

    What to do
        Two files, or `expand.sql` and `backfill.sql`. INSERT is left alone.

    Source
        PostgreSQL documentation, section 13.3.1 "Table-Level Locks".
    """

    code = "PO046"
    name = "schema-and-data-mixed"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    phases = frozenset({None})
    kinds = ("update_stmt", "delete_stmt", "merge_stmt")
    good = (
        Good("UPDATE t SET a = 1 WHERE id < 10;"),
        Good("CREATE TABLE t (a int); UPDATE t SET a = 1 WHERE a = 2;"),
    )
    bad = (
        Bad(
            "ALTER TABLE t ADD COLUMN a int;\nUPDATE t SET a = 1 WHERE id < 10;",
            fix="-- in a file of its own: UPDATE t SET a = 1 WHERE id < 10",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        if context.is_new(statement.node.relation):
            return
        if next(context.all_of("alter_table_stmt", "index_stmt", "rename_stmt"), None) is not None:
            yield Problem(
                "rows are moved in a file that changes the schema",
                why="locks are held while rows are moved, and a failure leaves half of both",
                fix=f"-- in a file of its own: {' '.join(statement.text.split())}",
            )
