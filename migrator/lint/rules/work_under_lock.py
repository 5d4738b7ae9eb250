"""LK024 work-under-lock."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.lint.transactions import Membership
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.plan import Phase
from migrator.sql.parser import Statement


class WorkUnderLock(Rule):
    """Rows are written while an earlier statement of the transaction holds a table locked.

    Why it matters
        A brief ALTER TABLE keeps ACCESS EXCLUSIVE until the transaction ends. Every row that the transaction then
        writes makes all readers and writers of that table wait longer.

    What to do
        Commit between the two; move data in `backfill.sql`, in batches.

    Single rows by VALUES, and tables that the file created, are left alone.

    Source
        PostgreSQL documentation, section 13.3.1: a lock is held until the end of the transaction.
    """

    code = "LK024"
    name = "work-under-lock"
    severity = Severity.WARNING
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    kinds = ("update_stmt", "delete_stmt", "insert_stmt", "merge_stmt")
    phases = frozenset({None, Phase.EXPAND, Phase.CONTRACT, Phase.ROLLBACK})
    good = (
        Good("BEGIN;\nALTER TABLE users ADD COLUMN age int;\nCOMMIT;\nUPDATE users SET age = 1 WHERE id < 10;"),
        Good("BEGIN;\nALTER TABLE users ADD COLUMN age int;\nINSERT INTO changes VALUES ('age');\nCOMMIT;"),
        Good("BEGIN;\nCREATE TABLE users (id int);\nALTER TABLE users ADD COLUMN age int;\n"
             "INSERT INTO users SELECT 1, 2;\nCOMMIT;"),
    )  # fmt: skip
    bad = (
        Bad(
            "BEGIN;\nALTER TABLE users ADD COLUMN age int;\nUPDATE users SET age = 1 WHERE id < 1000000;\nCOMMIT;",
            fix="COMMIT;\n-- then, in batches (backfill.sql):\n-- UPDATE users SET age = 1 WHERE id < 1000000",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        if context.membership is not Membership.INSIDE or not context.held:
            return
        node = statement.node
        if statement.kind == "insert_stmt" and (
            not node.HasField("select_stmt") or node.select_stmt.select_stmt.values_lists
        ):
            return
        held = max(context.held, key=lambda one: one.lock.mode)
        if held.lock.mode < LockMode.ACCESS_EXCLUSIVE or context.is_new(node.relation):
            return
        yield Problem(
            f"rows are written while line {held.statement.line} holds {held.lock.relation} locked",
            why=f"everybody who uses {held.lock.relation} waits until these rows are written and committed",
            fix=f"COMMIT;\n-- then, in batches (backfill.sql):\n-- {' '.join(statement.text.split())}",
            lock=held.lock.mode,
        )
