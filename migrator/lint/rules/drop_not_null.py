"""RB001 drop-not-null."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class DropNotNull(AlterTableRule):
    """DROP NOT NULL: after a rollback of the code, the old version meets NULLs.

    Why it matters
        Nothing breaks now. But once new code has written NULLs, old code that is rolled back to, or still running,
        reads a NULL where it has never seen one; and NOT NULL cannot be set again without a repair.

    What to do
        Release code that can read NULL first; code that writes it, a release later.

    Source
        PostgreSQL documentation, ALTER TABLE, "SET NOT NULL": all rows have to satisfy it.
    """

    code = "RB001"
    name = "drop-not-null"
    severity = Severity.INFO
    category = Category.ROLLBACK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.AFTER_ROLLBACK,)
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_DropNotNull,)
    good = (Good("CREATE TABLE users (a int NOT NULL); ALTER TABLE users ALTER COLUMN a DROP NOT NULL;"),)
    bad = (
        Bad(
            "ALTER TABLE users ALTER COLUMN email DROP NOT NULL;",
            fix="-- first release code that can read NULL, then code that writes it",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if not action.is_new and action.column.not_null is not False:
            yield Problem(
                f"old code may meet NULL in {action.relation}.{ident(action.command.name)}",
                why="once new code has written NULL, the old version reads it too, also after a rollback of the code",
                fix="-- first release code that can read NULL, then code that writes it",
                lock=LockMode.ACCESS_EXCLUSIVE,
                span=context.span_of(action.command.name),
            )
