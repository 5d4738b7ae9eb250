"""BC014 rename-enum-value."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import literal
from migrator.sql.parser import Statement


class RenameEnumValue(Rule):
    """ALTER TYPE … RENAME VALUE while code that uses the old label may be running.

    Why it matters
        Running code that writes or compares with the old label fails, and meets a label it does not know.

    What to do
        Add the new label, release code that understands both and writes the new one, then move the rows; migrator's
        `drop_enum_value` takes the old one away then, and moves what is left. Or, with code that copes with both names
        and writes neither until contract, migrator's `rename_enum_value`.

    Expected in `contract.sql` and `rollback.sql`.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC014"
    name = "rename-enum-value"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES)
    phases = BEFORE_THE_DEPLOY
    kinds = ("alter_enum_stmt",)
    good = (
        Good("ALTER TYPE mood ADD VALUE 'calm';"),
        Good("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';", phase=Phase.CONTRACT),
    )
    bad = (
        Bad(
            "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';",
            fix="-- ALTER TYPE … ADD VALUE 'blue'; then code that understands both; then move the rows in batches",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text matters
        """See ``Rule.check``."""
        node = statement.node
        if node.old_val:
            yield Problem(
                f"running code that uses label {literal(node.old_val)} fails",
                why="the running version writes a label that is gone, and reads one that it does not know",
                fix=f"-- ALTER TYPE … ADD VALUE {literal(node.new_val)}; then code that understands both; "
                "then move the rows in batches",
            )
