"""PO038 select-star-in-view."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb, unwrap, walk


class SelectStarInView(Rule):
    """SELECT * in a view (opt-in).

    Why it matters
        The columns are those of the moment it is created; new ones never appear, and no column of the table can be
        dropped or retyped while the view is there.

    What to do
        Write the columns out.

    Source
        PostgreSQL documentation, CREATE VIEW, "Notes".
    """

    code = "PO038"
    name = "select-star-in-view"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("view_stmt",)
    good = (Good("CREATE VIEW v AS SELECT a, count(*) FROM t GROUP BY a;"),)
    bad = (Bad("CREATE VIEW v AS SELECT * FROM t;", fix="-- the columns written out"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        references = (node for node in walk(statement.node.query) if isinstance(node, pb.ColumnRef))
        if any(isinstance(unwrap(node.fields[-1]), pb.A_Star) for node in references):
            yield Problem(
                f"view {relation_name(statement.node.view)} selects *",
                why="new columns never appear in it, and it holds on to all the old ones",
                fix="-- the columns written out",
            )
