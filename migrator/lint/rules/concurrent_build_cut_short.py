"""LK030 concurrent-build-cut-short."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import literal
from migrator.sql.parser import Statement


class ConcurrentBuildCutShort(Rule):
    """CREATE INDEX or REINDEX CONCURRENTLY under a timeout.

    Why it matters
        The build takes as long as the table is large, and waits for all transactions that are older. A
        statement_timeout that fits other statements cancels it and leaves an invalid index, which every write has to
        keep up and no query can use.

    What to do
        SET statement_timeout = 0 before it. A lock_timeout also ends
        its waits for old transactions, which is less likely: it is left alone, since it keeps other statements safe.

    Source
        PostgreSQL documentation, CREATE INDEX, "Building Indexes Concurrently"; section 19.11.1.
    """

    code = "LK030"
    name = "concurrent-build-cut-short"
    severity = Severity.WARNING
    category = Category.LOCK
    lock = LockMode.SHARE_UPDATE_EXCLUSIVE
    work = Effort.BUILD
    breaks = (Breaks.MIGRATION,)
    fixable = Fixable.SAFE
    kinds = ("index_stmt", "reindex_stmt")
    good = (
        Good("SET statement_timeout = 0;\nCREATE INDEX CONCURRENTLY i ON users (a);"),
        Good("SET statement_timeout = '5s';\nRESET statement_timeout;\nCREATE INDEX CONCURRENTLY i ON users (a);"),
        Good("SET lock_timeout = '2s';\nCREATE INDEX CONCURRENTLY i ON users (a);"),
    )
    bad = (
        Bad(
            "SET statement_timeout = '5s';\nCREATE INDEX CONCURRENTLY i ON users (a);",
            fix="SET statement_timeout = 0;\nCREATE INDEX CONCURRENTLY i ON users (a);",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        if context.phased or context.effects.transactional:
            return
        timeout = context.settings.get("statement_timeout")
        if timeout and re.fullmatch(r"0+\s*[a-z]*|default", timeout, re.IGNORECASE) is None:
            yield Problem(
                f"a statement_timeout of {timeout} may cut the build short and leave an invalid index",
                why="the index stays behind invalid: writes keep it up, no query can use it",
                fix=f"SET statement_timeout = 0;\n{statement.text};",
                repair=Repair(
                    before=("SET statement_timeout = 0",), after=(f"SET statement_timeout = {literal(timeout)}",)
                ),
            )
