"""PO033 nullable-boolean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.lint.catalog import type_of
from migrator.lint.column_rules import ColumnRule
from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair, type_span
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Category, Edit, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb, unwrap


class NullableBoolean(ColumnRule):
    """A boolean column that may be NULL (opt-in).

    Why it matters
        It has three values: neither `WHERE a` nor `WHERE NOT a` finds NULL.

    What to do
        NOT NULL DEFAULT false.

    Source
        PostgreSQL documentation, section 8.6 "Boolean Type".
    """

    code = "PO033"
    name = "nullable-boolean"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    fixable = Fixable.SAFE
    opt_in = True
    subtypes = (pb.AT_AddColumn,)
    good = (Good("CREATE TABLE t (a boolean NOT NULL DEFAULT false, b int);"),)
    bad = (Bad("CREATE TABLE t (a boolean);", fix="-- a boolean NOT NULL DEFAULT false"),)

    def check_column(self, column: Any, name: str, context: Context) -> Iterator[Problem]:
        """See ``ColumnRule.check_column``."""
        bound = any(unwrap(one).contype in (pb.CONSTR_NOTNULL, pb.CONSTR_PRIMARY) for one in column.constraints)
        if type_of(column.type_name).name == "bool" and not bound:
            yield Problem(
                f"boolean {ident(name)} may be NULL",
                why="neither the column nor its negation finds such rows",
                fix=f"-- {ident(name)} boolean NOT NULL DEFAULT false",
                span=context.span_at(column.location),
                repair=self._repair(column, context),
            )

    @staticmethod
    def _repair(column: Any, context: Context) -> Repair | None:
        kinds = {unwrap(one).contype for one in column.constraints}
        span = type_span(context, column)
        if span is None or kinds & {pb.CONSTR_NULL, pb.CONSTR_GENERATED}:
            return None
        default = "" if pb.CONSTR_DEFAULT in kinds else " DEFAULT false"
        remark = "NULL is refused, and a column that is left out is false" if not default else ""
        return Repair((Edit(span[1], span[1], f" NOT NULL{default}"),), remark=remark)
