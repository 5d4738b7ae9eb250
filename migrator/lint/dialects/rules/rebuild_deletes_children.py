"""SQ001 rebuild-deletes-children."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, key_of, table_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class RebuildDeletesChildren(DialectRule):
    """Replacing a table with foreign keys on deletes the rows that refer to it.

    Why it matters
        DROP TABLE deletes every row first: with PRAGMA foreign_keys = ON that is refused, or goes through to other
        tables by ON DELETE CASCADE. Inside a transaction the pragma does nothing.

    What to do
        PRAGMA foreign_keys = OFF before BEGIN, the twelve steps of the manual, PRAGMA foreign_key_check before
        COMMIT, then ON.

    Source
        SQLite, ALTER TABLE, section 7; DROP TABLE.
    """

    code = "SQ001"
    name = "rebuild-deletes-children"
    severity = Severity.ERROR
    category = Category.DATA_LOSS
    work = Effort.NONE
    breaks = (Breaks.DATA,)
    dialects = ("sqlite",)
    good = (Good("PRAGMA foreign_keys = OFF;\nCREATE TABLE n (a int);\nDROP TABLE t;\nALTER TABLE n RENAME TO t;"),)
    bad = (
        Bad(
            "CREATE TABLE new_t (a int);\nDROP TABLE t;\nALTER TABLE new_t RENAME TO t;",
            fix="PRAGMA foreign_keys = OFF; -- before BEGIN",
        ),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        if not statement.starts("DROP TABLE") or tables.settings.get("foreign_keys") in ("off", "0", "no", "false"):
            return
        name, _ = table_of(statement)
        if tables.is_new(name):
            return
        for later in tables.following:
            for action in actions_of(later):
                if action.kind == "rename table" and key_of(action.words[-1].name) == key_of(name):
                    yield Problem(
                        f"rows of other tables that refer to {name} may be deleted with it",
                        why="DROP TABLE deletes every row first, and foreign keys are not switched off",
                        fix="PRAGMA foreign_keys = OFF; -- before BEGIN",
                    )
                    return
