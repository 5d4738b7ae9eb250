"""PO044 concurrently-not-alone."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.lint.transactions import Membership
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement


class ConcurrentlyNotAlone(Rule):
    """CONCURRENTLY among other statements of a file (opt-in).

    Why it matters
        Runners that send a file as one message, or wrap it, run it as one transaction: the statement is refused.

    What to do
        A file of its own, with the runner's switch for no transaction.

    Source
        PostgreSQL documentation, section 54.2.2.1 "Multiple Statements in a Simple Query".
    """

    code = "PO044"
    name = "concurrently-not-alone"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    fixable = Fixable.SAFE
    opt_in = True
    phases = frozenset({None})
    kinds = ("index_stmt", "drop_stmt", "reindex_stmt")
    good = (
        Good("CREATE INDEX CONCURRENTLY i ON t (a);"),
        Good("-- migrator: transaction = false\nSET statement_timeout = 0;\nCREATE INDEX CONCURRENTLY i ON t (a);"),
    )
    bad = (
        Bad(
            "CREATE INDEX CONCURRENTLY i ON t (a);\nCREATE INDEX CONCURRENTLY j ON t (b);",
            fix="-- migrator: transaction = false\n-- or each in a file of its own",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - its neighbours count
        """See ``Rule.check``."""
        alone = len(context.statements) == 1 or context.membership is not Membership.UNKNOWN
        if alone or self.code in context.reported_once or context.effects.transactional:
            return
        context.reported_once.add(self.code)
        yield Problem(
            f"CONCURRENTLY stands among {len(context.statements)} statements",
            why="a runner that sends the file as one message makes one transaction of it, and PostgreSQL refuses",
            fix="-- migrator: transaction = false\n-- or each in a file of its own",
            repair=Repair(alone=True),
        )
