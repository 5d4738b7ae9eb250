"""BC027 domain-rejects-writes."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import Statement


class DomainRejectsWrites(Rule):
    """A domain becomes stricter under running code.

    Why it matters
        Writes of the running version that do not satisfy it fail from that moment, in every table with a column of
        the domain, also with NOT VALID.

    What to do
        Release code that keeps to it, then add the constraint in the contract phase.

    Quiet for domains that the same file created.

    Source
        PostgreSQL documentation, ALTER DOMAIN; run on 15 and 18.
    """

    code = "BC027"
    name = "domain-rejects-writes"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.SHARE
    work = Effort.SCAN
    breaks = (Breaks.WRITES,)
    phases = BEFORE_THE_DEPLOY
    kinds = ("alter_domain_stmt",)
    good = (
        Good("ALTER DOMAIN points DROP CONSTRAINT positive;"),
        Good("ALTER DOMAIN points ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;", phase=Phase.CONTRACT),
        Good("CREATE DOMAIN points AS int; ALTER DOMAIN points ADD CONSTRAINT positive CHECK (VALUE > 0);"),
    )
    bad = (
        Bad(
            "ALTER DOMAIN points ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;",
            fix="-- contract.sql of a phased migration, when no code is left that writes other values:\n"
            "-- ALTER DOMAIN points ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.subtype not in ("C", "O"):
            return
        name = names_in(node.type_name)[-1]
        made = any(names_in(other.node.domainname)[-1] == name for other in context.all_of("create_domain_stmt"))
        if made:
            return
        not_valid = node.subtype == "C" and getattr(node, "def").constraint.skip_validation
        yield Problem(
            f"running code that writes other values of {ident(name)} fails",
            why="writes of the running version to every table with a column of the domain are refused",
            fix="-- contract.sql of a phased migration, when no code is left that writes other values:\n"
            f"-- {' '.join(statement.text.split())}",
            lock=LockMode.NONE if not_valid else None,
            work=Effort.NONE if not_valid else None,
        )
