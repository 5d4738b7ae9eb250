"""PO039 null-comparison."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement, pb, unwrap, walk


class NullComparison(Rule):
    """= NULL or <> NULL (opt-in).

    Why it matters
        The result is NULL for every row: the condition never holds, and nothing is updated or deleted.

    What to do
        IS NULL or IS NOT NULL.

    Source
        PostgreSQL documentation, section 9.2 "Comparison Functions and Operators".
    """

    code = "PO039"
    name = "null-comparison"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.DATA,)
    opt_in = True
    kinds = ("update_stmt", "delete_stmt", "select_stmt", "insert_stmt", "view_stmt")
    good = (Good("DELETE FROM t WHERE a IS NULL AND b = 1;"), Good("UPDATE t SET a = NULL WHERE b = 1;"))
    bad = (Bad("DELETE FROM t WHERE a = NULL;", fix="-- IS NULL"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        if "null" not in statement.text.lower():
            return
        for node in walk(statement.node):
            if not isinstance(node, pb.A_Expr) or node.kind != pb.AEXPR_OP:
                continue
            operator = unwrap(node.name[-1]).sval
            sides = (unwrap(node.lexpr), unwrap(node.rexpr))
            if operator in _INSTEAD and any(isinstance(side, pb.A_Const) and side.isnull for side in sides):
                yield Problem(
                    f"{operator} NULL never holds",
                    why="the condition is NULL for every row",
                    fix=f"-- {_INSTEAD[operator]}",
                )
                return


_INSTEAD = {"=": "IS NULL", "<>": "IS NOT NULL"}
