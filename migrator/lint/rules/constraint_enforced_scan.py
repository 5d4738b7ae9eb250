"""LK034 constraint-enforced-scan."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class ConstraintEnforcedScan(AlterTableRule):
    """ALTER CONSTRAINT … ENFORCED checks every row.

    Why it matters
        A foreign key that was NOT ENFORCED is checked in full at once: both tables are locked while all rows are read.

    What to do
        Add a second foreign key NOT VALID, VALIDATE it in a later transaction, and drop the one that is not enforced.

    Source
        PostgreSQL 18 documentation, ALTER TABLE; pg_locks on 18.
    """

    code = "LK034"
    name = "constraint-enforced-scan"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    versions = (18, 18)
    subtypes = (pb.AT_AlterConstraint,)
    good = (
        Good("ALTER TABLE orders ALTER CONSTRAINT owner NOT ENFORCED;", pg_version=18),
        Good("ALTER TABLE orders ALTER CONSTRAINT owner DEFERRABLE;", pg_version=18),
        Good("CREATE TABLE orders (user_id int CONSTRAINT owner REFERENCES users NOT ENFORCED);\n"
             "ALTER TABLE orders ALTER CONSTRAINT owner ENFORCED;", pg_version=18),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER TABLE orders ALTER CONSTRAINT owner ENFORCED;",
            pg_version=18,
            fix="-- ALTER TABLE orders ADD CONSTRAINT … FOREIGN KEY … NOT VALID\n"
            "-- in a later transaction: ALTER TABLE orders VALIDATE CONSTRAINT …\n"
            "-- ALTER TABLE orders DROP CONSTRAINT owner",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        definition = action.definition
        if action.is_new or not definition.alter_enforceability or not definition.is_enforced:
            return
        name, relation = ident(definition.conname), action.relation
        yield Problem(
            f"enforcing {name} reads all rows of {relation} while both tables are locked",
            why="reads and writes wait until every row has been looked up in the referenced table",
            fix=f"-- ALTER TABLE {relation} ADD CONSTRAINT … FOREIGN KEY … NOT VALID\n"
            f"-- in a later transaction: ALTER TABLE {relation} VALIDATE CONSTRAINT …\n"
            f"-- ALTER TABLE {relation} DROP CONSTRAINT {name}",
            span=context.span_of(definition.conname),
        )
