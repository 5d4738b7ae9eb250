"""LK027 domain-constraint-validating."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair, at_end
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement


class DomainConstraintValidating(Rule):
    """ALTER DOMAIN … ADD CHECK or SET NOT NULL that checks every table at once.

    Why it matters
        Every table with a column of the domain is locked SHARE and read in full: writes to all of them wait.

    What to do
        ADD CONSTRAINT … NOT VALID (brief), then VALIDATE CONSTRAINT. For NOT NULL: a CHECK (VALUE IS NOT NULL).

    Source
        PostgreSQL documentation, ALTER DOMAIN; measured on 15 and 18.
    """

    code = "LK027"
    name = "domain-constraint-validating"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.SHARE
    work = Effort.SCAN
    breaks = ()
    fixable = Fixable.SAFE
    kinds = ("alter_domain_stmt",)
    good = (
        Good("ALTER DOMAIN points ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;"),
        Good("ALTER DOMAIN points SET DEFAULT 1;"),
    )
    bad = (
        Bad(
            "ALTER DOMAIN points ADD CONSTRAINT positive CHECK (VALUE > 0);",
            fix="ALTER DOMAIN points ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;\n"
            "-- then, in a later transaction, ALTER DOMAIN … VALIDATE CONSTRAINT …",
        ),
        Bad(
            "ALTER DOMAIN points SET NOT NULL;",
            fix="ALTER DOMAIN points ADD CHECK (VALUE IS NOT NULL) NOT VALID;\n"
            "-- then, in a later transaction, ALTER DOMAIN … VALIDATE CONSTRAINT …",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - no table is named
        """See ``Rule.check``."""
        node = statement.node
        later = "-- then, in a later transaction, ALTER DOMAIN … VALIDATE CONSTRAINT …"
        domain = ".".join(ident(part) for part in names_in(node.type_name))
        if node.subtype == "C" and not getattr(node, "def").constraint.skip_validation:
            fix = f"{statement.text} NOT VALID;\n{later}"
        elif node.subtype == "O":
            fix = f"ALTER DOMAIN {domain} ADD CHECK (VALUE IS NOT NULL) NOT VALID;\n{later}"
        else:
            return
        yield Problem(
            f"a new constraint on domain {domain} reads every table that uses it",
            why="writes to all these tables wait while their rows are checked",
            fix=fix,
            lock=LockMode.SHARE,
            repair=self._repair(statement, domain),
        )

    @staticmethod
    def _repair(statement: Statement, domain: str) -> Repair | None:
        node = statement.node
        name = getattr(node, "def").constraint.conname if node.subtype == "C" else ""
        if not name:
            return None
        validate = f"ALTER DOMAIN {domain} VALIDATE CONSTRAINT {ident(name)}"
        return Repair((at_end(statement, " NOT VALID"),), after=(validate,), alone=True)
