"""RB014 duplicate-assignment."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement


class DuplicateAssignment(Rule):
    """An UPDATE, INSERT or CREATE INDEX names a column twice.

    Why it matters
        PostgreSQL refuses an UPDATE ("multiple assignments to same column") and an INSERT ("column specified more
        than once"): the migration stops there. An index takes the column twice and is larger for nothing.

    What to do
        Name each column once; most often another one was meant.

    Source
        PostgreSQL documentation, UPDATE; run on 14 and 18.
    """

    code = "RB014"
    name = "duplicate-assignment"
    severity = Severity.ERROR
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    kinds = ("update_stmt", "insert_stmt", "index_stmt")
    good = (
        Good("UPDATE users SET a = 1, b = 2 WHERE id = 1;"),
        Good("UPDATE users SET a[1] = 1, a[2] = 2 WHERE id = 1;"),
        Good("CREATE INDEX CONCURRENTLY i ON users (a, lower(a));"),
    )
    bad = (
        Bad("UPDATE users SET a = 1, a = 2 WHERE id = 1;", fix="-- a once"),
        Bad("CREATE INDEX CONCURRENTLY i ON users (a, a);", fix="-- a once"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        node, kind = statement.node, statement.kind
        if kind == "index_stmt":
            names = [item.index_elem.name for item in node.index_params if not item.index_elem.opclass]
        else:
            targets = (item.res_target for item in (node.cols if kind == "insert_stmt" else node.target_list))
            names = [target.name for target in targets if not target.indirection]
        if len(names) == len(set(names)):
            return
        twice = next((name for place, name in enumerate(names) if name and name in names[:place]), None)
        if twice is not None:
            yield Problem(
                f"column {ident(twice)} is named twice",
                why="the index is larger for nothing"
                if kind == "index_stmt"
                else "PostgreSQL refuses the statement, and the migration stops here",
                fix=f"-- {ident(twice)} once",
                severity=Severity.WARNING if kind == "index_stmt" else None,
            )
