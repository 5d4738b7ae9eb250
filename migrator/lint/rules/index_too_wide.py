"""PO022 index-too-wide."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.parser import Statement

_MOST = 3
"""More columns rarely narrow a search further; the bound that strong_migrations uses."""


class IndexTooWide(Rule):
    """An index of more than three columns (opt-in).

    Why it matters
        The columns behind the first few hardly ever narrow a search, but every write keeps them up.

    What to do
        The columns that queries compare; others by INCLUDE, or in an index of their own. Unique indexes are left alone.

    Source
        PostgreSQL documentation, section 11.3 "Multicolumn Indexes".
    """

    code = "PO022"
    name = "index-too-wide"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("index_stmt",)
    good = (
        Good("CREATE INDEX CONCURRENTLY i ON t (a, b, c);"),
        Good("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a, b, c, d);", phase=Phase.CONTRACT),
    )
    bad = (Bad("CREATE INDEX CONCURRENTLY i ON t (a, b, c, d);", fix="-- fewer columns, or INCLUDE (…)"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        node = statement.node
        if len(node.index_params) > _MOST and not node.unique:
            yield Problem(
                f"an index of {len(node.index_params)} columns",
                why="the last columns hardly narrow a search, but every write keeps them up",
                fix="-- fewer columns, or INCLUDE (…)",
            )
