"""SQ003 alter-table-refused."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class AlterTableRefused(DialectRule):
    """SQLite's ALTER TABLE cannot do this.

    Why it matters
        The migration fails: SQLite renames tables and columns, adds columns and drops them, and nothing else. A new
        column may be neither a key nor unique, and if it is NOT NULL it needs a constant default that is not NULL.

    What to do
        Make a new table, copy the rows, drop the old one and rename (ALTER TABLE, section 7 of SQLite's manual).

    Source
        SQLite 3.35 to 3.50, ALTER TABLE.
    """

    code = "SQ003"
    name = "alter-table-refused"
    severity = Severity.ERROR
    category = Category.POLICY
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    dialects = ("sqlite",)
    good = (
        Good("ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 0;"),
        Good("ALTER TABLE t RENAME COLUMN a TO b;"),
    )
    bad = (
        Bad("ALTER TABLE t ADD COLUMN a int UNIQUE;", fix=""),
        Bad("ALTER TABLE t ADD COLUMN a int NOT NULL;", fix=""),
        Bad("ALTER TABLE t ALTER COLUMN a SET DEFAULT 1;", fix=""),
        Bad("ALTER TABLE t ADD COLUMN a text DEFAULT CURRENT_TIMESTAMP;", fix=""),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:  # noqa: ARG002 - true of any
        """See ``DialectRule.look``."""
        if not statement.starts("ALTER TABLE"):
            return
        for action in actions_of(statement):
            reason = ""
            if action.kind not in ("add column", "drop column", "rename column", "rename table"):
                reason = "only tables and columns are renamed, columns added and dropped"
            elif action.kind == "add column":
                filled = action.has("DEFAULT") and not action.has("DEFAULT", "NULL")
                if action.has("PRIMARY", "KEY") or action.has("UNIQUE"):
                    reason = "a new column can be neither a primary key nor unique"
                elif action.has("NOT", "NULL") and not filled and not action.has("AS"):
                    reason = "a new column that is NOT NULL needs a default"
                elif any(
                    action.has("DEFAULT", word) for word in ("CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "(")
                ):
                    reason = "the default of a new column must be a constant"
                elif action.has("STORED"):
                    reason = "a stored generated column cannot be added"
            if reason:
                yield Problem("SQLite refuses this ALTER TABLE", why=reason, span=action.span)
