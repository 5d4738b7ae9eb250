"""LK025 explicit-table-lock."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, unwrap


class ExplicitTableLock(Rule):
    """LOCK TABLE in a mode that blocks reads or writes.

    Why it matters
        Without a mode it is ACCESS EXCLUSIVE, held until the end of the transaction.

    What to do
        Leave it out: PostgreSQL's statements take the locks they need. Where one is needed, name the weakest mode
        that does, with a short lock_timeout.

    Source
        PostgreSQL documentation, LOCK.
    """

    code = "LK025"
    name = "explicit-table-lock"
    severity = Severity.WARNING
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = ()
    fixable = Fixable.SAFE
    kinds = ("lock_stmt",)
    good = (
        Good("LOCK TABLE users IN ROW EXCLUSIVE MODE;"),
        Good("CREATE TABLE users (id int); LOCK TABLE users;"),
        Good("SET lock_timeout = '1s'; LOCK TABLE users IN SHARE MODE;"),
    )
    bad = (Bad("LOCK TABLE users;", fix="SET LOCAL lock_timeout = '1s';\nLOCK TABLE users;"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        mode = LockMode(statement.node.mode)
        relations = [unwrap(item) for item in statement.node.relations]
        used = [relation_name(relation) for relation in relations if not context.is_new(relation)]
        if not mode.blocks_writes or not used or context.timeout_set:
            return
        yield Problem(
            f"LOCK TABLE blocks {mode.blocks} of {', '.join(used)} until the transaction ends",
            why="it also waits for the longest running query, and everything else queues behind it",
            fix=f"SET LOCAL lock_timeout = '1s';\n{statement.text};",
            lock=mode,
            repair=Repair(before=("SET LOCAL lock_timeout = '1s'",)),
        )
