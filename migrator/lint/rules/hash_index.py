"""PO023 hash-index."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair, removal
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement
from migrator.sql.tokens import tokens


class HashIndex(Rule):
    """A hash index (opt-in).

    Why it matters
        It answers equality only, cannot be unique, and is hardly ever smaller or faster than a B-tree.

    What to do
        The default, btree.

    Source
        PostgreSQL documentation, section 11.2 "Index Types".
    """

    code = "PO023"
    name = "hash-index"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    fixable = Fixable.SAFE
    opt_in = True
    kinds = ("index_stmt",)
    good = (Good("CREATE INDEX CONCURRENTLY i ON t (a);"),)
    bad = (Bad("CREATE INDEX CONCURRENTLY i ON t USING hash (a);", fix="-- without USING hash"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        if statement.node.access_method == "hash":
            yield Problem(
                f"a hash index on {relation_name(statement.node.relation)}",
                why="it answers equality only and cannot be unique",
                fix="-- without USING hash",
                repair=self._repair(statement, context),
            )

    @staticmethod
    def _repair(statement: Statement, context: Context) -> Repair | None:
        words = tokens(statement.text)
        for using, method in pairwise(words):
            if using.text == "USING" and method.text in ("HASH", '"HASH"'):
                span = statement.offset + using.start, statement.offset + method.end
                return Repair((removal(context, span),))
        return None
