"""LK009 add-column-check-scan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import LATER, constraint_name
from migrator.lint.repairs import Fixable, Repair, action_span, alter_table, column_constraint_span, is_taken, removal
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Edit, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.effects import is_enforced
from migrator.sql.parser import deparse_expression, pb, unwrap


class AddColumnCheckScan(AlterTableRule):
    """ADD COLUMN with a CHECK.

    Why it matters
        PostgreSQL reads the whole table under ACCESS EXCLUSIVE to check it, even if the new column is the same in
        every row.

    What to do
        Add the column, then the constraint NOT VALID, then VALIDATE it in a later transaction.

    Source
        Measured on 15 and 18 by DEBUG1 messages (verifying table).
    """

    code = "LK009"
    name = "add-column-check-scan"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    fixable = Fixable.SAFE
    subtypes = (pb.AT_AddColumn,)
    good = (
        Good("ALTER TABLE users ADD COLUMN age int;"),
        Good("CREATE TABLE users (id int); ALTER TABLE users ADD COLUMN age int CHECK (age > 0);"),
        Good("ALTER TABLE users ADD COLUMN age int CHECK (age > 0) NOT ENFORCED;", pg_version=18),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD COLUMN age int CHECK (age > 0);",
            fix="ALTER TABLE users ADD COLUMN age int;\n"
            "ALTER TABLE users ADD CONSTRAINT users_age_check CHECK (age > 0) NOT VALID;\n"
            "-- in a later transaction:\n"
            "ALTER TABLE users VALIDATE CONSTRAINT users_age_check;",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.is_new:
            return
        column, relation = action.definition, action.relation
        for place, constraint in enumerate(map(unwrap, column.constraints)):
            if constraint.contype != pb.CONSTR_CHECK or not is_enforced(column, place):
                continue
            name = constraint_name(constraint.conname, action.table.key[1], (column.colname,), "check")
            before = context.column_without(column, constraint)
            condition = deparse_expression(constraint.raw_expr)
            yield Problem(
                f"adding column {ident(column.colname)} with a CHECK reads all of {relation}",
                why="nobody can read or write the table while every row is checked",
                fix=f"ALTER TABLE {relation} ADD COLUMN {before};\n"
                f"ALTER TABLE {relation} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID;\n"
                f"{LATER}\nALTER TABLE {relation} VALIDATE CONSTRAINT {name};",
                lock=LockMode.ACCESS_EXCLUSIVE,
                span=context.span_at(constraint.location),
                repair=self._repair(action, context, constraint, name),
            )

    @staticmethod
    def _repair(action: Alteration, context: Context, constraint: Any, name: str) -> Repair | None:
        own, whole = column_constraint_span(action, context, constraint), action_span(action)
        if own is None or whole is None or action.command.missing_ok or is_taken(action, name):
            return None
        written = context.source[own[0] : own[1]]
        named = written if constraint.conname else f"CONSTRAINT {name} {written}"
        return Repair(
            (removal(context, own), Edit(whole[1], whole[1], f", ADD {named} NOT VALID")),
            after=(f"{alter_table(action)} VALIDATE CONSTRAINT {name}",),
            alone=True,
        )
