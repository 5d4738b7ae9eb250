"""PO035 deferrable-constraint."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.parser import pb


class DeferrableConstraint(AlterTableRule):
    """A DEFERRABLE constraint (opt-in).

    Why it matters
        Errors show at COMMIT, where no code expects them; ON CONFLICT and foreign keys cannot use it.

    What to do
        NOT DEFERRABLE, the default.

    Source
        PostgreSQL documentation, CREATE TABLE, "DEFERRABLE".
    """

    code = "PO035"
    name = "deferrable-constraint"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    subtypes = (pb.AT_AddConstraint,)
    good = (Good("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;", phase=Phase.CONTRACT),)
    bad = (
        Bad(
            "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u DEFERRABLE NOT VALID;",
            phase=Phase.CONTRACT,
            fix="-- without DEFERRABLE",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.definition.deferrable:
            yield Problem(
                f"a constraint of {action.relation} is checked at COMMIT, if somebody asks for it",
                why="errors show where no code expects them, and ON CONFLICT cannot use it",
                fix="-- without DEFERRABLE",
                span=context.span_at(action.definition.location),
            )
