"""LK026 not-null-constraint-validating."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import LATER, constraint_name
from migrator.lint.repairs import Fixable, not_valid
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import pb


class NotNullConstraintValidating(AlterTableRule):
    """ADD CONSTRAINT … NOT NULL (PostgreSQL 18) that checks every row at once.

    Why it matters
        The whole table is read under ACCESS EXCLUSIVE: nobody can read or write it meanwhile.

    What to do
        ADD … NOT VALID (brief), then VALIDATE CONSTRAINT in a later transaction, which lets reads and writes go on.

    Source
        PostgreSQL 18 documentation, ALTER TABLE; measured on 18.
    """

    code = "LK026"
    name = "not-null-constraint-validating"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    fixable = Fixable.SAFE
    versions = (18, 18)
    subtypes = (pb.AT_AddConstraint,)
    good = (
        Good("ALTER TABLE users ADD CONSTRAINT n NOT NULL email NOT VALID;", pg_version=18),
        Good("ALTER TABLE users ADD NOT NULL email;", earlier="CREATE TABLE users (email text NOT NULL);"),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD CONSTRAINT n NOT NULL email;",
            pg_version=18,
            fix="ALTER TABLE users ADD CONSTRAINT n NOT NULL email NOT VALID;\n"
            "-- in a later transaction:\nALTER TABLE users VALIDATE CONSTRAINT n;",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint = action.definition
        if constraint.contype != pb.CONSTR_NOTNULL or constraint.skip_validation or action.is_new:
            return
        columns, known = names_in(constraint.keys), action.table
        if all(
            (column in known.columns and known.columns[column].not_null)
            or any(proof.valid and column in proof.proves_not_null for proof in known.constraints.values())
            for column in columns
        ):
            return
        name = constraint_name(constraint.conname, known.key[1], columns, "not_null")
        text = context.clause(constraint.location)
        named = text if constraint.conname else f"CONSTRAINT {name} {text}"
        yield Problem(
            f"adding NOT NULL reads all of {action.relation}",
            why="nobody can read or write the table while every row is checked",
            fix=f"ALTER TABLE {action.relation} ADD {named} NOT VALID;\n"
            f"{LATER}\nALTER TABLE {action.relation} VALIDATE CONSTRAINT {name};",
            lock=LockMode.ACCESS_EXCLUSIVE,
            span=context.span_at(constraint.location),
            repair=not_valid(action, context, name),
        )
