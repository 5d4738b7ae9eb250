"""LK037 extension-updated."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement


class ExtensionUpdated(Rule):
    """ALTER EXTENSION … UPDATE runs a script that nobody here has read.

    Why it matters
        The script of the new version may change types, operators and functions that tables, indexes and the running
        code use, under whatever locks that takes; some ask for a REINDEX afterwards.

    What to do
        Read the release notes of the extension, try the update on a copy with the real data, and run it apart from
        other migrations.

    Source
        PostgreSQL documentation, ALTER EXTENSION, and section 36.17.4 "Extension Updates".
    """

    code = "LK037"
    name = "extension-updated"
    severity = Severity.WARNING
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES)
    kinds = ("alter_extension_stmt",)
    good = (
        Good("CREATE EXTENSION IF NOT EXISTS pg_trgm;"),
        Good("CREATE EXTENSION pg_trgm; ALTER EXTENSION pg_trgm UPDATE;"),
    )
    bad = (
        Bad("ALTER EXTENSION postgis UPDATE;", fix="-- apart from other migrations, tried on a copy of the data first"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        name = statement.node.extname
        made = any(other.node.extname == name for other in context.all_of("create_extension_stmt"))
        if not made:
            yield Problem(
                f"updating extension {ident(name)} runs its script, with whatever locks that takes",
                why="the script may change what tables, indexes and running code use",
                fix="-- apart from other migrations, tried on a copy of the data first",
                blocks="whoever uses what the script changes",
            )
