"""PO024 duplicate-index."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb, unwrap


class DuplicateIndex(Rule):
    """An index over the columns of one that is there already (opt-in).

    Why it matters
        Every write keeps up both, and the space is taken twice.

    What to do
        Leave it out, or drop the other one after this one is built.

    Known where a file created the other; partial indexes and those over expressions are left alone.

    Source
        PostgreSQL documentation, section 11.12 "Examining Index Usage".
    """

    code = "PO024"
    name = "duplicate-index"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("index_stmt",)
    good = (
        Good("CREATE INDEX CONCURRENTLY t_b ON t (y);",
             earlier="CREATE TABLE t (x int, y int); CREATE INDEX t_a ON t (x);"),
        Good("CREATE INDEX CONCURRENTLY t_b ON t (x) WHERE y > 1;",
             earlier="CREATE TABLE t (x int, y int); CREATE INDEX t_a ON t (x);"),
        Good("CREATE INDEX CONCURRENTLY t_b ON t USING hash (x);",
             earlier="CREATE TABLE t (x int); CREATE INDEX t_a ON t (x);"),
        Good("CREATE INDEX CONCURRENTLY t_like ON t (x text_pattern_ops);",
             earlier="CREATE TABLE t (x text); CREATE INDEX t_a ON t (x);"),
        Good("CREATE INDEX CONCURRENTLY t_b ON t (x) INCLUDE (y);",
             earlier="CREATE TABLE t (x int, y int); CREATE INDEX t_a ON t (x);"),
        Good("CREATE INDEX CONCURRENTLY t_b ON t (x, y DESC);",
             earlier="CREATE TABLE t (x int, y int); CREATE INDEX t_a ON t (x, y);"),
        Good("CREATE INDEX CONCURRENTLY t_b ON t (x);\nDROP INDEX CONCURRENTLY t_a;",
             earlier="CREATE TABLE t (x int); CREATE INDEX t_a ON t (x);"),
    )  # fmt: skip
    bad = (
        Bad(
            "CREATE INDEX CONCURRENTLY t_b ON t (x);",
            earlier="CREATE TABLE t (x int); CREATE INDEX t_a ON t (x);",
            fix="-- t_a is there already",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node, catalog = statement.node, context.catalog
        elements = [item.index_elem for item in node.index_params]
        columns = tuple(element.name for element in elements)
        if not all(columns) or node.HasField("where_clause") or node.index_including_params:
            return
        if any(each.opclass or each.collation or each.ordering == pb.SORTBY_DESC for each in elements):
            return  # for LIKE, for another language, for another order
        wanted = (columns, node.access_method or "btree", node.unique, False)
        dropped = {
            names_in(unwrap(item).items)[-1]
            for later in context.following_of("drop_stmt")
            if later.node.remove_type == pb.OBJECT_INDEX
            for item in later.node.objects
        }
        for key, index in catalog.indexes_of(catalog.table_or_assumed(node.relation).key):
            found = (index.columns, index.method, index.unique, index.partial)
            if found == wanted and key[1] not in dropped and key[1] != node.idxname:
                yield Problem(
                    f"{ident(key[1])} is an index over the same columns",
                    why="every write keeps up both",
                    fix=f"-- {ident(key[1])} is there already",
                )
                return
