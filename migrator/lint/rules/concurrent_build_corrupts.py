"""PO045 concurrent-build-corrupts."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement


class ConcurrentBuildCorrupts(Rule):
    """A concurrent build on a server that may be 14.0 to 14.3 (opt-in).

    Why it matters
        These versions may leave entries out of the index, without any error.

    What to do
        A later 14; where one of these built an index, REINDEX it.

    Source
        Release notes of PostgreSQL 14.4.
    """

    code = "PO045"
    name = "concurrent-build-corrupts"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    versions = (14, 14)
    kinds = ("index_stmt", "reindex_stmt")
    good = (Good("CREATE INDEX CONCURRENTLY i ON t (a);", pg_version=15),)
    bad = (Bad("CREATE INDEX CONCURRENTLY i ON t (a);", fix="-- on 14.4 or later"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        if context.pg_version == 14 and not context.effects.transactional:
            kind = "index" if statement.kind == "index_stmt" else "reindexed index"
            yield Problem(
                f"14.0 to 14.3 may leave rows out of this {kind}",
                why="queries that use the index then miss rows, without any error",
                fix="-- on 14.4 or later",
            )
