"""An UPDATE in batches.

The author writes ``UPDATE t SET c = f(s) WHERE c IS DISTINCT FROM f(s)``. A batch is the same statement on one leaf
table with a range of row positions added::

    UPDATE ONLY leaf t SET c = f(s) WHERE t.ctid >= '(0,0)'::tid AND t.ctid < '(64,0)'::tid AND c IS DISTINCT FROM f(s)

With ``FROM u``, a row of ``t`` is to be done while there is a row of ``u`` for which the condition holds.

A batch that reads other tables locks its rows before it updates them. An UPDATE that waited for a row goes on with the
new version of it, but with the other tables as they were before: it would put an old value over the one that the
transaction waited for has brought. Locked first, a row that has changed meanwhile is not found by the UPDATE, which
looks for the version it saw, and is left to the next pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from migrator.backfill import matching, trees
from migrator.backfill.matching import Facts
from migrator.backfill.statements import AnySpan, BackfillStatement, LeafName
from migrator.sql.parser import deparse, pb, unwrap, walk


@dataclass(frozen=True, slots=True, eq=False)
class UpdateStatement(BackfillStatement):
    """An UPDATE, of one table, perhaps from others."""

    _update: Any = field(repr=False)
    _wrong: Any = field(repr=False)

    def of_several(self, look_up: Callable[[Any], Facts]) -> str | None:
        """What its values come from although a row can match several rows of it: its alias, or None.

        Args:
            look_up: facts about a table, a RangeVar.
        """
        return matching.of_several(self._update, self.alias, look_up) if self._update.from_clause else None

    def fill(self, leaf: LeafName, span: AnySpan) -> str:
        """See ``BackfillStatement.fill``."""
        return deparse("update_stmt", self._waiting(leaf, span))

    def fill_and_check(self, leaf: LeafName, span: AnySpan) -> str:
        """As ``fill``; returns ``rows``, of which ``still`` satisfy the condition after it, and the ctid of one."""
        checked = trees.tree(
            "WITH done AS (UPDATE x SET a = 1 RETURNING true AS still, ctid AS place)"
            " SELECT count(*) AS rows, count(*) FILTER (WHERE still) AS still,"
            " (array_agg(place) FILTER (WHERE still))[1]::text AS place FROM done"
        )
        update = self._waiting(leaf, span)
        still, place = pb.Node(), pb.Node()
        still.res_target.name, place.res_target.name = "still", "place"
        still.res_target.val.CopyFrom(self._update.where_clause)
        place.res_target.val.CopyFrom(trees.column(self.alias, "ctid"))
        update.returning_clause.exprs.extend([still, place])
        unwrap(checked.with_clause.ctes[0]).ctequery.update_stmt.CopyFrom(update)
        return deparse("select_stmt", checked)

    def fill_free(self, leaf: LeafName, span: AnySpan, *, key: bool) -> str:
        """See ``BackfillStatement.fill_free``."""
        return deparse("update_stmt", self._locked(leaf, span, f"FOR {'' if key else 'NO KEY '}UPDATE SKIP LOCKED"))

    def count_candidates(self, leaf: LeafName, span: AnySpan) -> str:
        """See ``BackfillStatement.count_candidates``."""
        return self._selected(self._count(leaf), span, self._candidate())

    def count_wrong(self, leaf: LeafName, span: AnySpan) -> str:
        """See ``BackfillStatement.count_wrong``."""
        return self._selected(self._count(leaf), span, self._wrong)

    def find_wrong(self, leaf: LeafName, span: AnySpan) -> str:
        """See ``BackfillStatement.find_wrong``."""
        query = self._places(span)
        query.from_clause[0].range_var.CopyFrom(trees.table(leaf.schema, leaf.name, self.alias))
        return self._selected(query, span, self._wrong)

    def _count(self, leaf: LeafName) -> Any:
        query = trees.tree("SELECT count(*) AS rows FROM x")
        query.from_clause[0].range_var.CopyFrom(trees.table(leaf.schema, leaf.name, self.alias))
        return query

    def _candidate(self) -> Any:
        return of_row(self._update.from_clause, self._update.where_clause)

    def _waiting(self, leaf: LeafName, span: AnySpan) -> Any:
        reads_others = any(isinstance(node, pb.RangeVar | pb.RangeFunction) for node in self._read_trees())
        return self._locked(leaf, span, "FOR NO KEY UPDATE") if reads_others else self._on(leaf, span)

    def _read_trees(self) -> Iterator[Any]:
        for each in (*self._update.from_clause, *self._update.target_list, self._update.where_clause):
            yield from walk(each)

    def _locked(self, leaf: LeafName, span: AnySpan, lock: str) -> Any:
        """The UPDATE of a span, of rows that the same statement locks first."""
        locked = trees.tree(f"SELECT ctid AS migrator_row FROM x {lock}")  # noqa: S608 - words of SQL
        locked.from_clause[0].range_var.CopyFrom(trees.table(leaf.schema, leaf.name, self.alias))
        locked.target_list[0].res_target.val.CopyFrom(trees.column(self.alias, "ctid"))
        locked.where_clause.CopyFrom(trees.within(self.alias, span))
        trees.add_condition(locked, trees.spared(self.alias, span, self._candidate()))
        update = self._on(leaf, span)
        joined = trees.tree("WITH migrator_free AS MATERIALIZED (SELECT 1) UPDATE x SET a = 1 FROM migrator_free")
        unwrap(joined.with_clause.ctes[0]).ctequery.select_stmt.CopyFrom(locked)
        update.with_clause.CopyFrom(joined.with_clause)
        update.from_clause.extend(joined.from_clause)
        place, row = trees.column(self.alias, "ctid"), trees.column("migrator_free", "migrator_row")
        trees.add_condition(update, trees.compare(place, "=", row))
        return update

    def _on(self, leaf: LeafName, span: AnySpan) -> Any:
        update = pb.UpdateStmt()
        update.CopyFrom(self._update)
        update.relation.CopyFrom(trees.table(leaf.schema, leaf.name, self.alias))
        condition = pb.Node()
        condition.CopyFrom(update.where_clause)
        update.where_clause.CopyFrom(trees.within(self.alias, span))
        trees.add_condition(update, trees.spared(self.alias, span, condition))
        return update


def of_row(others: Sequence[Any], condition: Any) -> Any:
    """A condition about one row of the table alone: there is a row of the others for which it holds."""
    if not others:
        return condition
    exists = unwrap(trees.tree("SELECT EXISTS (SELECT FROM x)").target_list[0]).val
    inner = exists.sub_link.subselect.select_stmt
    del inner.from_clause[:]
    inner.from_clause.extend(others)
    inner.where_clause.CopyFrom(condition)
    return exists
