"""An INSERT … SELECT in batches: rows of one table to another.

The author writes ``INSERT INTO n (id, c) SELECT t.id, f(t.s) FROM t ON CONFLICT (id) DO NOTHING``. A batch is the same
statement over a span of ``t``, for rows that are not in ``n`` yet, and with those rows locked::

    INSERT INTO n (id, c) SELECT t.id, f(t.s) FROM ONLY leaf t
    WHERE t.ctid >= '(0,0)'::tid AND t.ctid < '(64,0)'::tid
      AND NOT EXISTS (SELECT FROM (SELECT id AS migrator_1 FROM n) AS migrator_into WHERE migrator_1 = t.id)
    FOR SHARE OF t ON CONFLICT (id) DO NOTHING

Without the lock a row that the application deletes or changes between the snapshot and the insertion would come to
``n`` as it was, and stay: the trigger that follows the change has found nothing to change there yet. With it, that
change either was before, and is what is read, or waits for the commit and finds the row. Rows of materialized views and
foreign tables cannot be locked, and have no such trigger: they are read as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from migrator.backfill import trees
from migrator.backfill.statements import AnySpan, BackfillStatement, LeafName
from migrator.sql.compose import Sql, qualified
from migrator.sql.parser import deparse, pb, unwrap


@dataclass(frozen=True, slots=True, eq=False)
class MoveStatement(BackfillStatement):
    """An INSERT of rows that are selected from a table, perhaps joined with others."""

    _insert: Any = field(repr=False)
    _wrong: Any = field(repr=False)

    @property
    def into(self) -> Sql | None:
        """See ``BackfillStatement.into``."""
        relation = self._insert.relation
        return qualified(relation.schemaname or None, relation.relname)

    def fill(self, leaf: LeafName, span: AnySpan) -> str:
        """See ``BackfillStatement.fill``."""
        return self._insertion(leaf, span, pb.LockWaitBlock)

    def fill_free(self, leaf: LeafName, span: AnySpan, *, key: bool) -> str:  # noqa: ARG002 - no column of it is set
        """See ``BackfillStatement.fill_free``."""
        return self._insertion(leaf, span, pb.LockWaitSkip)

    def count_candidates(self, leaf: LeafName, span: AnySpan) -> str:
        """See ``BackfillStatement.count_candidates``."""
        return self.count_wrong(leaf, span)

    def count_wrong(self, leaf: LeafName, span: AnySpan) -> str:
        """See ``BackfillStatement.count_wrong``."""
        return self._selected(self._over(trees.tree("SELECT count(*) AS rows FROM x"), leaf), span, self._wrong)

    def find_wrong(self, leaf: LeafName, span: AnySpan) -> str:
        """See ``BackfillStatement.find_wrong``."""
        return self._selected(self._over(self._places(span), leaf), span, self._wrong)

    def _insertion(self, leaf: LeafName, span: AnySpan, wait: int) -> str:
        insert = pb.InsertStmt()
        insert.CopyFrom(self._insert)
        select = insert.select_stmt.select_stmt
        self._over(select, leaf)
        select.where_clause.CopyFrom(trees.within(self.alias, span))
        trees.add_condition(select, trees.spared(self.alias, span, self._wrong))
        if not leaf.is_lockable:
            return deparse("insert_stmt", insert)
        lock = select.locking_clause.add().locking_clause
        lock.locked_rels.add().range_var.relname = self.alias
        lock.locked_rels[0].range_var.inh = True
        lock.strength, lock.wait_policy = pb.LCS_FORSHARE, wait
        return deparse("insert_stmt", insert)

    def _over(self, query: Any, leaf: LeafName) -> Any:
        """The query with the FROM clause of the author, on one leaf of the table that is swept."""
        items = [pb.Node() for _ in self._insert.select_stmt.select_stmt.from_clause]
        for copy, item in zip(items, self._insert.select_stmt.select_stmt.from_clause, strict=True):
            copy.CopyFrom(item)
        del query.from_clause[:]
        query.from_clause.extend(items)
        swept(query.from_clause[0]).range_var.CopyFrom(trees.table(leaf.schema, leaf.name, self.alias))
        return query


def swept(item: Any) -> Any:
    """The node of the first table in an item of a FROM clause."""
    while isinstance(unwrap(item), pb.JoinExpr):
        item = item.join_expr.larg
    return item


def is_missing(insert: Any, values: Sequence[Any], columns: Sequence[str], compared: Sequence[str]) -> Any:
    """Whether the row of these values is not in the table that is inserted into.

    The columns of that table stand behind names of their own, so that none of them is taken for one of the expressions.

    Args:
        insert: the INSERT.
        values: what it inserts, one for each of ``columns``.
        columns: the columns it names.
        compared: those of them that must be equal for the row to be there; NULL is equal to NULL only for columns that
            are not in the key.
    """
    key = {unwrap(each).name for each in insert.on_conflict_clause.infer.index_elems}
    absent = unwrap(
        trees.tree("SELECT NOT EXISTS (SELECT FROM (SELECT a FROM x) AS migrator_into WHERE a)").target_list[0]
    ).val
    outer = absent.bool_expr.args[0].sub_link.subselect.select_stmt
    inner = outer.from_clause[0].range_subselect.subquery.select_stmt
    inner.from_clause[0].range_var.CopyFrom(insert.relation)
    inner.from_clause[0].range_var.ClearField("alias")
    del inner.target_list[:]
    conditions = []
    for number, name in enumerate(compared, 1):
        shown = inner.target_list.add().res_target
        shown.name = f"migrator_{number}"
        shown.val.CopyFrom(trees.column(name))
        equal = trees.compare(trees.column("migrator_into", shown.name), "=", values[list(columns).index(name)])
        if name not in key:
            equal.a_expr.kind = pb.AEXPR_NOT_DISTINCT
        conditions.append(equal)
    outer.where_clause.CopyFrom(trees.conjunction(conditions))
    return absent
