"""LK027 domain-constraint-validating."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement

_VALID_LATER = "-- VALIDATE CONSTRAINT … makes writes wait as well: later, when few write, or not at all"


class DomainConstraintValidating(Rule):
    """ALTER DOMAIN … ADD CHECK, SET NOT NULL or VALIDATE CONSTRAINT, which checks every table at once.

    Why it matters
        Every table with a column of the domain is locked SHARE and read in full: writes to all of them wait.

    What to do
        ADD CONSTRAINT … NOT VALID is brief, and all that is written from then on is checked. For NOT NULL: a
        CHECK (VALUE IS NOT NULL). VALIDATE CONSTRAINT of a domain takes the same lock, other than that of a table: run
        it when few write, with a lock_timeout, or leave it.

    Source
        PostgreSQL documentation, ALTER DOMAIN; measured on 14, 15 and 18.
    """

    code = "LK027"
    name = "domain-constraint-validating"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.SHARE
    work = Effort.SCAN
    breaks = ()
    kinds = ("alter_domain_stmt",)
    good = (
        Good("ALTER DOMAIN points ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;"),
        Good("ALTER DOMAIN points SET DEFAULT 1;"),
    )
    bad = (
        Bad(
            "ALTER DOMAIN points ADD CONSTRAINT positive CHECK (VALUE > 0);",
            fix=f"ALTER DOMAIN points ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;\n{_VALID_LATER}",
        ),
        Bad(
            "ALTER DOMAIN points SET NOT NULL;",
            fix=f"ALTER DOMAIN points ADD CHECK (VALUE IS NOT NULL) NOT VALID;\n{_VALID_LATER}",
        ),
        Bad(
            "ALTER DOMAIN points VALIDATE CONSTRAINT positive;",
            earlier="ALTER DOMAIN points ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;",
            fix=_VALID_LATER,
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - no table is named
        """See ``Rule.check``."""
        node = statement.node
        domain = ".".join(ident(part) for part in names_in(node.type_name))
        message = f"a new constraint on domain {domain} reads every table that uses it"
        severity = None
        if node.subtype == "C" and not getattr(node, "def").constraint.skip_validation:
            fix = f"{statement.text} NOT VALID;\n{_VALID_LATER}"
        elif node.subtype == "O":
            fix = f"ALTER DOMAIN {domain} ADD CHECK (VALUE IS NOT NULL) NOT VALID;\n{_VALID_LATER}"
        elif node.subtype == "V":
            message = f"validating a constraint of domain {domain} reads every table that uses it"
            fix, severity = _VALID_LATER, Severity.WARNING
        else:
            return
        yield Problem(
            message,
            why="writes to all these tables wait while their rows are checked",
            fix=fix,
            lock=LockMode.SHARE,
            severity=severity,
        )
