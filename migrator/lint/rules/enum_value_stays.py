"""RB002 enum-value-stays."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import literal
from migrator.sql.parser import Statement


class EnumValueStays(Rule):
    """ALTER TYPE … ADD VALUE cannot be undone.

    Why it matters
        PostgreSQL cannot remove a label. Old code that maps labels strictly fails on rows that new code wrote with
        it, also after a rollback of the code.

    What to do
        Release code that understands the label first; code that writes it, a release later. To take it away again is
        a change of every column of the type: migrator's `drop_enum_value`.

    Source
        PostgreSQL documentation, section 8.7.4 "Implementation Details".
    """

    code = "RB002"
    name = "enum-value-stays"
    severity = Severity.INFO
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.AFTER_ROLLBACK)
    phases = BEFORE_THE_DEPLOY
    kinds = ("alter_enum_stmt",)
    good = (Good("CREATE TYPE mood AS ENUM ('a'); ALTER TYPE mood ADD VALUE 'b';"),)
    bad = (
        Bad(
            "ALTER TYPE mood ADD VALUE 'calm';",
            fix="-- first release code that understands the label, then code that writes it",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        created = {names_in(other.node.type_name) for other in context.all_of("create_enum_stmt")}
        if not node.old_val and names_in(node.type_name) not in created:
            yield Problem(
                f"label {literal(node.new_val)} cannot be removed again",
                why="old code that maps labels strictly fails on rows that new code wrote with it",
                fix="-- first release code that understands the label, then code that writes it",
            )
