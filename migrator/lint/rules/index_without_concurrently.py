"""LK001 index-without-concurrently."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair, after_word
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement


class IndexWithoutConcurrently(Rule):
    """CREATE INDEX without CONCURRENTLY on a table that is in use.

    Why it matters
        It takes SHARE on the table for as long as the index is built: seconds to hours. Reads go on; every INSERT,
        UPDATE and DELETE waits. A partitioned table is locked with all its partitions.

    What to do
        CREATE INDEX CONCURRENTLY, outside a transaction. If it fails it leaves an invalid index: drop that and try
        again. On a partitioned table it does not exist: create the index ON ONLY the parent (brief), one
        CONCURRENTLY on each partition, and attach them.

    Quiet for tables that the same file created.

    Source
        PostgreSQL documentation, CREATE INDEX, "Building Indexes Concurrently"; measured on 15 and 18.
    """

    code = "LK001"
    name = "index-without-concurrently"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.SHARE
    work = Effort.BUILD
    breaks = ()
    fixable = Fixable.SAFE
    kinds = ("index_stmt",)
    good = (
        Good("CREATE INDEX CONCURRENTLY users_email ON users (email);"),
        Good("CREATE TABLE users (id bigint, email text); CREATE INDEX users_email ON users (email);"),
        Good("CREATE TEMP TABLE users (email text); CREATE INDEX ON users (email);"),
        Good("CREATE INDEX i ON ONLY events (at);", earlier="CREATE TABLE events (at date) PARTITION BY RANGE (at);"),
        Good("CREATE TABLE app.users (email text); CREATE UNIQUE INDEX ON app.users (email);"),
    )
    bad = (
        Bad(
            "CREATE INDEX users_email ON users (email);",
            fix="CREATE INDEX CONCURRENTLY users_email ON users (email);",
        ),
        Bad(
            "CREATE INDEX IF NOT EXISTS users_email ON users (email);",
            fix="CREATE INDEX CONCURRENTLY IF NOT EXISTS users_email ON users (email);",
            earlier="CREATE TABLE users (email text);",
        ),
        Bad(
            "CREATE TEMP TABLE users (email text);\nCREATE INDEX users_email ON public.users (email);",
            fix="CREATE INDEX CONCURRENTLY users_email ON public.users (email);",
        ),
        Bad(
            "CREATE INDEX events_at ON events (at);",
            earlier="CREATE TABLE events (at date) PARTITION BY RANGE (at);",
            fix="CREATE INDEX events_at ON ONLY events (at);\n"
            "-- then, for each partition: CREATE INDEX CONCURRENTLY … ON partition (…), and\n"
            "-- ALTER INDEX … ATTACH PARTITION …",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        table = context.catalog.table(node.relation)
        partitioned = table is not None and table.partitioned
        only_parent = not node.relation.inh and (partitioned or table is None or not table.complete)
        if node.concurrent or context.is_new(node.relation) or only_parent:
            return
        repair = None
        if partitioned:
            fix = re.sub(r"(\sON\s+)", r"\1ONLY ", statement.text, count=1, flags=re.IGNORECASE) + (
                ";\n-- then, for each partition: CREATE INDEX CONCURRENTLY … ON partition (…), and\n"
                "-- ALTER INDEX … ATTACH PARTITION …"
            )
        else:
            word = after_word(statement, ("INDEX",), " CONCURRENTLY")
            repair = Repair((word,), alone=True) if word else None
            fix = re.sub(r"\bINDEX\b", "INDEX CONCURRENTLY", statement.text, count=1, flags=re.IGNORECASE) + ";"
        yield Problem(
            f"creating an index on {relation_name(node.relation)} blocks writes until it is built",
            why="every INSERT, UPDATE and DELETE on the table waits while all its rows are read"
            + (", on each partition as well" if partitioned else ""),
            fix=fix,
            lock=LockMode.SHARE,
            repair=repair,
        )
