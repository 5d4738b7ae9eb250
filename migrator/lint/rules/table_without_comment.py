"""PO027 table-without-comment."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb, unwrap


class TableWithoutComment(Rule):
    """A table without a comment (opt-in).

    Why it matters
        Who comes later, and every tool that shows the schema, has to guess what its rows are.

    What to do
        COMMENT ON TABLE in the same file.

    Source
        PostgreSQL documentation, COMMENT.
    """

    code = "PO027"
    name = "table-without-comment"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("create_stmt",)
    good = (
        Good("CREATE TABLE t (a int); COMMENT ON TABLE t IS 'things';"),
        Good("CREATE TEMP TABLE t (a int);"),
    )
    bad = (Bad("CREATE TABLE t (a int);", fix="-- COMMENT ON TABLE t IS '…'"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        relation = statement.node.relation
        commented = any(
            other.node.objtype == pb.OBJECT_TABLE and names_in(unwrap(other.node.object).items)[-1] == relation.relname
            for other in context.following_of("comment_stmt")
        )
        if not commented and relation.relpersistence != "t" and not statement.node.HasField("partbound"):
            yield Problem(
                f"table {relation_name(relation)} has no comment",
                why="who comes later has to guess what its rows are",
                fix=f"-- COMMENT ON TABLE {relation_name(relation)} IS '…'",
            )
