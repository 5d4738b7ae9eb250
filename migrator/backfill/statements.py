"""What a batch runs: the author's statement on one leaf table, with a span of its rows added.

The condition is what makes a sweep repeatable: a row that was done no longer satisfies it, wherever in the table its
new version lies. A span is a range of row positions, which PostgreSQL 14 and above reads by a TID range scan.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from migrator.backfill import trees
from migrator.backfill.keys import KeySpan
from migrator.backfill.segments import Held, Span
from migrator.sql.compose import Sql, qualified
from migrator.sql.parser import deparse, unwrap

AnySpan = Span | KeySpan | Held
"""Some rows of a leaf: by their places, by a key, or those that are locked."""


@dataclass(frozen=True, slots=True)
class LeafName:
    """A table that has rows itself: a plain table, or a partition that is not partitioned further.

    Attributes:
        is_lockable: whether its rows can be locked; those of a materialized view and of a foreign table cannot.
    """

    schema: str
    name: str
    is_lockable: bool = True

    @property
    def sql(self) -> Sql:
        """Schema-qualified, quoted where needed."""
        return qualified(self.schema, self.name)


@dataclass(frozen=True, slots=True, eq=False)
class BackfillStatement(ABC):
    """A statement that can be run in batches.

    Attributes:
        step: id of its step.
        at: where it is written.
        schema: schema of the table that is swept, as written, or None.
        table: name of that table.
        only: whether the author wrote ONLY: children are left out.
        columns: the columns of it that are set.
        condition: SQL of what a row must satisfy to be done, over ``alias``.
        wrong: SQL of what is true for a row that is still wrong, over ``alias``.
        alias: the name by which its expressions may call the table.
        key: columns in whose order batches go; none: blocks where the table has them, else a key of its own.
    """

    step: str
    at: str
    schema: str | None
    table: str
    only: bool
    columns: tuple[str, ...]
    condition: str
    wrong: str
    alias: str
    key: tuple[str, ...]

    @property
    def relation(self) -> Sql:
        """The table that is swept as written, as SQL."""
        return qualified(self.schema, self.table)

    @property
    def into(self) -> Sql | None:
        """Another table that rows are put into, as written; None: rows stay where they are and are updated."""
        return None

    @abstractmethod
    def fill(self, leaf: LeafName, span: AnySpan) -> str:
        """Does the rows of a span; waits for rows that others have locked."""

    @abstractmethod
    def fill_free(self, leaf: LeafName, span: AnySpan, *, key: bool) -> str:
        """As ``fill``, for rows nobody else has locked; one statement, so that a row cannot change in between.

        Args:
            key: whether a column of a unique index is set, for which PostgreSQL takes the stronger row lock.
        """

    @abstractmethod
    def count_candidates(self, leaf: LeafName, span: AnySpan) -> str:
        """How many rows of a span a batch would do; returns ``rows``."""

    @abstractmethod
    def count_wrong(self, leaf: LeafName, span: AnySpan) -> str:
        """How many rows of a span are still wrong; returns ``rows``. Reads only."""

    @abstractmethod
    def find_wrong(self, leaf: LeafName, span: AnySpan) -> str:
        """The ``place`` of one row of a span that is still wrong, or nothing.

        It is a tid as text, or the values of the key where rows have no tid.
        """

    def _selected(self, query: Any, span: AnySpan, condition: Any) -> str:
        """A query whose FROM clause stands, of the rows of a span that satisfy a condition."""
        query.where_clause.CopyFrom(trees.within(self.alias, span))
        trees.add_condition(query, trees.spared(self.alias, span, condition))
        return deparse("select_stmt", query)

    def _places(self, span: AnySpan) -> Any:
        """``SELECT ctid::text AS place FROM x LIMIT 1``, of the table that is swept."""
        if isinstance(span, KeySpan) and not span.key.has_versions:
            return trees.tree(f"SELECT {span.key.texts(self.alias)}::text AS place FROM x LIMIT 1")  # noqa: S608 - composed
        query = trees.tree("SELECT ctid::text AS place FROM x LIMIT 1")
        unwrap(query.target_list[0]).val.type_cast.arg.CopyFrom(trees.column(self.alias, "ctid"))
        return query
