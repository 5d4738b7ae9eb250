"""LK032 several-tables-locked."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.lint.transactions import Membership
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement


class SeveralTablesLocked(Rule):
    """One transaction locks several tables that are in use ACCESS EXCLUSIVE.

    Why it matters
        The first table stays locked while the transaction waits for the second: everybody who uses either waits. Code
        that touches the two in the other order deadlocks with it, and one of the two is rolled back.

    What to do
        One table a transaction, each with a lock_timeout. Where both must change together, lock them first, in the
        order in which the application uses them.

    Once per transaction; a note where a lock_timeout limits the wait.

    Source
        PostgreSQL documentation, sections 13.3.1 and 13.3.4 "Deadlocks".
    """

    code = "LK032"
    name = "several-tables-locked"
    severity = Severity.WARNING
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.WRITES,)
    phases = frozenset({None})
    kinds = (
        "alter_table_stmt", "drop_stmt", "rename_stmt", "truncate_stmt", "lock_stmt", "rule_stmt", "create_policy_stmt",
        "alter_object_schema_stmt",
    )  # fmt: skip
    good = (
        Good("BEGIN;\nALTER TABLE a ADD COLUMN x int;\nALTER TABLE a ADD COLUMN y int;\nCOMMIT;"),
        Good("BEGIN;\nALTER TABLE a ADD COLUMN x int;\nCOMMIT;\nBEGIN;\nALTER TABLE b ADD COLUMN x int;\nCOMMIT;"),
        Good(
            "BEGIN;\nCREATE TABLE a (x int);\nALTER TABLE a ADD COLUMN y int;\nALTER TABLE b ADD COLUMN y int;\nCOMMIT;"
        ),
    )
    bad = (
        Bad(
            "BEGIN;\nALTER TABLE a ADD COLUMN x int;\nALTER TABLE b ADD COLUMN x int;\nCOMMIT;",
            fix="COMMIT;\nBEGIN;\nALTER TABLE b ADD COLUMN x int;",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        if not context.held or context.membership is not Membership.INSIDE:
            return
        once = f"{self.code}:{context.transaction}"
        earlier = [held for held in context.held if held.lock.mode is LockMode.ACCESS_EXCLUSIVE]
        if not earlier or once in context.reported_once:
            return
        held = {one.lock.relation for one in context.held}
        for lock in context.effects.locks:
            if lock.mode is LockMode.ACCESS_EXCLUSIVE and lock.relation not in held:
                if context.relation_is_new(lock):
                    continue
                context.reported_once.add(once)
                yield Problem(
                    f"{lock.relation} is waited for while line {earlier[0].statement.line} holds "
                    f"{earlier[0].lock.relation} locked",
                    why="everybody who uses either table waits, and code that uses both in the other order deadlocks",
                    fix=f"COMMIT;\nBEGIN;\n{statement.text};",
                    severity=Severity.INFO if context.timeout_set else None,
                )
                return
