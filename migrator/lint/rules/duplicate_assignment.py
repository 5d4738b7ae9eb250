"""RB014 duplicate-assignment."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, unwrap


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
        elements = map(unwrap, node.target_list if kind == "update_stmt" else
                       node.cols if kind == "insert_stmt" else node.index_params)  # fmt: skip
        names: list[str] = []
        for element in elements:
            if element.name and (kind == "index_stmt" or not element.indirection):
                if element.name in names and (kind != "index_stmt" or not element.opclass):
                    name = ident(element.name)
                    yield Problem(
                        f"column {name} is named twice",
                        why="the index is larger for nothing"
                        if kind == "index_stmt"
                        else "PostgreSQL refuses the statement, and the migration stops here",
                        fix=f"-- {name} once",
                        severity=Severity.WARNING if kind == "index_stmt" else None,
                    )
                    return
                names.append(element.name)
