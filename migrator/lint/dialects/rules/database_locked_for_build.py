"""SQ004 database-locked-for-build."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, table_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class DatabaseLockedForBuild(DialectRule):
    """Every write to the database waits while this runs.

    Why it matters
        SQLite has one lock for writers: an index, a dropped column or VACUUM of a large table holds it until it is
        done, and others get SQLITE_BUSY after their busy_timeout.

    What to do
        Do it when nobody writes, and set busy_timeout in the application.

    Source
        SQLite, File Locking And Concurrency; ALTER TABLE, section 5; VACUUM.
    """

    code = "SQ004"
    name = "database-locked-for-build"
    severity = Severity.WARNING
    category = Category.LOCK
    work = Effort.BUILD
    breaks = ()
    dialects = ("sqlite",)
    good = (
        Good("CREATE TABLE t (a int);\nCREATE INDEX i ON t (a);"),
        Good("ALTER TABLE t ADD COLUMN a int;"),
    )
    bad = (
        Bad("CREATE INDEX i ON t (a);", fix=""),
        Bad("VACUUM;", fix=""),
        Bad("ALTER TABLE t DROP COLUMN a;", fix=""),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        what = ""
        if statement.starts("VACUUM"):
            what = "VACUUM writes the whole database anew"
        elif statement.starts("CREATE INDEX", "CREATE UNIQUE INDEX") and "ON" in statement.keys:
            table = statement.words[min(statement.keys.index("ON") + 1, len(statement.words) - 1)].name
            what = "" if tables.is_new(table) else f"an index of {table} is built"
        elif statement.starts("ALTER TABLE"):
            table, _ = table_of(statement)
            if not tables.is_new(table) and any(action.kind == "drop column" for action in actions_of(statement)):
                what = f"{table} is written anew without the column"
        if what:
            yield Problem(
                f"{what}: every write to the database waits", why="there is one lock for all who write", blocks="writes"
            )
