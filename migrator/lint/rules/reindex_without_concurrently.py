"""LK004 reindex-without-concurrently."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair, after_word
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement, pb, unwrap


class ReindexWithoutConcurrently(Rule):
    """REINDEX without CONCURRENTLY.

    Why it matters
        It takes SHARE on the table and ACCESS EXCLUSIVE on each index while it is rebuilt: writes wait, and so do
        reads, because the planner looks at every index of a table.

    What to do
        REINDEX … CONCURRENTLY (PostgreSQL 12), outside a transaction.

    Source
        PostgreSQL documentation, REINDEX, "Rebuilding Indexes Concurrently"; measured on 15 and 18.
    """

    code = "LK004"
    name = "reindex-without-concurrently"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BUILD
    breaks = ()
    fixable = Fixable.SAFE
    kinds = ("reindex_stmt",)
    good = (
        Good("REINDEX INDEX CONCURRENTLY users_email;"),
        Good("REINDEX (CONCURRENTLY) TABLE users;"),
        Good("CREATE TABLE users (email text); REINDEX TABLE users;"),
    )
    bad = (
        Bad("REINDEX INDEX users_email;", fix="REINDEX INDEX CONCURRENTLY users_email;"),
        Bad("REINDEX (VERBOSE) TABLE app.users;", fix="REINDEX (VERBOSE) TABLE CONCURRENTLY app.users;"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if any(unwrap(option).defname == "concurrently" for option in node.params):
            return
        on_table = node.kind == pb.REINDEX_OBJECT_TABLE
        if (on_table and context.is_new(node.relation)) or node.kind == pb.REINDEX_OBJECT_SYSTEM:
            return
        word = after_word(statement, ("INDEX", "TABLE", "SCHEMA", "DATABASE"), " CONCURRENTLY")
        what = r"\b(INDEX|TABLE|SCHEMA|DATABASE)\b"
        yield Problem(
            "REINDEX blocks writes, and reads that look at the index, until it is rebuilt",
            why="every query on the table waits, because planning a query opens all its indexes",
            fix=re.sub(what, r"\1 CONCURRENTLY", statement.text, count=1, flags=re.IGNORECASE) + ";",
            lock=LockMode.ACCESS_EXCLUSIVE,
            repair=Repair((word,), alone=True) if word else None,
        )
