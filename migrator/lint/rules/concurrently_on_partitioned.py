"""LK028 concurrently-on-partitioned."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb, unwrap

_RECIPE = (
    "-- then, for each partition: CREATE INDEX CONCURRENTLY … ON partition (…), and\n"
    "-- ALTER INDEX … ATTACH PARTITION …"
)


class ConcurrentlyOnPartitioned(Rule):
    """CREATE or DROP INDEX CONCURRENTLY on a partitioned table.

    Why it matters
        PostgreSQL refuses it ("cannot create index on partitioned table … concurrently") and the migration stops there.

    What to do
        CREATE INDEX … ON ONLY the parent (brief), CREATE INDEX CONCURRENTLY on each partition, and ALTER INDEX …
        ATTACH PARTITION for each; the index of the parent is valid once all are attached. To drop one, DROP INDEX of
        the parent's index with a lock_timeout: it is brief. In the phases of a migration, migrator does so for each of
        these statements, and nothing is reported.

    Source
        PostgreSQL documentation, CREATE INDEX and DROP INDEX; run on 14 and 18.
    """

    code = "LK028"
    name = "concurrently-on-partitioned"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    kinds = ("index_stmt", "drop_stmt")
    good = (
        Good("CREATE INDEX CONCURRENTLY i ON e1 (at);",
             earlier="CREATE TABLE events (at date) PARTITION BY RANGE (at);\n"
             "CREATE TABLE e1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"),
        Good("DROP INDEX CONCURRENTLY users_name;", earlier="CREATE TABLE users (a int, name text);\n"
             "CREATE INDEX users_name ON users (name);"),
    )  # fmt: skip
    bad = (
        Bad(
            "CREATE INDEX CONCURRENTLY events_at ON events (at);",
            earlier="CREATE TABLE events (at date) PARTITION BY RANGE (at);",
            fix=f"CREATE INDEX events_at ON ONLY events (at);\n{_RECIPE}",
        ),
        Bad(
            "DROP INDEX CONCURRENTLY events_at;",
            earlier="CREATE TABLE events (at date) PARTITION BY RANGE (at);\nCREATE INDEX events_at ON events (at);",
            fix="-- with a short lock_timeout, tried again when it runs out:\n-- DROP INDEX events_at",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node, catalog = statement.node, context.catalog
        if not node.concurrent or context.phased:
            return
        without = re.sub(r"\s+CONCURRENTLY\b", "", statement.text, count=1, flags=re.IGNORECASE)
        if statement.kind == "index_stmt":
            table = catalog.table(node.relation)
            if table is not None and table.partitioned:
                once = re.sub(r"(\sON\s+)(?:ONLY\s+)?", r"\1ONLY ", without, count=1, flags=re.IGNORECASE)
                yield Problem(
                    f"an index on {relation_name(node.relation)}, which is partitioned, cannot be built CONCURRENTLY",
                    why="PostgreSQL refuses the statement, and the migration stops here",
                    fix=f"{once};\n{_RECIPE}",
                )
            return
        if node.remove_type != pb.OBJECT_INDEX:
            return
        for item in map(unwrap, node.objects):
            parts = names_in(item.items)
            key = catalog.resolve(parts[-2] if len(parts) > 1 else "", parts[-1], catalog.indexes)
            index = catalog.indexes.get(key)
            table = catalog.tables.get(index.table) if index else None
            if table is not None and table.partitioned:
                yield Problem(
                    f"{ident(parts[-1])} is on a partitioned table and cannot be dropped CONCURRENTLY",
                    why="PostgreSQL refuses the statement, and the migration stops here",
                    fix=f"-- with a short lock_timeout, tried again when it runs out:\n-- {without}",
                )
