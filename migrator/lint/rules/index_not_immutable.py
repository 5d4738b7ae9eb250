"""RB015 index-not-immutable."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.builtin_functions import VOLATILE
from migrator.sql.parser import Statement, pb, unwrap, walk


class IndexNotImmutable(Rule):
    """An index over an expression, or with a condition, that changes with time or session.

    Why it matters
        "functions in index expression must be marked IMMUTABLE": the migration stops there. A function that is only
        declared IMMUTABLE gives an index that answers wrongly.

    What to do
        Index the column itself and compare it with now() in the query; store what is computed in a column.

    Source
        PostgreSQL documentation, CREATE INDEX, "expression" and "predicate"; run on 15.
    """

    code = "RB015"
    name = "index-not-immutable"
    severity = Severity.ERROR
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    kinds = ("index_stmt",)
    good = (
        Good("CREATE INDEX CONCURRENTLY i ON t (lower(a)) WHERE b > '2026-01-01';"),
        Good("CREATE INDEX CONCURRENTLY i ON t (a);"),
    )
    bad = (
        Bad("CREATE INDEX CONCURRENTLY i ON t (a) WHERE at > now();", earlier="CREATE TABLE t (a int, at timestamptz);",
            fix="-- the condition in the query instead"),
        Bad("CREATE INDEX CONCURRENTLY i ON t ((at - CURRENT_DATE));", earlier="CREATE TABLE t (a int, at date);",
            fix="-- the condition in the query instead"),
    )  # fmt: skip

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        node = statement.node
        expressions = [element.expr for element in map(unwrap, node.index_params) if not element.name]
        if node.HasField("where_clause"):
            expressions.append(node.where_clause)
        for expression in expressions:
            for inner in walk(expression):
                changing = isinstance(inner, pb.SQLValueFunction) or (
                    isinstance(inner, pb.FuncCall) and unwrap(inner.funcname[-1]).sval in _CHANGING
                )
                if changing:
                    yield Problem(
                        "what the index holds changes with time or session",
                        why="PostgreSQL refuses functions that are not IMMUTABLE, and the migration stops here",
                        fix="-- the condition in the query instead",
                    )
                    return


_CHANGING = frozenset({"now", "transaction_timestamp", "statement_timestamp", "current_setting"}) | VOLATILE
