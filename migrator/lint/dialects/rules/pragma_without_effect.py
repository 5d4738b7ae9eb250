"""SQ002 pragma-without-effect."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class PragmaWithoutEffect(DialectRule):
    """PRAGMA foreign_keys does nothing inside a transaction.

    Why it matters
        Foreign keys stay on: what follows may delete rows of other tables, or be refused.

    What to do
        Put it before BEGIN.

    Source
        SQLite, PRAGMA foreign_keys.
    """

    code = "SQ002"
    name = "pragma-without-effect"
    severity = Severity.ERROR
    category = Category.POLICY
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    dialects = ("sqlite",)
    good = (
        Good("PRAGMA foreign_keys = OFF;\nBEGIN;\nCOMMIT;"),
        Good("BEGIN;\nPRAGMA foreign_key_check;\nCOMMIT;"),
    )
    bad = (Bad("BEGIN;\nPRAGMA foreign_keys = OFF;\nCOMMIT;", fix=""),)

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        if statement.starts("PRAGMA") and "=" in statement.keys and tables.in_transaction:
            name = statement.words[statement.keys.index("=") - 1].name.lower()
            if name == "foreign_keys":
                yield Problem(
                    "PRAGMA foreign_keys does nothing inside a transaction", why="foreign keys stay as they were"
                )
