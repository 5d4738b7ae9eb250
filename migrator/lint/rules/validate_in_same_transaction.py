"""LK017 validate-in-same-transaction."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.repairs import Fixable, Repair
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.lint.transactions import Membership
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class ValidateInSameTransaction(AlterTableRule):
    """VALIDATE CONSTRAINT in the transaction that added the constraint NOT VALID.

    Why it matters
        The lock that ADD took (ACCESS EXCLUSIVE for a CHECK, SHARE ROW EXCLUSIVE on both tables for a foreign key) is
        kept until the transaction ends, so the table is locked while all its rows are read. NOT VALID has gained
        nothing.

    What to do
        Commit between the two: a later migration, or the step in a transaction of its own.

    A file that does not say how it is run may be one transaction: then this is a warning.
    `-- migrator: transaction = false` says that it is not.

    Source
        PostgreSQL documentation, ALTER TABLE, "Notes"; locks measured on 15 and 18.
    """

    code = "LK017"
    name = "validate-in-same-transaction"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    fixable = Fixable.SAFE
    subtypes = (pb.AT_ValidateConstraint,)
    good = (
        Good("ALTER TABLE users VALIDATE CONSTRAINT adult;"),
        Good("BEGIN;\nALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;\nCOMMIT;\n"
             "ALTER TABLE users VALIDATE CONSTRAINT adult;"),
        Good("-- migrator: transaction = false\nALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;\n"
             "ALTER TABLE users VALIDATE CONSTRAINT adult;"),
        Good("-- step: add transaction=a\nALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;\n"
             "-- step: validate transaction=b\nALTER TABLE users VALIDATE CONSTRAINT adult;", phase=Phase.CONTRACT),
    )  # fmt: skip
    bad = (
        Bad(
            "BEGIN;\nALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;\n"
            "ALTER TABLE users VALIDATE CONSTRAINT adult;\nCOMMIT;",
            fix="-- in a file or transaction of its own:\nALTER TABLE users VALIDATE CONSTRAINT adult;",
        ),
        Bad(
            "ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;\n"
            "ALTER TABLE users VALIDATE CONSTRAINT adult;",
            fix="-- in a file or transaction of its own:\nALTER TABLE users VALIDATE CONSTRAINT adult;",
        ),
        Bad(
            "-- step: add transaction=a\nALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;\n"
            "-- step: validate transaction=a\nALTER TABLE users VALIDATE CONSTRAINT adult;",
            phase=Phase.CONTRACT,
            fix="-- in a file or transaction of its own:\nALTER TABLE users VALIDATE CONSTRAINT adult;",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        name = action.command.name
        constraint = action.table.constraints.get(name)
        if constraint is None or constraint.valid or not context.may_share_transaction(constraint.transaction):
            return
        if action.is_new:
            return
        certain = context.membership is Membership.INSIDE
        foreign_key = constraint.kind == pb.CONSTR_FOREIGN
        yield Problem(
            f"{ident(name)} is validated in the transaction that added it"
            + ("" if certain else ", if the file runs as one"),
            why="the lock that adding it took is held while every row is read",
            fix="-- in a file or transaction of its own:\n"
            f"ALTER TABLE {action.relation} VALIDATE CONSTRAINT {ident(name)};",
            lock=LockMode.SHARE_ROW_EXCLUSIVE if foreign_key else LockMode.ACCESS_EXCLUSIVE,
            severity=None if certain else Severity.WARNING,
            span=context.span_of(name),
            repair=Repair(alone=True),
        )
