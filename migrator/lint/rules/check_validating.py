"""LK014 check-validating."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import columns_read
from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import LATER, constraint_name
from migrator.lint.repairs import Fixable, not_valid
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import pb


class CheckValidating(AlterTableRule):
    """ADD CHECK that checks every row at once.

    Why it matters
        The whole table is read under ACCESS EXCLUSIVE: nobody can read or write it meanwhile.

    What to do
        ADD … NOT VALID (brief), then VALIDATE CONSTRAINT in a later transaction, which lets reads and writes go on.

    Source
        PostgreSQL documentation, ALTER TABLE, "ADD table_constraint [ NOT VALID ]"; measured on 15 and 18.
    """

    code = "LK014"
    name = "check-validating"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    fixable = Fixable.SAFE
    subtypes = (pb.AT_AddConstraint,)
    good = (
        Good("ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;"),
        Good("ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT ENFORCED;", pg_version=18),
        Good("CREATE TABLE users (age int); ALTER TABLE users ADD CHECK (age >= 18);"),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18);",
            fix="ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;\n"
            "-- in a later transaction:\nALTER TABLE users VALIDATE CONSTRAINT adult;",
        ),
        Bad(
            "ALTER TABLE users ADD COLUMN x int, ADD CHECK (age >= 18 OR name = ',');",
            fix="ALTER TABLE users ADD CONSTRAINT users_age_name_check CHECK (age >= 18 OR name = ',') NOT VALID;\n"
            "-- in a later transaction:\nALTER TABLE users VALIDATE CONSTRAINT users_age_name_check;",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint, relation = action.definition, action.relation
        if constraint.contype != pb.CONSTR_CHECK or constraint.skip_validation or not constraint.is_enforced:
            return
        if action.is_new:
            return
        columns = columns_read(constraint.raw_expr)
        name = constraint_name(constraint.conname, action.table.key[1], columns, "check")
        text = context.clause(constraint.location)
        named = text if constraint.conname else f"CONSTRAINT {name} {text}"
        yield Problem(
            f"adding a CHECK reads all of {relation}",
            why="nobody can read or write the table while every row is checked",
            fix=f"ALTER TABLE {relation} ADD {named} NOT VALID;\n"
            f"{LATER}\nALTER TABLE {relation} VALIDATE CONSTRAINT {name};",
            lock=LockMode.ACCESS_EXCLUSIVE,
            span=context.span_at(constraint.location),
            repair=not_valid(action, context, name),
        )
