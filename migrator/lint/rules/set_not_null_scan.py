"""LK011 set-not-null-scan."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import LATER, constraint_name
from migrator.lint.repairs import Fixable, Repair, action_span, alter_table, is_taken, replacement
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb

_VALIDATED = (
    "ALTER TABLE users ADD CONSTRAINT c CHECK (email IS NOT NULL) NOT VALID; ALTER TABLE users VALIDATE CONSTRAINT c;"
)


class SetNotNullScan(AlterTableRule):
    """SET NOT NULL that has to read the whole table.

    Why it matters
        Every row is checked under ACCESS EXCLUSIVE: nobody can read or write the table meanwhile.

    What to do
        CHECK (column IS NOT NULL) NOT VALID, then VALIDATE it in a later transaction (reads and writes go on): with a
        valid CHECK, SET NOT NULL reads nothing (PostgreSQL 12). Then drop the CHECK.

    Quiet if a valid CHECK in this file or an earlier one proves it, per column.

    Source
        PostgreSQL documentation, ALTER TABLE, "SET NOT NULL"; measured on 15 and 18.
    """

    code = "LK011"
    name = "set-not-null-scan"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    fixable = Fixable.SAFE
    subtypes = (pb.AT_SetNotNull,)
    good = (
        Good("ALTER TABLE users ALTER COLUMN email SET NOT NULL;", earlier=_VALIDATED),
        Good("ALTER TABLE users ADD CONSTRAINT c CHECK (email IS NOT NULL AND age IS NOT NULL) NOT VALID;\n"
             "ALTER TABLE users VALIDATE CONSTRAINT c;\nALTER TABLE users ALTER COLUMN age SET NOT NULL;"),
        Good("CREATE TABLE users (email text); ALTER TABLE users ALTER COLUMN email SET NOT NULL;"),
        Good("ALTER TABLE users ALTER email SET NOT NULL;", earlier="CREATE TABLE users (email text NOT NULL);"),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER TABLE users ALTER COLUMN email SET NOT NULL;",
            fix="ALTER TABLE users ADD CONSTRAINT users_email_not_null CHECK (email IS NOT NULL) NOT VALID;\n"
            "-- in a later transaction:\n"
            "ALTER TABLE users VALIDATE CONSTRAINT users_email_not_null;\n"
            "ALTER TABLE users ALTER COLUMN email SET NOT NULL;\n"
            "ALTER TABLE users DROP CONSTRAINT users_email_not_null;",
        ),
        Bad(
            'ALTER TABLE users ALTER COLUMN "userName" SET NOT NULL;',
            earlier=_VALIDATED,
            fix='ALTER TABLE users ADD CONSTRAINT "users_userName_not_null" CHECK ("userName" IS NOT NULL) NOT VALID;\n'
            "-- in a later transaction:\n"
            'ALTER TABLE users VALIDATE CONSTRAINT "users_userName_not_null";\n'
            'ALTER TABLE users ALTER COLUMN "userName" SET NOT NULL;\n'
            'ALTER TABLE users DROP CONSTRAINT "users_userName_not_null";',
        ),
        Bad(
            "ALTER TABLE users ALTER COLUMN email SET NOT NULL;",
            earlier="ALTER TABLE users ADD CONSTRAINT c CHECK (email IS NOT NULL) NOT VALID;",
            fix="ALTER TABLE users VALIDATE CONSTRAINT c;\n"
            "ALTER TABLE users ALTER COLUMN email SET NOT NULL;\n"
            "ALTER TABLE users DROP CONSTRAINT c;",
        ),
        Bad(
            "ALTER TABLE users ALTER COLUMN email SET NOT NULL;",
            earlier="ALTER TABLE users ADD CONSTRAINT c NOT NULL email NOT VALID;",
            fix="ALTER TABLE users VALIDATE CONSTRAINT c;\nALTER TABLE users ALTER COLUMN email SET NOT NULL;",
            pg_version=18,
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        column = action.command.name
        proofs = [known for known in action.table.constraints.values() if column in known.proves_not_null]
        if action.is_new or action.column.not_null or any(proof.valid for proof in proofs):
            return
        name, relation = ident(column), action.relation
        set_it = f"ALTER TABLE {relation} ALTER COLUMN {name} SET NOT NULL;"
        if proofs:
            check = ident(proofs[0].name)
            first = ""
        else:
            check = constraint_name("", action.table.key[1], (column,), "not_null")
            first = f"ALTER TABLE {relation} ADD CONSTRAINT {check} CHECK ({name} IS NOT NULL) NOT VALID;\n{LATER}\n"
        # the constraint of PostgreSQL 18 is what SET NOT NULL makes: without it, the column may be NULL again
        dropped = (
            ""
            if proofs and proofs[0].kind == pb.CONSTR_NOTNULL
            else f"\nALTER TABLE {relation} DROP CONSTRAINT {check};"
        )
        yield Problem(
            f"SET NOT NULL on {name} reads all of {relation}",
            why="nobody can read or write the table while every row is checked",
            fix=f"{first}ALTER TABLE {relation} VALIDATE CONSTRAINT {check};\n{set_it}{dropped}",
            lock=LockMode.ACCESS_EXCLUSIVE,
            span=context.span_of(column),
            repair=self._repair(action, name, check, proven=bool(proofs)),
        )

    @staticmethod
    def _repair(action: Alteration, column: str, check: str, *, proven: bool) -> Repair | None:
        table, span = alter_table(action), action_span(action)
        if proven:
            return Repair(before=(f"{table} VALIDATE CONSTRAINT {check}",), alone=True)
        if span is None or is_taken(action, check):
            return None
        return Repair(
            (replacement(span, f"ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID"),),
            after=(
                f"{table} VALIDATE CONSTRAINT {check}",
                f"{table} ALTER COLUMN {column} SET NOT NULL",
                f"{table} DROP CONSTRAINT {check}",
            ),
            alone=True,
        )
