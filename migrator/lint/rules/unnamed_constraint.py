"""PO032 unnamed-constraint."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.plan import Phase
from migrator.sql.parser import pb


class UnnamedConstraint(AlterTableRule):
    """ADD CONSTRAINT without a name (opt-in).

    Why it matters
        PostgreSQL chooses one, with a number if it is taken: it may differ between databases, and the migration that
        drops it later, Alembic's above all, has to guess.

    What to do
        CONSTRAINT name.

    Source
        PostgreSQL documentation, section 5.5 "Constraints".
    """

    code = "PO032"
    name = "unnamed-constraint"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    subtypes = (pb.AT_AddConstraint,)
    good = (Good("ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;", phase=Phase.CONTRACT),)
    bad = (
        Bad(
            "ALTER TABLE t ADD CHECK (a > 0) NOT VALID;",
            phase=Phase.CONTRACT,
            fix="-- ADD CONSTRAINT … CHECK (a > 0) NOT VALID",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint = action.definition
        if not constraint.conname and not constraint.indexname:
            yield Problem(
                f"a constraint of {action.relation} has no name of its own",
                why="the name that PostgreSQL chooses may differ between databases",
                fix=f"-- ADD CONSTRAINT … {' '.join(context.clause(constraint.location).split())}",
                span=context.span_at(constraint.location),
            )
