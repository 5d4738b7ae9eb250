"""RB007 transaction-left-open."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.lint.transactions import Membership
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement, pb


class TransactionLeftOpen(Rule):
    """BEGIN without COMMIT, BEGIN inside a transaction, COMMIT outside of one.

    Why it matters
        A transaction that is open when the session ends is rolled back: the migration counts as run, and nothing is
        there. A second BEGIN only warns, so that the first COMMIT ends both. A COMMIT in a file that the runner wraps
        commits what the runner meant to be able to roll back.

    What to do
        One BEGIN, one COMMIT; or none of both, and leave it to whoever runs the file.

    Source
        PostgreSQL documentation, BEGIN and COMMIT, "Notes"; run on 15.
    """

    code = "RB007"
    name = "transaction-left-open"
    severity = Severity.WARNING
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    fixable = Fixable.SAFE
    kinds = ("transaction_stmt",)
    good = (
        Good("BEGIN;\nALTER TABLE users ADD COLUMN a int;\nCOMMIT;"),
        Good("BEGIN;\nSAVEPOINT a;\nROLLBACK TO a;\nCOMMIT AND CHAIN;\nEND;"),
        Good("BEGIN;\nSELECT 1;\nROLLBACK;"),
        Good("COMMIT;\nBEGIN;\nSELECT 1;\nCOMMIT;"),
    )
    bad = (
        Bad("BEGIN;\nALTER TABLE users ADD COLUMN a int;", fix="-- COMMIT at the end, or no BEGIN"),
        Bad("BEGIN;\nBEGIN;\nALTER TABLE users ADD COLUMN a int;\nCOMMIT;", fix="-- without this BEGIN"),
        Bad(
            "-- migrator: transaction = true\nALTER TABLE users ADD COLUMN a int;\nCOMMIT;",
            fix="-- without this COMMIT",
        ),
        Bad("BEGIN;\nSELECT 1;\nCOMMIT;\nCOMMIT;", fix="-- without this COMMIT"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        kind = statement.node.kind
        word = statement.text.split(maxsplit=1)[0].upper()
        if kind in _BEGINS:
            if context.inside_begin:
                yield Problem(
                    f"{word} inside a transaction only warns",
                    why="the first COMMIT ends both, and what comes after it commits statement by statement",
                    fix=f"-- without this {word}",
                    repair=Repair(removes=True),
                )
            elif not any(other.node.kind in _ENDS for other in context.following_of("transaction_stmt")):
                yield Problem(
                    f"{word} without COMMIT",
                    why="what is not committed when the session ends is rolled back, without any error",
                    fix=f"-- COMMIT at the end, or no {word}",
                )
        elif kind == pb.TRANS_STMT_COMMIT and not context.inside_begin and not statement.node.chain:
            if context.membership is Membership.INSIDE:
                yield Problem(
                    f"{word} ends the transaction that the runner opened",
                    why="what comes before can no longer be rolled back, and what comes after runs on its own",
                    fix=f"-- without this {word}",
                )
            elif next(context.earlier_of("transaction_stmt"), None) is not None:
                yield Problem(
                    f"{word} outside a transaction only warns",
                    why="a statement that was meant to be in a transaction is not",
                    fix=f"-- without this {word}",
                    repair=Repair(removes=True),
                )


_BEGINS = (pb.TRANS_STMT_BEGIN, pb.TRANS_STMT_START)
_ENDS = (pb.TRANS_STMT_COMMIT, pb.TRANS_STMT_ROLLBACK, pb.TRANS_STMT_PREPARE)
