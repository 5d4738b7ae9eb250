"""PO029 enum-value-without-position."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import literal
from migrator.sql.parser import Statement


class EnumValueWithoutPosition(Rule):
    """ALTER TYPE … ADD VALUE without BEFORE or AFTER (opt-in).

    Why it matters
        The label sorts last, whatever it means; its place cannot be changed later.

    What to do
        BEFORE or AFTER another label.

    Source
        PostgreSQL documentation, ALTER TYPE.
    """

    code = "PO029"
    name = "enum-value-without-position"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("alter_enum_stmt",)
    good = (Good("ALTER TYPE mood ADD VALUE 'calm' AFTER 'good';"), Good("ALTER TYPE mood RENAME VALUE 'a' TO 'b';"))
    bad = (Bad("ALTER TYPE mood ADD VALUE 'calm';", fix="-- … ADD VALUE 'calm' AFTER …"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        node = statement.node
        if not node.old_val and not node.new_val_neighbor:
            yield Problem(
                f"label {literal(node.new_val)} sorts behind all others",
                why="its place cannot be changed later",
                fix=f"-- … ADD VALUE {literal(node.new_val)} AFTER …",
            )
