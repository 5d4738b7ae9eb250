"""LK007 stored-generated-rewrite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import in_batches
from migrator.lint.repairs import Fixable, Repair, column_constraint_span
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Edit, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import deparse_expression, pb, unwrap
from migrator.sql.tokens import tokens


class StoredGeneratedRewrite(AlterTableRule):
    """ADD COLUMN … GENERATED ALWAYS AS (…) STORED, or a new expression for such a column.

    Why it matters
        The value is computed and stored for every row: the table and all its indexes are written anew under ACCESS
        EXCLUSIVE.

    What to do
        A plain column that a trigger fills, backfilled in batches; from PostgreSQL 18 a VIRTUAL column, which stores
        nothing.

    A new expression for a VIRTUAL column is brief, and quiet where a file tells that the column is one.

    Source
        PostgreSQL documentation, "Generated Columns"; rewrites measured on 15 and 18.
    """

    code = "LK007"
    name = "stored-generated-rewrite"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.REWRITE
    breaks = ()
    fixable = Fixable.UNSAFE
    subtypes = (pb.AT_AddColumn, pb.AT_SetExpression)
    good = (
        Good("ALTER TABLE users ADD COLUMN lower_name text GENERATED ALWAYS AS (lower(name)) VIRTUAL;", pg_version=18),
        Good(
            "ALTER TABLE u ALTER COLUMN b SET EXPRESSION AS (a + 2);",
            earlier="CREATE TABLE u (a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL);",
            pg_version=18,
        ),
        Good("CREATE TABLE u (a int); ALTER TABLE u ADD COLUMN b int GENERATED ALWAYS AS (a + 1) STORED;"),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD COLUMN lower_name text GENERATED ALWAYS AS (lower(name)) STORED;",
            fix="ALTER TABLE users ADD COLUMN lower_name text;\n"
            "-- then a trigger that sets it to lower(name) on INSERT and UPDATE,\n"
            "-- then, in batches (backfill.sql): UPDATE users SET lower_name = lower(name) WHERE lower_name IS NULL",
        ),
        Bad(
            "ALTER TABLE users ADD COLUMN lower_name text GENERATED ALWAYS AS (lower(name)) STORED;",
            pg_version=18,
            fix="ALTER TABLE users ADD COLUMN lower_name text GENERATED ALWAYS AS (lower(name)) VIRTUAL;",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.is_new:
            return
        why = "nobody can read or write the table while the value of every row is computed and stored"
        relation = action.relation
        if action.command.subtype == pb.AT_SetExpression:
            if action.column.virtual:
                return
            yield Problem(
                f"a new expression for {ident(action.command.name)} rewrites {relation}",
                why=why,
                lock=LockMode.ACCESS_EXCLUSIVE,
                span=context.span_of(action.command.name),
            )
            return
        column = action.definition
        for constraint in map(unwrap, column.constraints):
            if constraint.contype != pb.CONSTR_GENERATED or constraint.generated_kind == "v":
                continue
            name, expression = ident(column.colname), deparse_expression(constraint.raw_expr)
            written_type = context.written_type(column)
            add = f"ALTER TABLE {relation} ADD COLUMN {name} {written_type}"
            if context.pg_version >= 18:
                fix = f"{add} GENERATED ALWAYS AS ({expression}) VIRTUAL;"
            else:
                fix = f"{add};\n-- then a trigger that sets it to {expression} on INSERT and UPDATE,\n" + in_batches(
                    relation, name, expression
                )
            yield Problem(
                f"adding stored generated column {name} rewrites {relation}",
                why=why,
                fix=fix,
                lock=LockMode.ACCESS_EXCLUSIVE,
                span=context.span_at(column.location),
                repair=self._repair(action, context, constraint) if context.pg_version >= _VIRTUAL else None,
            )

    @staticmethod
    def _repair(action: Alteration, context: Context, constraint: Any) -> Repair | None:
        own = column_constraint_span(action, context, constraint)
        words = tokens(context.source[own[0] : own[1]]) if own else ()
        if own is None or not words or words[-1].text != "STORED":
            return None
        edit = Edit(own[0] + words[-1].start, own[1], "VIRTUAL")
        return Repair((edit,), remark="its value is computed when it is read, and no index can be on it")


_VIRTUAL = 18
