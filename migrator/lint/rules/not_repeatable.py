"""PO015 not-repeatable."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair, after_word
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.lint.transactions import Membership
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.parser import Statement, pb


class NotRepeatable(Rule):
    """A statement outside a transaction that fails when it is run again (opt-in).

    Why it matters
        What commits statement by statement stops half-way when one fails. Run again, it fails at the first statement
        that had worked.

    What to do
        IF NOT EXISTS or IF EXISTS; for an index that is built CONCURRENTLY, DROP INDEX IF EXISTS first, since a failed
        build leaves an invalid one of the same name.

    Source
        PostgreSQL documentation, CREATE INDEX, "Building Indexes Concurrently".
    """

    code = "PO015"
    name = "not-repeatable"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    fixable = Fixable.SAFE
    opt_in = True
    kinds = ("create_stmt", "index_stmt", "drop_stmt", "create_schema_stmt", "create_seq_stmt")
    good = (
        Good("BEGIN;\nCREATE TABLE t (a int);\nCOMMIT;"),
        Good("-- migrator: transaction = false\nDROP INDEX CONCURRENTLY IF EXISTS i;\n"
             "CREATE INDEX CONCURRENTLY i ON t (a);"),
    )  # fmt: skip
    bad = (
        Bad("-- migrator: transaction = false\nCREATE TABLE t (a int);", fix="-- CREATE TABLE IF NOT EXISTS …"),
        Bad("-- migrator: transaction = false\nDROP VIEW v;", phase=Phase.CONTRACT, fix="-- DROP VIEW IF EXISTS …"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node, kind = statement.node, statement.kind
        if context.membership is not Membership.OUTSIDE:
            return
        drops = kind == "drop_stmt"
        if (node.missing_ok if drops else node.if_not_exists) or (kind == "index_stmt" and not node.idxname):
            return
        if kind == "index_stmt" and any(
            other.node.remove_type == pb.OBJECT_INDEX and other.node.missing_ok
            for other in context.earlier_of("drop_stmt")
        ):
            return
        words = " ".join(statement.text.split()[:2]).upper()
        yield Problem(
            "run again, the statement fails",
            why="it commits on its own: after a failure further down, a second run stops here",
            fix=f"-- {words} IF {'' if drops else 'NOT '}EXISTS …",
            repair=self._repair(statement, drops=drops) if drops or not self._is_there(statement, context) else None,
        )

    @staticmethod
    def _is_there(statement: Statement, context: Context) -> bool:
        """Whether an earlier file made it: then it would be passed over in silence, whatever it looks like."""
        return statement.kind == "create_stmt" and context.catalog.table(statement.node.relation) is not None

    @staticmethod
    def _repair(statement: Statement, *, drops: bool) -> Repair | None:
        concurrent = getattr(statement.node, "concurrent", False)
        words = ("CONCURRENTLY",) if concurrent else _BEFORE_NAME
        edit = after_word(statement, words, " IF EXISTS" if drops else " IF NOT EXISTS")
        return Repair((edit,)) if edit and not getattr(statement.node, "authrole", None) else None


_BEFORE_NAME = (
    "TABLE", "INDEX", "SCHEMA", "SEQUENCE", "VIEW", "TYPE", "DOMAIN", "FUNCTION", "PROCEDURE", "EXTENSION", "TRIGGER",
    "POLICY",
)  # fmt: skip
