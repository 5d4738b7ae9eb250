"""PO040 not-in-subquery."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement, pb, unwrap, walk


class NotInSubquery(Rule):
    """NOT IN (SELECT …) (opt-in).

    Why it matters
        One NULL in the subquery and no row matches; and no plan better than a loop over the subquery exists.

    What to do
        NOT EXISTS.

    Source
        PostgreSQL documentation, section 9.24.3 "NOT IN".
    """

    code = "PO040"
    name = "not-in-subquery"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.DATA,)
    opt_in = True
    kinds = ("update_stmt", "delete_stmt", "select_stmt", "insert_stmt", "view_stmt")
    good = (Good("DELETE FROM t WHERE NOT EXISTS (SELECT FROM u WHERE u.id = t.id);"),)
    bad = (Bad("DELETE FROM t WHERE id NOT IN (SELECT t_id FROM u);", fix="-- NOT EXISTS (SELECT …)"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        if re.search(r"\bNOT\s+IN\b", statement.text, re.IGNORECASE) is None:
            return
        for node in walk(statement.node):
            if isinstance(node, pb.BoolExpr) and node.boolop == pb.NOT_EXPR:
                inner = unwrap(node.args[0])
                if isinstance(inner, pb.SubLink) and inner.sub_link_type == pb.ANY_SUBLINK:
                    yield Problem(
                        "NOT IN finds nothing if the subquery gives a NULL",
                        why="no row matches then, without any error",
                        fix="-- NOT EXISTS (SELECT …)",
                    )
                    return
