"""LK029 index-dropped-before-replacement."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb, unwrap


class IndexDroppedBeforeReplacement(Rule):
    """An index is dropped before the one that takes its place is built.

    Why it matters
        From the drop until the new index is ready, queries that need it read the whole table: on a large one that is
        an outage, and the longer the build, the longer it lasts.

    What to do
        Build the new index first, under another name; drop the old one after.

    Seen where a file tells the columns of the old index, and the same file builds one that begins with the same
    column of the same table.

    Source
        PostgreSQL documentation, REINDEX, "Rebuilding Indexes Concurrently", which keeps this order.
    """

    code = "LK029"
    name = "index-dropped-before-replacement"
    severity = Severity.WARNING
    category = Category.LOCK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS,)
    kinds = ("drop_stmt",)
    good = (
        Good("CREATE INDEX CONCURRENTLY t_b ON t (x, y);\nDROP INDEX CONCURRENTLY t_a;",
             earlier="CREATE TABLE t (x int, y int);\nCREATE INDEX t_a ON t (x);"),
        Good("DROP INDEX CONCURRENTLY t_a;\nCREATE INDEX CONCURRENTLY t_b ON t (y);",
             earlier="CREATE TABLE t (x int, y int);\nCREATE INDEX t_a ON t (x);"),
    )  # fmt: skip
    bad = (
        Bad(
            "DROP INDEX CONCURRENTLY t_a;\nCREATE INDEX CONCURRENTLY t_b ON t (x, y);",
            earlier="CREATE TABLE t (x int, y int);\nCREATE INDEX t_a ON t (x);",
            fix="CREATE INDEX CONCURRENTLY t_b ON t (x, y);\nDROP INDEX CONCURRENTLY t_a;",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node, catalog = statement.node, context.catalog
        if node.remove_type != pb.OBJECT_INDEX:
            return
        for item in map(unwrap, node.objects):
            parts = names_in(item.items)
            key = catalog.resolve(parts[-2] if len(parts) > 1 else "", parts[-1], catalog.indexes)
            index = catalog.indexes.get(key)
            if index is None or not index.columns or index.file == catalog.file:
                continue
            for later in context.following_of("index_stmt"):
                if catalog.table_or_assumed(later.node.relation).key != index.table:
                    continue
                if unwrap(later.node.index_params[0]).name == index.columns[0]:
                    yield Problem(
                        f"{ident(parts[-1])} is dropped before line {later.line} builds the index that replaces it",
                        why="queries that need the index read the whole table until the new one is built",
                        fix=f"{later.text};\n{statement.text};",
                    )
                    break
