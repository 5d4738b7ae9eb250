"""RB003 concurrently-if-not-exists."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import qualified
from migrator.sql.parser import Statement


class ConcurrentlyIfNotExists(Rule):
    """CREATE INDEX CONCURRENTLY IF NOT EXISTS passes over a broken index.

    Why it matters
        A build that failed leaves an invalid index. Running the migration again finds the name taken and succeeds:
        the index is never used for reading, and still slows every write.

    What to do
        DROP INDEX CONCURRENTLY IF EXISTS before it. migrator looks for invalid leftovers itself, so this is not
        reported in phase files.

    Source
        PostgreSQL documentation, CREATE INDEX, "Building Indexes Concurrently".
    """

    code = "RB003"
    name = "concurrently-if-not-exists"
    severity = Severity.INFO
    category = Category.ROLLBACK
    lock = LockMode.SHARE_UPDATE_EXCLUSIVE
    work = Effort.BUILD
    breaks = (Breaks.MIGRATION,)
    phases = frozenset({None})
    kinds = ("index_stmt",)
    good = (
        Good("CREATE INDEX CONCURRENTLY users_email ON users (email);"),
        Good("CREATE INDEX CONCURRENTLY IF NOT EXISTS users_email ON users (email);", phase=Phase.EXPAND),
        Good("DROP INDEX CONCURRENTLY IF EXISTS u; CREATE INDEX CONCURRENTLY IF NOT EXISTS u ON users (email);"),
    )
    bad = (
        Bad(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_email ON users (email);",
            fix="DROP INDEX CONCURRENTLY IF EXISTS users_email;\n"
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_email ON users (email);",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if not (node.concurrent and node.if_not_exists) or context.is_new(node.relation):
            return
        dropped = any(node.idxname in other.text for other in context.earlier_of("drop_stmt"))
        if not dropped:
            name = qualified(node.relation.schemaname or None, node.idxname)
            yield Problem(
                f"an invalid {name} left by a failed build is passed over",
                why="run again after a failure, the statement succeeds and the index stays unusable",
                fix=f"DROP INDEX CONCURRENTLY IF EXISTS {name};\n{statement.text};",
                lock=LockMode.SHARE_UPDATE_EXCLUSIVE,
            )
