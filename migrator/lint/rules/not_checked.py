"""SY002 not-checked."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement


class NotChecked(Rule):
    """A DO block is not looked into.

    Why it matters
        What it runs may lock or break anything; that nothing was found in it means nothing.

    What to do
        Write the statements plainly where that is possible; otherwise read the block with the same care.

    Source
        The body of DO is text to PostgreSQL's grammar.
    """

    code = "SY002"
    name = "not-checked"
    severity = Severity.INFO
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    kinds = ("do_stmt",)
    good = (Good("SELECT 1;"),)
    bad = (
        Bad("DO $$ BEGIN EXECUTE 'DROP TABLE users'; END $$;", fix="-- the statements of the block, written plainly"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - nothing to look at
        """See ``Rule.check``."""
        yield Problem(
            "the statements of this DO block were not checked",
            why="what the block runs may lock or break anything",
            fix="-- the statements of the block, written plainly",
        )
