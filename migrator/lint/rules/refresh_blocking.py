"""LK021 refresh-blocking."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair, after_word
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement


class RefreshBlocking(Rule):
    """REFRESH MATERIALIZED VIEW without CONCURRENTLY.

    Why it matters
        It takes ACCESS EXCLUSIVE on the view for as long as its query runs: nobody can read it.

    What to do
        REFRESH … CONCURRENTLY: readers go on with the old rows. It needs a unique index over plain columns.

    Source
        PostgreSQL documentation, REFRESH MATERIALIZED VIEW; measured on 15 and 18.
    """

    code = "LK021"
    name = "refresh-blocking"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    grows_with_table = False
    fixable = Fixable.SAFE
    kinds = ("refresh_mat_view_stmt",)
    good = (
        Good("REFRESH MATERIALIZED VIEW CONCURRENTLY totals;"),
        Good("REFRESH MATERIALIZED VIEW totals WITH NO DATA;"),
        Good("CREATE MATERIALIZED VIEW totals AS SELECT 1 AS a WITH NO DATA; REFRESH MATERIALIZED VIEW totals;"),
    )
    bad = (
        Bad("REFRESH MATERIALIZED VIEW totals;", fix="REFRESH MATERIALIZED VIEW CONCURRENTLY totals;"),
        Bad(
            "REFRESH MATERIALIZED VIEW sums;",
            earlier="CREATE MATERIALIZED VIEW sums AS SELECT 1 AS a; CREATE UNIQUE INDEX sums_a ON sums (a);",
            fix="REFRESH MATERIALIZED VIEW CONCURRENTLY sums;",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.concurrent or node.skip_data or context.is_new(node.relation) or _is_beside(node.relation, context):
            return
        yield Problem(
            f"refreshing {relation_name(node.relation)} blocks its readers until the query is done",
            why="nobody can read the view while its query runs",
            fix=re.sub(r"\bVIEW\b", "VIEW CONCURRENTLY", statement.text, count=1, flags=re.IGNORECASE) + ";",
            lock=LockMode.ACCESS_EXCLUSIVE,
            repair=self._repair(statement, context),
        )

    @staticmethod
    def _repair(statement: Statement, context: Context) -> Repair | None:
        """CONCURRENTLY is refused without a unique index on plain columns of all rows."""
        catalog, relation = context.catalog, statement.node.relation
        key = catalog.resolve(relation.schemaname, relation.relname)
        known = (index for _, index in catalog.indexes_of(key))
        word = after_word(statement, ("VIEW",), " CONCURRENTLY")
        if word is None or not any(index.unique and index.columns and not index.partial for index in known):
            return None
        return Repair((word,))


def _is_beside(relation: Any, context: Context) -> bool:
    """Whether it is a view that a replacement makes beside the one that is read."""
    return "replace_materialized_view" in context.change_kinds and relation.relname.startswith("migrator_")
